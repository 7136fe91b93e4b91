using SixLabors.ImageSharp;
using SixLabors.ImageSharp.PixelFormats;
using VisionService.Imaging;
using VisionService.Segmentation;

namespace VisionService.Tests.Segmentation;

public sealed class DrawingTests
{
    [Theory]
    [InlineData(1, 128, 0, 0)] // aeroplane
    [InlineData(2, 0, 128, 0)]
    [InlineData(15, 192, 128, 128)] // person
    [InlineData(20, 0, 64, 128)]
    [InlineData(255, 224, 224, 192)] // void
    public void The_palette_is_VOCs(int id, byte red, byte green, byte blue) =>
        Assert.Equal([red, green, blue], Palette.Voc.Slice(id * 3, 3).ToArray());

    [Fact]
    public void The_first_instances_differ_in_colour()
    {
        for (var a = 0; a < 16; a++)
        {
            for (var b = 0; b < a; b++)
            {
                var distance = 0;
                for (var channel = 0; channel < 3; channel++)
                {
                    distance += Math.Abs(Palette.Instances[(a * 3) + channel] - Palette.Instances[(b * 3) + channel]);
                }

                Assert.True(distance > 40, $"{a} and {b} are {distance} apart");
            }
        }
    }

    [Fact]
    public void The_values_of_a_class_PNG_are_the_ids_and_void_is_255()
    {
        var map = Map(3, 1, 0, 20, LabelMap.Void);
        using var read = Image.Load<Rgb24>(LabelPng.OfClasses(map, 21));
        Assert.Equal(new Rgb24(0, 0, 0), read[0, 0]);
        Assert.Equal(new Rgb24(0, 64, 128), read[1, 0]);
        Assert.Equal(new Rgb24(224, 224, 192), read[2, 0]);
    }

    [Fact]
    public void Beyond_255_classes_the_PNG_has_16_bits()
    {
        using var read = Image.Load<L16>(LabelPng.OfClasses(Map(2, 1, 300, LabelMap.Void), 301));
        Assert.Equal([300, LabelMap.Void], [read[0, 0].PackedValue, read[1, 0].PackedValue]);
    }

    [Fact]
    public void An_overlay_tints_the_inside_and_darkens_the_border()
    {
        using var image = new RgbImage(5, 1);
        image.Pixels.Fill(100);
        Overlay.Draw(image, Map(5, 1, 0, 1, 1, 1, 0), [0, 0, 0, 200, 100, 0], opacity: 0.5f);
        byte[] outside = [100, 100, 100], border = [100, 50, 0], inside = [150, 100, 50];
        Assert.Equal([.. outside, .. border, .. inside, .. border, .. outside], image.Pixels.ToArray());
    }

    [Fact]
    public void The_edge_of_the_picture_is_no_border()
    {
        using var image = new RgbImage(2, 1);
        image.Pixels.Clear();
        Overlay.Draw(image, Map(2, 1, 1, 1), [0, 0, 0, 200, 100, 0], opacity: 1);
        Assert.Equal([200, 100, 0, 200, 100, 0], image.Pixels.ToArray());
    }

    private static LabelMap Map(int width, int height, params ushort[] ids)
    {
        var map = new LabelMap(width, height);
        ids.CopyTo(map.Ids, 0);
        return map;
    }
}
