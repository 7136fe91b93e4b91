using System.Text.Json;
using VisionService.Tests.Imaging;

namespace VisionService.Tests.Api;

/// <summary>The heat map of an explanation, read back.</summary>
/// <param name="Picture">0 not seen, 1 cold to 255 hot, over the whole upright image.</param>
/// <param name="Values">The raw map over the network's input.</param>
internal sealed record HeatAnswer(PngValues Picture, int Width, int Height, float[] Values)
{
    public static HeatAnswer Of(JsonElement explained)
    {
        var map = explained.GetProperty("heatmap");
        var picture = PngValues.Read(map.GetProperty("png").GetBytesFromBase64());
        Assert.Equal((map.GetProperty("width").GetInt32(), map.GetProperty("height").GetInt32()), (picture.Width, picture.Height));
        var grid = map.GetProperty("grid");
        return new HeatAnswer(
            picture,
            grid.GetProperty("width").GetInt32(),
            grid.GetProperty("height").GetInt32(),
            [.. grid.GetProperty("values").EnumerateArray().Select(value => value.GetSingle())]);
    }

    public float this[int x, int y] => Values[(y * Width) + x];

    public int At(int x, int y) => Picture.Values[(y * Picture.Width) + x];

    /// <summary>The middle of the hottest pixels of the picture, as shares of its sides.</summary>
    public (double X, double Y) Hottest
    {
        get
        {
            var most = Picture.Values.Max();
            var at = Enumerable.Range(0, Picture.Values.Length).Where(i => Picture.Values[i] == most).ToArray();
            return (
                at.Average(i => (i % Picture.Width) + 0.5) / Picture.Width,
                at.Average(i => (i / Picture.Width) + 0.5) / Picture.Height);
        }
    }

    /// <summary>How much of the picture's heat lies in a box, given in shares of the sides.</summary>
    public double EnergyIn(double xMin, double yMin, double xMax, double yMax)
    {
        var (inside, all) = (0.0, 0.0);
        for (var i = 0; i < Picture.Values.Length; i++)
        {
            var (x, y) = (((i % Picture.Width) + 0.5) / Picture.Width, ((i / Picture.Width) + 0.5) / Picture.Height);
            var heat = Math.Max(Picture.Values[i] - 1, 0);
            all += heat;
            inside += x >= xMin && x < xMax && y >= yMin && y < yMax ? heat : 0;
        }

        return inside / all;
    }
}
