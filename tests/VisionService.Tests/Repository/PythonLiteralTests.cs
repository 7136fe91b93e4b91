using System.Globalization;
using System.Text;
using VisionService.Repository;

namespace VisionService.Tests.Repository;

public class PythonLiteralTests
{
    [Theory]
    [InlineData("'a'", "a")]
    [InlineData("\"it's\"", "it's")]
    [InlineData(@"'it\'s'", "it's")]
    [InlineData("'a: b, {c} [d]'", "a: b, {c} [d]")]
    [InlineData(@"'\n\t\r\\\''", "\n\t\r\\'")]
    [InlineData(@"'\xe4 \u4f60 \U0001F600'", "ä 你 😀")]
    [InlineData("'日本'", "日本")]
    [InlineData("''", "")]
    [InlineData("  'a'  ", "a")]
    [InlineData("True", true)]
    [InlineData("False", false)]
    [InlineData("None", null)]
    [InlineData("17", 17.0)]
    [InlineData("-1.5e3", -1500.0)]
    public void A_value_is_what_Python_would_read(string text, object? value) => Assert.Equal(
        value, PythonLiteral.Parse(text));

    [Theory]
    [InlineData("[640, 640]")]
    [InlineData("(640, 640)")]
    [InlineData("(640, 640,)")]
    [InlineData("[640 ,\n640 ]")]
    public void A_list_and_a_tuple_are_lists(string text) => Assert.Equal(
        [640.0, 640.0], Assert.IsType<List<object?>>(PythonLiteral.Parse(text)));

    [Fact]
    public void A_dict_keeps_its_order()
    {
        var dict = Assert.IsType<List<KeyValuePair<object?, object?>>>(
            PythonLiteral.Parse("{2: 'b', 'x': [], 1: {'y': None},}"));
        Assert.Equal([2.0, "x", 1.0], dict.Select(static pair => pair.Key));
        Assert.Empty(Assert.IsType<List<object?>>(dict[1].Value));
        Assert.Equal("y", Assert.Single(Assert.IsType<List<KeyValuePair<object?, object?>>>(dict[2].Value)).Key);
    }

    [Theory]
    [InlineData("", "a value at position 0 of 0")]
    [InlineData("{", "a value at position 1 of 1")]
    [InlineData("[1", "',' at position 2 of 2")]
    [InlineData("{0: 'a' 1: 'b'}", "',' at position 8 of 15")]
    [InlineData("{0 'a'}", "':' at position 3 of 7")]
    [InlineData("'open", "a closing ' at position 5 of 5")]
    [InlineData("\"open'", "a closing \" at position 6 of 6")]
    [InlineData("'a\\", "an escape at position 3 of 3")]
    [InlineData(@"'\x4'", "2 hexadecimal digits of a character at position 3 of 5")]
    [InlineData(@"'\x 4'", "2 hexadecimal digits of a character at position 3 of 6")]
    [InlineData(@"'\ud83d'", "4 hexadecimal digits of a character at position 3 of 8")] // half a pair is no character
    [InlineData(@"'\Uffffffff'", "8 hexadecimal digits of a character at position 3 of 12")]
    [InlineData("1 2", "the end at position 2 of 3")]
    [InlineData("1\0 2", "the end at position 1 of 4")]
    [InlineData("['a'\0]", "',' at position 4 of 6")]
    [InlineData("person", "a value at position 6 of 6")]
    [InlineData("[1, , 2]", "a value at position 4 of 8")]
    [InlineData("(1]", "',' at position 2 of 3")]
    public void What_is_no_literal_is_refused_with_the_place(string text, string wanted) => Assert.Equal(
        $"A Python literal needs {wanted}.", Assert.Throws<FormatException>(() => PythonLiteral.Parse(text)).Message);

    [Fact]
    public void Sixty_four_levels_are_read_and_no_more()
    {
        static string Nested(int levels) => new string('[', levels) + new string(']', levels);
        Assert.IsType<List<object?>>(PythonLiteral.Parse(Nested(64)));
        Assert.Contains(
            "at most 64 levels at position 64", Assert.Throws<FormatException>(
                () => PythonLiteral.Parse(Nested(65))).Message);
        Assert.Throws<FormatException>(() => PythonLiteral.Parse(new string('[', 1_000_000)));
        Assert.Throws<FormatException>(() => PythonLiteral.Parse(string.Concat(Enumerable.Repeat("{0:", 100_000))));
    }

    [Fact]
    public void What_repr_writes_is_read_back()
    {
        var random = new Fuzz(seed: 5);
        for (var round = 0; round < 500; round++)
        {
            var names = Enumerable.Range(0, random.Below(6)).Select(_ => random.Text()).ToArray();
            var dict = $"{{{string.Join(", ", names.Select((name, id) => $"{id}: {Repr(name)}"))}}}";
            var pairs = Assert.IsType<List<KeyValuePair<object?, object?>>>(PythonLiteral.Parse(dict));
            Assert.Equal(names, pairs.Select(static pair => pair.Value));
        }
    }

    [Fact]
    public void Whatever_stands_there_gives_a_value_or_a_FormatException()
    {
        const string Alphabet = "{}[]():,'\"\\xuUN 01e-+._TrueFalsNon\0ä\n";
        var (random, read, refused) = (new Fuzz(seed: 7), 0, 0);
        for (var round = 0; round < 50_000; round++)
        {
            var text = string.Concat(
                Enumerable.Range(0, random.Below(12)).Select(_ => Alphabet[random.Below(Alphabet.Length)]));
            try
            {
                PythonLiteral.Parse(text);
                read++;
            }
            catch (FormatException)
            {
                refused++;
            }
        }

        Assert.True(read > 100 && refused > 10_000, $"{read} read, {refused} refused");
    }

    /// <summary>As Python's repr: in single quotes unless there are only such in the text.</summary>
    private static string Repr(string text)
    {
        var quote = text.Contains('\'') && !text.Contains('"') ? '"' : '\'';
        var escaped = new StringBuilder();
        foreach (var rune in text.EnumerateRunes())
        {
            escaped.Append(rune.Value switch
            {
                '\n' => @"\n",
                '\\' => @"\\",
                var code when code == quote => $"\\{quote}",
                < 32 => string.Create(CultureInfo.InvariantCulture, $"\\x{rune.Value:x2}"),
                0x2028 => @"\u2028",
                _ => rune.ToString(),
            });
        }

        return $"{quote}{escaped}{quote}";
    }

    /// <summary>The same each time.</summary>
    private sealed class Fuzz(int seed)
    {
        private static readonly string[] Parts = ["a", "'", "\"", "\\", ", ", ": ", "{", "]", "\n", "\x01", "ä", "😀", "\u2028", "0"];

#pragma warning disable CA5394 // not a secret
        private readonly Random _random = new(seed);

        public int Below(int end) => _random.Next(end);
#pragma warning restore CA5394

        public string Text() => string.Concat(Enumerable.Range(0, Below(8)).Select(_ => Parts[Below(Parts.Length)]));
    }
}
