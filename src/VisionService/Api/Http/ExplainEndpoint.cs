using VisionService.Detection;
using VisionService.Explanation;
using VisionService.Imaging;
using VisionService.Repository;

namespace VisionService.Api.Http;

/// <summary><c>POST /explain</c>: where in the image the reason for an answer lies, as numbers or drawn onto the
/// image.</summary>
internal static class ExplainEndpoint
{
    private const string Task = "explain";

    private const string Example = """
        {
          "model": {"name": "cifar10-resnet20", "version": "1", "task": "classify", "family": "classifier"},
          "image": {"width": 480, "height": 360},
          "target": {"label": "cat", "class_id": 3, "score": 0.988},
          "method": "cam",
          "layer": "relu_18",
          "heatmap": {"width": 480, "height": 360, "png": "iVBORw0KGgo...", "grid": {"width": 2, "height": 2, "values": [0.1, 2.2, 0.4, 0.9]}},
          "seen": {"xmin": 60, "ymin": 0, "xmax": 420, "ymax": 360},
          "timings_ms": {"decode": 2.1, "preprocess": 0.8, "queue": 0.1, "inference": 3.2, "postprocess": 0.6, "total": 7.0}
        }
        """;

    private static readonly ParameterTable Parameters = new(
        Parameter.Choice("method", [ExplainMethods.Auto, .. ExplainMethods.ByName.Keys], ExplainMethods.Auto, "How it is explained."),
        Parameter.Text("class", "labels or class ids, comma separated", "the predicted one", "What to explain; a list in JSON.") with { IsList = true },
        Parameter.Text("against", "a label or class id", "none", "Classifiers: what speaks for the class and not for this one."),
        Parameter.Text("layer", "a value or node of GET /models/{name}/layers", "the last activation before the head", "The layer to look at."),
        Parameter.Integer("detection", 0, 9_999, "the best", "Objects: which one, as /detect counts them."),
        Parameter.Number("score_threshold", 0, 1, "the model's, else 0.25", "Objects: lowest score, as for /detect."),
        Parameter.Number("iou_threshold", 0, 1, "the model's, else 0.45", "Objects: overlap of duplicates, as for /detect."),
        Parameter.Choice("nms", [.. SuppressionNames.All.Keys], "the model's, else class", "Objects: how duplicates are dropped, as for /detect."),
        Parameter.Choice("colormap", ColorMap.Names, "jet", "The colours of the heat map."),
        Parameter.Number("opacity", 0, 1, "0.4", "How strongly a drawn heat map covers the image."),
        Parameter.Choice("verify", ["true", "false"], "false", "Adds deletion and insertion scores, and those of a random map."));

    public static TaskEndpoint<ExplainRequest, ExplainResult, ExplainResponse> Create() => new(
        new VisionCall<ExplainRequest, ExplainResult>(Task, Parameters, Bind) { Draw = Draw },
        ContractsJson.Readable.ExplainResponse,
        Example,
        static (answer, image, parameters, timings) => ExplainResponse.Of(
            answer.Model, new ImageSize(image.Width, image.Height), image.Result!, Colors(parameters), timings));

    private static Func<RgbImage, ExplainRequest> Bind(ParameterValues parameters, LoadedModel model)
    {
        ExplainMethod? method = parameters.Text("method") is { } name && name != ExplainMethods.Auto ? ExplainMethods.ByName[name] : null;
        var isClassifier = model.Task == "classify";
        if (!isClassifier && parameters.Text("against") is not null)
        {
            throw new VisionException(VisionError.InvalidRequest, $"Parameter 'against' is for classifiers; '{model.Task}' models have none.");
        }

        if (isClassifier && parameters.Text("detection") is not null)
        {
            throw new VisionException(VisionError.InvalidRequest, "Parameter 'detection' is for models that find objects; a classifier finds none.");
        }

        return image => new ExplainRequest(image, method)
        {
            Classes = parameters.Texts("class") is { } texts ? [.. model.Labels.Resolve(texts)] : null,
            Against = parameters.Text("against") is { } other ? model.Labels.Resolve([other]).First() : null,
            Layer = parameters.Text("layer"),
            Detection = parameters.Text("detection") is null ? null : parameters.Integer("detection", 0),
            MinScore = parameters.Text("score_threshold") is null ? null : (float)parameters.Number("score_threshold", 0),
            MaxIoU = parameters.Text("iou_threshold") is null ? null : (float)parameters.Number("iou_threshold", 0),
            Suppression = parameters.Text("nms"),
            Verify = parameters.Text("verify") == "true",
        };
    }

    private static ColorMap Colors(ParameterValues parameters) => ColorMap.Find(parameters.Text("colormap") ?? "jet")!;

    private static byte[] Draw(RgbImage image, ExplainResult result, LoadedModel model, ParameterValues parameters, PictureFormat format)
    {
        if (result.Activations is { } activations)
        {
            var grid = result.Layer!.Grid!;
            using var picture = new FeatureGrid(grid.Channels, grid.Height, grid.Width).Draw(activations);
            return Pictures.Encode(picture, format);
        }

        if (result.Targets.Count > 1)
        {
            throw new VisionException(
                VisionError.InvalidRequest, $"A drawn answer is of one class; {result.Targets.Count} are asked for. Accept application/json instead.");
        }

        HeatMapPicture.Draw(
            image,
            result.Targets[0].ShownMap(result.Method),
            result.Placement,
            Colors(parameters),
            (float)parameters.Number("opacity", HeatMapPicture.DefaultOpacity));
        return Pictures.Encode(image, format);
    }
}
