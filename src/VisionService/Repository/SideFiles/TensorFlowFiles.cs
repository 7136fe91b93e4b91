using System.Globalization;
using VisionService.Imaging;

namespace VisionService.Repository.SideFiles;

/// <summary>What lies beside a detector of TensorFlow's Object Detection API: <c>label_map.pbtxt</c> and
/// <c>pipeline.config</c>.</summary>
/// <remarks>tensorflow/models, object_detection/protos.</remarks>
internal static class TensorFlowFiles
{
    public const string LabelsFileName = "label_map.pbtxt";
    public const string PipelineFileName = "pipeline.config";

    // COCO's ids end at 90, Open Images' at 601.
    private const int MostIds = 100_000;

    /// <summary>Names by id, which counts from 1 as a rule; an id that nothing has is called by its number.</summary>
    /// <exception cref="ModelLoadException">The file is malformed, or gives an id twice.</exception>
    public static Manifest ReadLabels(string text)
    {
        var byId = new SortedDictionary<int, string>();
        foreach (var item in ProtoText.Parse(text, LabelsFileName).Messages("item"))
        {
            if (item.Integer("id", 0, MostIds) is not { } id
                || (item.Text("display_name") ?? item.Text("name")) is not { } name)
            {
                throw new ModelLoadException($"{LabelsFileName}: an item has no id or no name.");
            }

            if (!byId.TryAdd((int)id, name))
            {
                throw new ModelLoadException($"{LabelsFileName} names class {id} twice.");
            }
        }

        if (byId.Count == 0)
        {
            throw new ModelLoadException($"{LabelsFileName} has no labels.");
        }

        var first = byId.Keys.First() == 0 ? 0 : 1;
        var labels = Enumerable.Range(first, byId.Keys.Last() - first + 1)
            .Select(id => byId.GetValueOrDefault(id, id.ToString(CultureInfo.InvariantCulture)));
        return Manifest.Empty with
        {
            Source = LabelsFileName,
            Labels = new ManifestLabels([.. labels], null, "item"),
            Output = Manifest.Empty.Output with { LabelOffset = first },
        };
    }

    /// <summary>The size that the graph resizes to anyway; nothing else, since it prepares its pixels itself.</summary>
    /// <exception cref="ModelLoadException">The file is malformed.</exception>
    public static Manifest ReadPipeline(string text)
    {
        var pipeline = ProtoText.Parse(text, PipelineFileName);
        string[] kinds = ["ssd", "faster_rcnn", "center_net"];
        var resizer = kinds.Select(kind => pipeline.Message("model")?.Message(kind)?.Message("image_resizer"))
            .FirstOrDefault(found => found is not null);
        var manifest = Manifest.Empty with { Source = PipelineFileName };
        return resizer?.Message("fixed_shape_resizer") is { } shape
            && shape.Integer("height", 1, 16384) is { } height && shape.Integer("width", 1, 16384) is { } width
                ? manifest with
                {
                    Input = manifest.Input with { OpenSize = ((int)width, (int)height), Resize = ResizeMode.Stretch },
                }
                : manifest with { Warnings = ["ignored: it fixes no size, and the rest is in the graph"] };
    }
}
