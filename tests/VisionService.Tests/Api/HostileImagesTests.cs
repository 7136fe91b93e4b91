using System.Buffers.Binary;
using System.Text;
using SixLabors.ImageSharp.Formats.Jpeg;

namespace VisionService.Tests.Api;

/// <summary>Files that should cost nothing but their refusal, through the whole service.</summary>
public class HostileImagesTests(ClassifyFixture fixture) : IClassFixture<ClassifyFixture>
{
    private readonly TestService _service = fixture.Service;

    [Fact]
    public async Task A_truncated_photo_is_refused()
    {
        var photo = Photos.Of(new(255, 0, 0), new JpegEncoder(), 640, 480);
        Assert.NotEmpty((await _service.PostAsync("/classify", photo[..200])).Problem(422, "invalid-image"));
    }

    [Fact]
    public async Task A_truncated_png_is_refused() =>
        Assert.NotEmpty((await _service.PostAsync("/classify", Photos.Red[..40])).Problem(422, "invalid-image"));

    [Theory]
    [InlineData(60_000, 60_000)]
    [InlineData(20_000, 1)]
    [InlineData(16_000, 16_000)]
    public async Task A_header_that_promises_too_much_is_refused_with_the_limit(int width, int height) => Assert.Contains(
        "Imaging:Max", (await _service.PostAsync("/classify", WithSize(Photos.Red, width, height))).Problem(413, "too-large"));

    [Fact]
    public async Task Zeros_and_text_are_refused()
    {
        Assert.NotEmpty((await _service.PostAsync("/classify", new byte[10_000_000])).Problem(422, "invalid-image"));
        Assert.NotEmpty((await _service.PostAsync("/classify", Encoding.UTF8.GetBytes("I am photo.jpg, honestly."), "image/jpeg")).Problem(422, "invalid-image"));
    }

    /// <summary>Another size in a PNG's header, its checksum made right.</summary>
    private static byte[] WithSize(byte[] png, int width, int height)
    {
        var copy = png.ToArray();
        BinaryPrimitives.WriteInt32BigEndian(copy.AsSpan(16), width);
        BinaryPrimitives.WriteInt32BigEndian(copy.AsSpan(20), height);

        // CRC-32 of the chunk's type and data, bit by bit (PNG specification, annex D).
        var crc = uint.MaxValue;
        foreach (var value in copy.AsSpan(12, 17))
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) != 0 ? 0xEDB88320 ^ (crc >> 1) : crc >> 1;
            }
        }

        BinaryPrimitives.WriteUInt32BigEndian(copy.AsSpan(29), ~crc);
        return copy;
    }
}
