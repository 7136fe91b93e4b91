using System.Buffers;
using VisionService.Imaging;

namespace VisionService.Segmentation;

/// <summary>Label maps as PNG files whose pixel values are the ids.</summary>
internal static class LabelPng
{
    private const byte NarrowVoid = 255;

    /// <summary>Class ids: with VOC's palette up to 255 classes, void being 255; 16-bit grey beyond, void being
    /// 65535.</summary>
    public static byte[] OfClasses(LabelMap map, int classes) => Encode(map, classes - 1, Palette.Voc);

    /// <summary>Instances from 1 on, 0 for none: with a palette up to 254 of them, 16-bit grey beyond.</summary>
    public static byte[] OfInstances(LabelMap map, int instances) => Encode(map, instances, Palette.Instances);

    private static byte[] Encode(LabelMap map, int highest, ReadOnlySpan<byte> palette)
    {
        if (highest >= NarrowVoid)
        {
            return PngEncoder.EncodeGrey16(map.Ids, map.Width, map.Height);
        }

        var rented = ArrayPool<byte>.Shared.Rent(map.Ids.Length);
        try
        {
            var ids = rented.AsSpan(0, map.Ids.Length);
            for (var i = 0; i < ids.Length; i++)
            {
                ids[i] = (byte)map.Ids[i]; // 65535 becomes 255
            }

            return PngEncoder.Encode(ids, map.Width, map.Height, PngColor.Palette, palette);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }
}
