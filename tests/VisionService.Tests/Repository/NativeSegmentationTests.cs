using OnnxGraph;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.PixelFormats;

namespace VisionService.Tests.Repository;

/// <summary>Networks that take any size, at the photo's own: <c>resize: native</c>.</summary>
public sealed class NativeSegmentationTests
{
    private const string Labels = "red\ngreen\nblue\n";

    [Fact]
    public async Task A_photo_within_the_limit_is_seen_pixel_by_pixel()
    {
        // A green pixel in a red picture: any resize would smear it.
        await using var service = await TestService.StartAsync(
            new ModelFolder().Add("colors", ColorScores(), "task: segment\ninput: {preset: raw, resize: native, size: 64}", Labels));
        var answer = await service.PostAsync("/segment", Photo(50, 37, (13, 21)));
        Assert.Equal("red 1849, green 1", Areas(answer));
    }

    [Fact]
    public async Task A_photo_over_the_limit_is_shrunk_and_its_map_is_still_of_its_own_size()
    {
        await using var service = await TestService.StartAsync(
            new ModelFolder().Add("colors", ColorScores(), "task: segment\ninput: {preset: raw, resize: native, size: 64}", Labels));
        Assert.Equal("red 20000", Areas(await service.PostAsync("/segment", Photo(200, 100))));
    }

    [Theory]
    [InlineData(50, 37)]
    [InlineData(64, 64)]
    [InlineData(1, 1)]
    public async Task The_best_class_chosen_in_the_graph_is_the_one_chosen_outside(int width, int height)
    {
        const string Manifest = "task: segment\ninput: {preset: raw, resize: native, size: 64}\noutput: {argmax: ";
        await using var service = await TestService.StartAsync(new ModelFolder()
            .Add("inside", ColorScores(), Manifest + "in-graph}", Labels)
            .Add("outside", ColorScores(), Manifest + "outside}", Labels));
        var noise = Noise(width, height);
        var inside = await service.PostAsync("/segment?model=inside", noise);
        var outside = await service.PostAsync("/segment?model=outside", noise);
        Assert.Equal(outside.Json.GetProperty("classes").GetRawText(), inside.Json.GetProperty("classes").GetRawText());
        Assert.Contains("chosen in the graph", (await service.GetAsync("/models/inside")).Text);
        Assert.DoesNotContain("chosen in the graph", (await service.GetAsync("/models/outside")).Text);
    }

    [Theory]
    [InlineData("input: {preset: raw, resize: stretch, size: 64}\noutput: {argmax: in-graph}", "'argmax: in-graph' needs 'resize: native'")]
    [InlineData("input: {preset: raw, resize: sideways}", "'resize' must be one of")]
    public async Task What_would_change_the_answer_is_refused(string manifest, string reason)
    {
        await using var service = await TestService.StartAsync(
            new ModelFolder().Add("colors", ColorScores(), "task: segment\n" + manifest, Labels));
        Assert.Contains(reason, (await service.GetAsync("/models/colors")).Json.GetProperty("problem").GetString());
    }

    [Fact]
    public async Task A_file_of_a_fixed_size_cannot_be_native()
    {
        var g = new GraphBuilder();
        g.Output("scores", g.Relu(g.Input("x", ElementType.Float, "N", 3, 8, 8)), ElementType.Float, "N", 3, 8, 8);
        await using var service = await TestService.StartAsync(
            new ModelFolder().Add("fixed", g.Build(), "task: segment\ninput: {preset: raw, resize: native}", Labels));
        Assert.Contains(
            "this one fixes [8, 8]", (await service.GetAsync("/models/fixed")).Json.GetProperty("problem").GetString());
    }

    /// <summary>A pixel's own channels are its scores: it is of the colour that it has most of.</summary>
    private static Graph ColorScores()
    {
        var g = new GraphBuilder();
        g.Output("scores", g.Relu(g.Input("x", ElementType.Float, "N", 3, "H", "W")), ElementType.Float, "N", 3, "H", "W");
        return g.Build();
    }

    private static string Areas(Answer answer) => string.Join(", ", answer.Json.GetProperty("classes").EnumerateArray().Select(
        area => $"{area.GetProperty("label").GetString()} {area.GetProperty("pixels").GetInt64()}"));

    private static byte[] Photo(int width, int height, (int X, int Y)? green = null)
    {
        using var image = new Image<Rgb24>(width, height, new Rgb24(200, 0, 0));
        if (green is var (x, y))
        {
            image[x, y] = new Rgb24(0, 200, 0);
        }

        return Photos.Encode(image);
    }

    private static byte[] Noise(int width, int height)
    {
        var random = new Random(3);
        using var image = new Image<Rgb24>(width, height);
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                image[x, y] = new Rgb24((byte)random.Next(4), (byte)random.Next(4), (byte)random.Next(4)); // many ties
            }
        }

        return Photos.Encode(image);
    }
}
