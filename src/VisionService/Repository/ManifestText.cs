using System.Globalization;
using System.Text;
using OnnxGraph;
using VisionService.Detection;
using VisionService.Imaging;

namespace VisionService.Repository;

/// <summary>Writes what was concluded of a model as the <c>vision.yaml</c> that says it.</summary>
internal static class ManifestText
{
    /// <summary>Ready to be pasted beside the model: loading it then concludes the same without having to look.</summary>
    public static string Of(LoadedModel loaded)
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"task: {loaded.Task}");
        if (DetectorFamilies.Find(loaded.Family) is not null)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"family: {loaded.Family}");
        }

        if (loaded.Recipe is { } recipe)
        {
            text.AppendLine("input:");
            foreach (var (key, value) in Input(recipe))
            {
                text.AppendLine(CultureInfo.InvariantCulture, $"  {key}: {value}");
            }
        }

        var output = Output(loaded.Defaults).ToArray();
        if (output.Length > 0)
        {
            text.AppendLine("output:");
            foreach (var (key, value) in output)
            {
                text.AppendLine(CultureInfo.InvariantCulture, $"  {key}: {value}");
            }
        }

        return text.ToString();
    }

    private static IEnumerable<(string Key, string Value)> Input(InputRecipe recipe)
    {
        var (geometry, pixels) = (recipe.Geometry, recipe.Normalization);
        yield return ("size", $"[{geometry.Width}, {geometry.Height}]");
        yield return ("resize", Named(ManifestInput.ResizeModes, geometry.Mode));
        if (geometry.Mode == ResizeMode.ShortestCrop && geometry.ResizeShortest > 0)
        {
            yield return ("shortest", $"{geometry.ResizeShortest}");
        }

        if (geometry.Mode == ResizeMode.Letterbox)
        {
            yield return ("pad", $"{geometry.Pad}");
            yield return ("align", Named(ManifestInput.Alignments, geometry.Align));
        }

        if (geometry.MultipleOf > 0)
        {
            yield return ("multiple_of", $"{geometry.MultipleOf}");
        }

        yield return ("interpolation", Named(ManifestInput.Interpolations, geometry.Interpolation));
        yield return ("antialias", geometry.Antialias ? "true" : "false");
        yield return ("color", recipe.Input.Channels == 1 ? "gray" : pixels.Order == ChannelOrder.Bgr ? "bgr" : "rgb");
        if (pixels.Invert)
        {
            yield return ("invert", "true");
        }

        yield return ("scale", Number(pixels.Scale));
        yield return ("mean", $"[{string.Join(", ", pixels.Mean.Select(Number))}]");
        yield return ("std", $"[{string.Join(", ", pixels.Std.Select(Number))}]");
        yield return ("layout", pixels.Layout == TensorLayout.Interleaved ? "nhwc" : "nchw");
    }

    private static IEnumerable<(string Key, string Value)> Output(ManifestOutput output)
    {
        if (output.MinScore is { } minScore)
        {
            yield return ("conf", Number((float)minScore));
        }

        if (output.MaxIoU is { } maxIoU)
        {
            yield return ("iou", Number((float)maxIoU));
        }
    }

    private static string Named<T>(Dictionary<string, T> names, T value)
        where T : struct => names.First(pair => EqualityComparer<T>.Default.Equals(pair.Value, value)).Key;

    private static string Number(float value) => value.ToString("G7", CultureInfo.InvariantCulture);
}
