using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace VisionService.Imaging;

/// <summary>Writes a picture into the network's input: planar bytes, as the batch takes them.</summary>
internal static class Planes
{
    /// <summary>Crops, resizes and pads the picture into <paramref name="planes"/>, in one go and without a copy in
    /// between.</summary>
    /// <param name="image">The picture; left alone.</param>
    /// <param name="placement">Where it goes: <see cref="InputGeometry.Place"/> of the image's source size.</param>
    /// <param name="planes">[channels, H, W] of the geometry, 0-255; written whole.</param>
    /// <param name="channels">3: R, G, B. 1: grey, weighted as Pillow's L (ITU-R 601).</param>
    /// <exception cref="ArgumentException">The span or the placement does not fit.</exception>
    public static void Write(RgbImage image, in Placement placement, Span<byte> planes, int channels = 3)
    {
        var geometry = placement.Geometry;
        var area = geometry.Width * geometry.Height;
        if (channels is not (1 or 3) || planes.Length != channels * area)
        {
            throw new ArgumentException($"{channels} planes of {area} bytes were asked for, {planes.Length} bytes given.", nameof(planes));
        }

        if (placement.SourceWidth != image.SourceWidth || placement.SourceHeight != image.SourceHeight)
        {
            throw new ArgumentException("The placement was made for a picture of another size.", nameof(placement));
        }

        var (left, top, width, height) = (placement.Left, placement.Top, placement.VisibleWidth, placement.VisibleHeight);
        if (width < geometry.Width || height < geometry.Height)
        {
            planes.Fill(geometry.Pad);
        }

        using var rows = new ResizedRows(
            image, placement.ResizedWidth, placement.ResizedHeight, placement.CropLeft, placement.CropTop, width, height,
            geometry.Interpolation, geometry.Antialias);
        for (var y = 0; y < height; y++)
        {
            var start = ((top + y) * geometry.Width) + left;
            if (channels == 3)
            {
                Split(rows[y], planes.Slice(start, width), planes.Slice(area + start, width), planes.Slice((2 * area) + start, width));
            }
            else
            {
                Grey(rows[y], planes.Slice(start, width));
            }
        }
    }

    /// <summary>Interleaved pixels [W, 3] to three rows [W].</summary>
    internal static void Split(
        ReadOnlySpan<byte> pixels, Span<byte> red, Span<byte> green, Span<byte> blue, bool vectorize = true)
    {
        var x = 0;
        if (vectorize && Vector128.IsHardwareAccelerated)
        {
            for (; x + 16 <= red.Length; x += 16)
            {
                var a = Vector128.Create(pixels.Slice(x * 3, 16));
                var b = Vector128.Create(pixels.Slice((x * 3) + 16, 16));
                var c = Vector128.Create(pixels.Slice((x * 3) + 32, 16));
                Channel0(a, b, c).CopyTo(red[x..]);
                Channel1(a, b, c).CopyTo(green[x..]);
                Channel2(a, b, c).CopyTo(blue[x..]);
            }
        }

        for (; x < red.Length; x++)
        {
            (red[x], green[x], blue[x]) = (pixels[x * 3], pixels[(x * 3) + 1], pixels[(x * 3) + 2]);
        }
    }

    /// <summary>Interleaved pixels [W, 3] to luma [W].</summary>
    internal static void Grey(ReadOnlySpan<byte> pixels, Span<byte> grey)
    {
        for (var x = 0; x < grey.Length; x++)
        {
            var (r, g, b) = (pixels[x * 3], pixels[(x * 3) + 1], pixels[(x * 3) + 2]);
            grey[x] = (byte)(((r * 19595) + (g * 38470) + (b * 7471) + 0x8000) >> 16);
        }
    }

    // 48 bytes of rgb rgb ... are three vectors; each channel takes every third byte of each (an index past 15 gives
    // zero).
    // Inlined by order: called, they pass their vectors through memory and take three times as long.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Channel0(Vector128<byte> a, Vector128<byte> b, Vector128<byte> c) =>
        Vector128.Shuffle(a, Vector128.Create((byte)0, 3, 6, 9, 12, 15, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255))
        | Vector128.Shuffle(b, Vector128.Create((byte)255, 255, 255, 255, 255, 255, 2, 5, 8, 11, 14, 255, 255, 255, 255, 255))
        | Vector128.Shuffle(c, Vector128.Create((byte)255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 4, 7, 10, 13));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Channel1(Vector128<byte> a, Vector128<byte> b, Vector128<byte> c) =>
        Vector128.Shuffle(a, Vector128.Create((byte)1, 4, 7, 10, 13, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255))
        | Vector128.Shuffle(b, Vector128.Create((byte)255, 255, 255, 255, 255, 0, 3, 6, 9, 12, 15, 255, 255, 255, 255, 255))
        | Vector128.Shuffle(c, Vector128.Create((byte)255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2, 5, 8, 11, 14));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Channel2(Vector128<byte> a, Vector128<byte> b, Vector128<byte> c) =>
        Vector128.Shuffle(a, Vector128.Create((byte)2, 5, 8, 11, 14, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255))
        | Vector128.Shuffle(b, Vector128.Create((byte)255, 255, 255, 255, 255, 1, 4, 7, 10, 13, 255, 255, 255, 255, 255, 255))
        | Vector128.Shuffle(c, Vector128.Create((byte)255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0, 3, 6, 9, 12, 15));
}
