using System.Net;
using SixLabors.ImageSharp.PixelFormats;
using VisionService.Detection;
using VisionService.Tests.Api;
using static VisionService.Tests.Detection.Scenes;

namespace VisionService.Tests.Detection;

/// <summary>
/// A network of 64 x 64 that sees red spots of 6 to 13 pixels, and images in which they are smaller than that.
/// </summary>
public class TiledDetectionTests(DetectFixture fixture) : IClassFixture<DetectFixture>
{
    private readonly TestService _service = fixture.Service;

    [Theory]
    [InlineData(64, 64)]
    [InlineData(64, 40)]
    [InlineData(30, 50)]
    public async Task On_an_image_no_larger_than_a_tile_the_answer_is_the_untiled_one(int width, int height)
    {
        var image = Of(width, height, (Red, 3, 5, 13, 15));
        var untiled = Found.In(await _service.PostAsync("/detect?model=spots", image));
        Assert.NotEqual("", untiled);
        Assert.Equal(untiled, Found.In(await _service.PostAsync("/detect?model=spots&tile=64x64", image)));
        Assert.Equal(untiled, Found.In(await _service.PostAsync("/detect?model=spots&tile=auto", image)));
    }

    [Fact]
    public async Task Tiles_find_what_is_too_small_in_the_whole()
    {
        // 16 spots of 8 pixels, at 384 x 384 a sixth of that in the network: under two.
        var spots = Grid(count: 4, distance: 96, first: 40, side: 8);
        var image = Of(384, 384, spots);
        Assert.Equal("", Found.In(await _service.PostAsync("/detect?model=spots", image)));
        foreach (var tile in new[] { "64x64", "auto" })
        {
            AssertFinds(spots, await _service.PostAsync($"/detect?model=spots&tile={tile}", image));
        }
    }

    [Fact]
    public async Task A_spot_is_found_once_wherever_the_borders_of_tiles_cut_it()
    {
        // Tiles of 64 with an overlap of .25 start at 0, 48, 96, ...: one spot for each way to lie on their borders.
        for (var shift = 0; shift < 48; shift += 3)
        {
            (Rgb24, int, int, int, int)[] spots = [(Red, 44 + shift, 100, 54 + shift, 110), (
                Red, 180, 40 + shift, 190, 50 + shift)];
            AssertFinds(
                spots,
                await _service.PostAsync("/detect?model=spots&tile=64x64&tile_overlap=0.25", Of(256, 256, spots)));
        }
    }

    [Fact]
    public async Task What_the_whole_and_its_tiles_both_find_is_one_object()
    {
        // 14 pixels in 128 are 7 in the network: seen in the whole, and in tiles at full size.
        (Rgb24, int, int, int, int)[] spots = [(Red, 20, 20, 34, 34), (Red, 80, 90, 94, 104)];
        var image = Of(128, 128, spots);
        AssertFinds(spots, await _service.PostAsync("/detect?model=spots", image));
        AssertFinds(spots, await _service.PostAsync("/detect?model=spots&tile=64x64", image));
    }

    [Fact]
    public async Task Tiles_obey_score_classes_and_number()
    {
        var image = Of(256, 256, Grid(count: 2, distance: 96, first: 40, side: 8));
        Assert.Equal(
            "", Found.In(await _service.PostAsync("/detect?model=spots&tile=64x64&score_threshold=0.95", image)));
        Assert.Equal("spot .9", (await _service.PostAsync("/detect?model=spots&tile=64x64&max_detections=1", image)).Predictions);
        Assert.Equal(
            "spot .9, spot .9, spot .9, spot .9",
            (await _service.PostAsync("/detect?model=spots&tile=64x64&classes=spot", image)).Predictions);
    }

