using System.Globalization;
using VisionService.Detection;
using VisionService.Imaging;
using VisionService.Repository;

namespace VisionService.Api.Calls;

/// <summary>Boxes with labels and scores, as numbers or drawn onto the image.</summary>
internal static class DetectCall
{
    private const int DefaultMaxDetections = 300;
    private const int MinTileSide = 32;

    private static readonly ParameterTable Parameters = new(
        Parameter.Number("score_threshold", 0, 1, "the model's, else 0.25", "Lowest score in the answer."),
        Parameter.Number("iou_threshold", 0, 1, "the model's, else 0.45", "Two boxes that overlap more are one object."),
        Parameter.Choice("nms", [.. SuppressionNames.All.Keys], "the model's, else class", "How duplicates are dropped."),
        Parameter.Integer("max_detections", 1, 10_000, "300", "Most objects in the answer."),
        Parameter.Classes("The classes to look for"),
        Tile(),
        Parameter.Number("tile_overlap", 0, 0.9, "0.2", "What neighbouring tiles share of a side."));

    public static VisionCall<DetectRequest, DetectResult> Call { get; } = new("detect", Parameters, Bind)
    {
        Run = TiledDetection.RunAsync,
        NeedsAllPixels = static parameters => parameters.Text("tile") is not (null or "off"),
        Draw = Draw,
    };

    public static DetectResponse Answer(
        VisionAnswer<DetectResult> answer, ImageAnswer<DetectResult> image, ParameterValues parameters, TimingsMs timings) => new(
        ModelIdentity.Of(answer.Model),
        new ImageSize(image.Width, image.Height),
        [.. image.Result!.Objects.Select(found => DetectPrediction.Of(found, answer.Model.Loaded!.Labels))],
        timings);

    private static Parameter Tile() => Parameter.Text(
        "tile",
        $"off, auto, or WIDTHxHEIGHT with sides from {MinTileSide} to 16384",
        "off",
        "Looks at the image in tiles too: finds small objects.") with
    {
        Accepts = static text => text is "off" or "auto" || TileSize(text) is not null,
    };

    private static Func<RgbImage, DetectRequest> Bind(ParameterValues parameters, LoadedModel model)
    {
        var defaults = model.Defaults;
        var filter = new ScoreFilter(
            (float)parameters.Number("score_threshold", defaults.MinScore ?? DetectRequest.DefaultMinScore),
            model.Labels.Count,
            parameters.Texts("classes") is { } texts ? model.Labels.Resolve(texts).ToArray() : null,
            parameters.Text("score_threshold") is null ? MinScoreByClass(model) : null);
        var suppression = parameters.Text("nms") is { } method ? SuppressionNames.All[method] : defaults.Suppression;
        var maxIoU = (float)parameters.Number("iou_threshold", defaults.MaxIoU ?? DetectRequest.DefaultMaxIoU);
        var maxDetections = parameters.Integer("max_detections", DefaultMaxDetections);
        var tiles = parameters.Text("tile") switch
        {
            null or "off" => null,
            "auto" => new TileRequest(model.Geometry.Width, model.Geometry.Height, Overlap(parameters), MayGrow: true),
            var size when TileSize(size) is var (width, height) => new TileRequest(width, height, Overlap(parameters)),
            _ => null,
        };
        return image => new DetectRequest(image, filter, suppression, maxIoU, maxDetections) { Tiles = tiles };
    }

    private static Dictionary<int, float> MinScoreByClass(LoadedModel model) =>
        model.Defaults.MinScoreByLabel.ToDictionary(pair => model.Labels.Resolve([pair.Key]).Single(), pair => (float)pair.Value);

    private static float Overlap(ParameterValues parameters) => (float)parameters.Number("tile_overlap", 0.2);

    private static (int Width, int Height)? TileSize(string text) =>
        text.Split('x') is [var width, var height] && Side(width) is { } w && Side(height) is { } h ? (w, h) : null;

    private static int? Side(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var side) && side is >= MinTileSide and <= 16384 ? side : null;

    /// <summary>The best objects are drawn last, on top of the others.</summary>
    private static byte[] Draw(RgbImage image, DetectResult result, LoadedModel model, ParameterValues parameters, PictureFormat format)
    {
        var canvas = new Canvas(image);
        foreach (var found in result.Objects.Reverse())
        {
            var color = Rgb.OfClass(found.ClassId);
            canvas.Frame(found.Box.XMin, found.Box.YMin, found.Box.XMax, found.Box.YMax, color);
            foreach (var point in found.KeyPoints)
            {
                canvas.Point(point.X, point.Y, color);
            }
        }

        foreach (var found in result.Objects.Reverse())
        {
            var text = string.Create(CultureInfo.InvariantCulture, $"{model.Labels.NameOf(found.ClassId)} {found.Score:F2}");
            canvas.Caption(found.Box.XMin, found.Box.YMin, text, Rgb.OfClass(found.ClassId));
        }

        return Pictures.Encode(image, format);
    }
}
