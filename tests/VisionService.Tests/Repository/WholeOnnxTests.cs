using VisionService.Repository;

namespace VisionService.Tests.Repository;

public class WholeOnnxTests
{
    [Fact]
    public void A_file_is_whole_at_its_end_and_nowhere_before()
    {
        var bytes = TinyModels.Colors().ToBytes();
        Assert.True(IsWhole(bytes));

        // Between two fields of the model a file could end too; the graph is the largest of them and no such place.
        var whole = Enumerable.Range(0, bytes.Length).Where(length => IsWhole(bytes[..length])).ToArray();
        Assert.True(whole.Length <= 8, $"whole at {string.Join(", ", whole)} of {bytes.Length} bytes");
        Assert.DoesNotContain(bytes.Length / 2, whole);
    }

    [Fact]
    public void Room_that_is_taken_and_not_yet_filled_is_no_part_of_a_file()
    {
        var bytes = TinyModels.Colors().ToBytes();
        for (var copied = 0; copied < bytes.Length; copied += 64)
        {
            var file = new byte[bytes.Length];
            bytes.AsSpan(0, copied).CopyTo(file);
            Assert.False(IsWhole(file) && copied < bytes.Length / 2, $"{copied} of {bytes.Length} bytes");
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("<html><body>not found</body></html>")]
    [InlineData("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n")]
    [InlineData("\u000b")]
    public void What_is_no_ONNX_file_is_not_whole(string text) => Assert.False(IsWhole(System.Text.Encoding.UTF8.GetBytes(text)));

    private static bool IsWhole(byte[] bytes) => WholeOnnx.Is(new MemoryStream(bytes));
}