    [Fact]
    public async Task Auto_stays_within_the_limit_on_twelve_megapixels()
    {
        // Tiles of 64 would be 79 x 59; they grow by quarters until there are 128 at most.
        var answer = await _service.PostAsync(
            "/detect?model=spots&tile=auto", Of(4000, 3000, (Red, 1000, 1000, 1060, 1060)));
        Assert.StartsWith("spot 9", Found.In(answer), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(4000, 3000)]
    [InlineData(16384, 16384)]
    [InlineData(16384, 1)]
    public void Auto_finds_a_size_for_every_image(int width, int height)
    {
        // as TiledDetection does it
        var (tileWidth, tileHeight) = (64, 64);
        while (Tiling.Count(width, height, tileWidth, tileHeight, 0.9f) > TiledDetection.MaxTiles)
        {
            (tileWidth, tileHeight) = (tileWidth * 5 / 4, tileHeight * 5 / 4);
        }

        Assert.InRange(Tiling.Plan(width, height, tileWidth, tileHeight, 0.9f).Length, 1, TiledDetection.MaxTiles + 1);
    }

    [Fact]
    public async Task A_tile_that_fails_fails_its_image_with_its_own_reason_and_no_other()
    {
        using var form = new MultipartFormDataContent
        {
            { new ByteArrayContent(Of(256, 256, (Green, 200, 200, 240, 240))), "a", "a.png" },
            { new ByteArrayContent(Of(256, 256)), "b", "b.png" },
        };
        var answer = await _service.PostAsync("/detect?model=afraid&tile=64x64", form);
        var results = answer.MustBe(HttpStatusCode.OK).Json.GetProperty("results");
        Assert.Equal("The model failed on this input.", Answer.ProblemOf(results[0], 500, "inference-failed"));
        Assert.Equal("", Found.In(results[1]));
    }

    [Fact]
    public async Task A_deadline_calls_all_tiles_off()
    {
        var detail = (await _service.PostAsync("/detect?model=spots&tile=64x64&timeout_ms=1", Of(500, 500))).Problem(
            504, "deadline-exceeded");
        Assert.StartsWith("The answer was not there within 1 ms", detail, StringComparison.Ordinal);
        Assert.Equal("", Found.In(await _service.PostAsync("/detect?model=spots", Of(64, 64))));
        var batching = (await _service.GetAsync("/models/spots")).Json.GetProperty("batching");
        Assert.Equal(0, batching.GetProperty("queue_length").GetInt32());
    }

    [Fact]
    public async Task Tiles_can_be_drawn()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/detect?model=spots&tile=64x64")
        {
            Content = new ByteArrayContent(Of(256, 256, (Red, 100, 100, 110, 110))),
        };
        request.Headers.Accept.ParseAdd("image/png");
        var answer = await _service.SendAsync(request);
        Assert.Equal("image/png", answer.MustBe(HttpStatusCode.OK).Response.Content.Headers.ContentType?.ToString());
    }

    private static (Rgb24 Color, int XMin, int YMin, int XMax, int YMax)[] Grid(
        int count, int distance, int first, int side) =>
    [
        .. from row in Enumerable.Range(0, count)
           from column in Enumerable.Range(0, count)
           let left = first + (column * distance)
           let top = first + (row * distance)
           select (Red, left, top, left + side, top + side),
    ];

    /// <summary>Each spot is found once, to a pixel, and nothing else.</summary>
    private static void AssertFinds((Rgb24 Color, int XMin, int YMin, int XMax, int YMax)[] spots, Answer answer)
    {
        var predictions = answer.MustBe(HttpStatusCode.OK).Json.GetProperty("predictions").EnumerateArray();
        var boxes = predictions.Select(static prediction =>
        {
            float Corner(string name) => prediction.GetProperty("box").GetProperty(name).GetSingle();
            return new Box(Corner("xmin"), Corner("ymin"), Corner("xmax"), Corner("ymax"));
        }).ToArray();
        Assert.True(boxes.Length == spots.Length, $"{boxes.Length} instead of {spots.Length}: {Found.In(answer)}");
        static bool IsNear(float a, int b) => Math.Abs(a - b) <= 1;
        Assert.All(spots, spot => Assert.Contains(boxes, box => IsNear(box.XMin, spot.XMin) && IsNear(box.YMin, spot.YMin)
            && IsNear(box.XMax, spot.XMax) && IsNear(box.YMax, spot.YMax)));
    }
}
