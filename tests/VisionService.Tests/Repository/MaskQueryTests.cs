using OnnxGraph;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.PixelFormats;

namespace VisionService.Tests.Repository;

/// <summary>Models whose queries each have a class and a mask, and foregrounds whose opacity is asked for.</summary>
public sealed class MaskQueryTests
{
    private const string Labels = "cat\ndog\n";

    // Query 0 is surely a cat on the left half, query 1 surely a dog on the lower half: the lower left is both.
    [Theory]
    [InlineData("instance", "cat [0, 0, 2, 4] 8, dog [0, 2, 4, 4] 8")]
    [InlineData("panoptic", "cat [0, 0, 2, 4] 8")] // half of the dog is hidden: less than four fifths are left
    public async Task Queries_become_objects_as_the_manifest_says(string merge, string objects)
    {
        await using var service = await ServeAsync(TwoQueries(), $"output: {{merge: {merge}}}", Labels);
        var found = (await service.PostAsync("/segment", Photos.Red)).Json.GetProperty("predictions").EnumerateArray();
        Assert.Equal(objects, string.Join(", ", found.OrderBy(item => item.GetProperty("class_id").GetInt32()).Select(Describe)));
    }

    [Fact]
    public async Task Without_a_word_queries_vote_for_a_class_at_each_pixel()
    {
        await using var service = await ServeAsync(TwoQueries(), "", Labels);
        var classes = (await service.PostAsync("/segment", Photos.Red)).Json.GetProperty("classes").EnumerateArray();
        Assert.Equal(16, classes.Sum(area => area.GetProperty("pixels").GetInt64()));
    }

    [Fact]
    public async Task The_opacity_of_a_foreground_is_a_grey_png()
    {
        // The red channel is the probability: 51 of 255 is a fifth.
        var g = new GraphBuilder();
        var x = g.Input("x", ElementType.Float, 1, 3, 4, 4);
        g.Output("matte", g.Conv(x, g.Constant([1f, 0, 0], 1, 3, 1, 1)), ElementType.Float, 1, 1, 4, 4);
        await using var service = await ServeAsync(g.Build(), "", "person\n", "unit");
        var answer = await service.PostAsync("/segment?mask=alpha", Photos.Of(new Rgb24(51, 200, 9)));
        var mask = answer.Json.GetProperty("mask");
        Assert.Equal("alpha", mask.GetProperty("encoding").GetString());
        using var alpha = Image.Load<L8>(mask.GetProperty("png").GetBytesFromBase64());
        Assert.Equal((4, 4, 51), (alpha.Width, alpha.Height, alpha[2, 1].PackedValue));
    }

    [Fact]
    public async Task Opacity_is_refused_where_there_is_no_foreground()
    {
        await using var service = await ServeAsync(TwoQueries(), "", Labels);
        Assert.Equal(
            "Parameter 'mask' is alpha, which only a model of a foreground has.",
            (await service.PostAsync("/segment?mask=alpha", Photos.Red)).Problem(400, "invalid-request"));
    }

    private static Task<TestService> ServeAsync(Graph model, string output, string labels, string preset = "raw") =>
        TestService.StartAsync(new ModelFolder().Add(
            "model", model, $"task: segment\ninput: {{preset: {preset}, resize: stretch}}\n{output}", labels));

    private static string Describe(System.Text.Json.JsonElement item)
    {
        var box = item.GetProperty("box");
        var edges = string.Join(", ", new List<string> { "xmin", "ymin", "xmax", "ymax" }.Select(edge => box.GetProperty(edge).GetSingle()));
        return $"{item.GetProperty("label").GetString()} [{edges}] {item.GetProperty("pixels").GetInt64()}";
    }

    private static Graph TwoQueries()
    {
        const float Yes = 9;
        var masks = new float[2 * 16];
        for (var i = 0; i < 16; i++)
        {
            masks[i] = i % 4 < 2 ? Yes + 1 : -Yes;
            masks[16 + i] = i / 4 >= 2 ? Yes : -Yes;
        }

        var g = new GraphBuilder();
        var nothing = g.Mul(g.GlobalAveragePool(g.Input("x", ElementType.Float, 1, 3, 4, 4)), g.Constant([0f]));
        var zero = g.Node("ReduceSum", [g.Flatten(nothing)], ("keepdims", 0));
        var classes = g.Constant([Yes + 1, 0, 0, 0, Yes, 0], 1, 2, 3);
        g.Output("class_queries_logits", g.Add(classes, zero), ElementType.Float, 1, 2, 3);
        g.Output("masks_queries_logits", g.Add(g.Constant(masks, 1, 2, 4, 4), zero), ElementType.Float, 1, 2, 4, 4);
        return g.Build();
    }
}
