using VisionService.Repository;
using VisionService.Repository.SideFiles;

namespace VisionService.Tests.Repository.SideFiles;

public sealed class SideTextTests : IDisposable
{
    private readonly ModelFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_text_is_read_without_its_byte_order_mark()
    {
        _folder.Write("a/x.json", "\uFEFFä");
        Assert.Equal("ä", Read("a/x.json"));
    }

    [Fact]
    public void As_much_as_allowed_is_read_and_not_a_byte_more()
    {
        _folder.Write("a/fits", new string('x', SideText.MaxBytes)).Write("a/large", new string('x', SideText.MaxBytes + 1));
        Assert.Equal(SideText.MaxBytes, Read("a/fits").Length);
        Assert.Equal("large has 1048577 bytes; at most 1048576 are read.", Problem("a/large"));
    }

    [Fact]
    public void A_file_that_is_not_there_is_named() =>
        Assert.StartsWith("none.json cannot be read: ", Problem("a/none.json"), StringComparison.Ordinal);

    [Fact]
    public void A_link_that_stays_in_the_folder_is_followed()
    {
        // As Kubernetes mounts a volume: the file links into a folder that is itself a link.
        _folder.Write("a/..2026/x.json", "text");
        Directory.CreateSymbolicLink(_folder.File("a/..data"), "..2026");
        File.CreateSymbolicLink(_folder.File("a/x.json"), "..data/x.json");
        Assert.Equal("text", Read("a/x.json"));
    }

    [Theory]
    [InlineData("../secret")]
    [InlineData("up/../../secret")]
    [InlineData("/etc/hostname")]
    public void A_link_that_leaves_the_folder_is_refused(string target)
    {
        _folder.Write("secret", "text").Write("a/up/y", "");
        File.CreateSymbolicLink(_folder.File("a/x.json"), target);
        Assert.Equal("x.json is a link that leads out of the model's folder.", Problem("a/x.json"));
    }

    [Fact]
    public void A_folder_that_is_a_link_out_is_refused_too()
    {
        _folder.Write("ab/x.json", "text").Write("a/y", "");
        Directory.CreateSymbolicLink(_folder.File("a/1"), _folder.File("ab"));
        Assert.Equal("x.json is a link that leads out of the model's folder.", Problem("a/1/x.json"));
    }

    [Fact]
    public void A_model_folder_may_itself_be_a_link()
    {
        _folder.Write("real/x.json", "text");
        Directory.CreateSymbolicLink(_folder.File("a"), _folder.File("real"));
        Assert.Equal("text", Read("a/x.json"));
    }

    [Fact]
    public void Links_in_a_circle_end()
    {
        _folder.Write("a/y", "");
        File.CreateSymbolicLink(_folder.File("a/x"), "z");
        File.CreateSymbolicLink(_folder.File("a/z"), "x");
        Assert.Equal("x cannot be read: 'x' is a link that leads nowhere.", Problem("a/x"));
    }

    private string Read(string file) => SideText.Read(_folder.File(file), _folder.File("a"));

    private string Problem(string file) => Assert.Throws<ModelLoadException>(() => Read(file)).Message;
}
