using System.Globalization;
using System.Text.RegularExpressions;
using VisionService.Detection;
using VisionService.Tests.Imaging;

namespace VisionService.Tests.Detection;

/// <summary>
/// Real files against answers made with another runtime binding and another JPEG decoder, as the shared folder's table
/// has them: the pixels differ a little, and quantised models feel it.
/// </summary>
public sealed partial class RealDetectorTests
{
    private static string[] Labels => File.ReadAllLines(SharedFiles.Path("labels/coco80.names"));

    /// <summary>Model, the manifest's family where the file cannot tell, row of the table, photo.</summary>
    public static TheoryData<string, string?, string, string> Rows { get; } = new(
        from model in new (string, string?, string)[]
        {
            ("yolo11n", null, "yolo11n-int8"),
            ("yolo11n-seg", null, "yolo11n-seg-int8"),
            ("yolox-nano", "yolox", "yolox-nano-kazuhito / bgr0-255"),
            ("nanodet-m", null, "nanodet-m-416"),
            ("deimv2", null, "deimv2-atto-coco / u01"),
        }
        from photo in new[] { "bus.jpg", "darknet-dog.jpg" }
        select (model.Item1, model.Item2, model.Item3, photo));

    [Theory]
    [MemberData(nameof(Rows))]
    public void What_the_reference_is_sure_of_is_found(string model, string? family, string row, string photo)
    {
        var found = Detect(model, family, photo);
        Assert.All(
            Reference(row, photo).Where(static o => o.Score >= 0.5f),
            expected => Assert.Contains(found, o => Agree(o, expected, minIoU: 0.85f, maxScoreDifference: 0.15f)));
    }

    [Fact]
    public void Most_boxes_agree_to_three_pixels_and_three_hundredths()
    {
        var (agreeing, all) = (0, 0);
        foreach (var (model, family, row, photo) in Rows.Select(static row => row.Data))
        {
            var found = Detect(model, family, photo);
            foreach (var expected in Reference(row, photo).Where(static o => o.Score >= 0.4f))
            {
                all++;
                agreeing += found.Any(o => Agree(o, expected, 0.95f, 0.03f) && Distance(o.Box, expected.Box) <= 3) ? 1 : 0;
            }
        }

        Assert.True(agreeing > 0.6 * all, $"{agreeing} of {all}");
    }

    private static List<DetectedObject> Detect(string model, string? manifest, string photo) =>
        RealDetectors.Models[model].Detect($"images/{photo}", manifest);

    private static bool Agree(DetectedObject found, DetectedObject expected, float minIoU, float maxScoreDifference) =>
        found.ClassId == expected.ClassId
        && Math.Abs(found.Score - expected.Score) <= maxScoreDifference
        && IoU.Of(found.Box, expected.Box) > minIoU;

    private static float Distance(Box a, Box b) => new[]
    {
        a.XMin - b.XMin, a.YMin - b.YMin, a.XMax - b.XMax, a.YMax - b.YMax,
    }.Max(Math.Abs);

    private static IEnumerable<DetectedObject> Reference(string model, string photo)
    {
        var row = File.ReadLines(SharedFiles.Path("README.md"))
            .First(line => line.StartsWith($"| {model} | {photo} |", StringComparison.Ordinal));
        var labels = Labels;
        return Detection().Matches(row).Select(match => new DetectedObject(
            Array.IndexOf(labels, match.Groups[1].Value),
            Number(match.Groups[2]),
            new Box(Number(match.Groups[3]), Number(match.Groups[4]), Number(match.Groups[5]), Number(match.Groups[6]))));
    }

    private static float Number(Group group) => float.Parse(group.Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"([a-z][a-z ]*) ([\d.]+) \[(\d+),(\d+),(\d+),(\d+)\]")]
    private static partial Regex Detection();
}
