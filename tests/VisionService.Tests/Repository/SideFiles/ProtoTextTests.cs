using VisionService.Repository;
using VisionService.Repository.SideFiles;

namespace VisionService.Tests.Repository.SideFiles;

public class ProtoTextTests
{
    [Fact]
    public void Fields_messages_lists_and_comments_are_read_in_every_form()
    {
        var message = Parse("""
            # a comment: { not a message
            name: "densenet" # another
            dims: [ 3, 224, 224 ]
            dims: -1
            input { name: 'a' },
            input: < name: "b" >;
            input [ { name: "c" }, { name: "d" } ]
            [nvidia.extension] { deep { deeper: KIND_GPU } }
            empty {}
            """);
        Assert.Equal("densenet", message.Text("name"));
        Assert.Equal([3, 224, 224, -1], message.Integers("dims", -1, 1000));
        Assert.Equal(["a", "b", "c", "d"], message.Messages("input").Select(input => input.Text("name")));
        Assert.Equal("KIND_GPU", message.Message("[nvidia.extension]")!.Message("deep")!.Text("deeper"));
        Assert.Equal(["empty"], message.Unread);
    }

    [Theory]
    [InlineData(@"x: ""tab\there""", "tab\there")]
    [InlineData(@"x: ""quote\"" and \\ and \'""", "quote\" and \\ and '")]
    [InlineData(@"x: ""\x41\101\12""", "AA\n")]
    [InlineData("x: 'a' \"b\"\n 'c'", "abc")]
    [InlineData("x: 'braces } and # are text'", "braces } and # are text")]
    [InlineData("x: 1.5e-3", "1.5e-3")]
    [InlineData("x: 1 x: 2", "2")]
    [InlineData("x: ''", null)]
    public void Texts_are_as_protobuf_has_them(string text, string? value) => Assert.Equal(value, Parse(text).Text("x"));

    [Theory]
    [InlineData("a {\n b: 1", "config.pbtxt, line 2: a field's name is wanted, not the end.")]
    [InlineData("a: \"open\nb: 1", "config.pbtxt, line 1: a closing \" is wanted, not '\n'.")]
    [InlineData("\n\na b", "config.pbtxt, line 3: ':' or '{' is wanted, not 'b'.")]
    [InlineData("a: }", "config.pbtxt, line 1: a value is wanted, not '}'.")]
    [InlineData("a: [1 2]", "config.pbtxt, line 1: ',' or ']' is wanted, not '2'.")]
    [InlineData("a: [1,", "config.pbtxt, line 1: a value is wanted, not the end.")]
    [InlineData("}", "config.pbtxt, line 1: a field's name is wanted, not '}'.")]
    [InlineData("a: \"\\", "config.pbtxt, line 1: an escape is wanted, not the end.")]
    [InlineData("a: \"\\xg\"", "config.pbtxt, line 1: digits of a character is wanted, not 'g'.")]
    [InlineData("\0", "config.pbtxt, line 1: a field's name is wanted, not '\0'.")]
    public void What_is_wrong_is_said_with_its_line(string text, string problem) => Assert.Equal(problem, Problem(() => Parse(text)));

    [Theory]
    [InlineData("a {")]
    [InlineData("a <")]
    public void Depth_has_an_end(string level) => Assert.StartsWith(
        "config.pbtxt, line 1: at most 32 levels is wanted",
        Problem(() => Parse(string.Concat(Enumerable.Repeat(level, 100_000)))),
        StringComparison.Ordinal);

    [Fact]
    public void A_value_of_another_kind_is_named_with_the_way_to_it()
    {
        var message = Parse("a { b { count: many } } c: 1 d { }");
        Assert.Equal(
            "config.pbtxt: a: b: 'count' must be a whole number from 1 to 9, not 'many'.",
            Problem(() => message.Message("a")!.Message("b")!.Integer("count", 1, 9)));
        Assert.Equal("config.pbtxt: 'c' must be a message { }, not '1'.", Problem(() => message.Message("c")));
        Assert.Equal("config.pbtxt: 'd' must be a value, not a message.", Problem(() => message.Text("d")));
    }

    private static ProtoMessage Parse(string text) => ProtoText.Parse(text, "config.pbtxt");

    private static string Problem(Func<object?> read) => Assert.Throws<ModelLoadException>(() => read()).Message;
}
