using VisionService.Detection;
using VisionService.Explanation;
using VisionService.Imaging;
using VisionService.Repository;

namespace VisionService.Api.Calls;

/// <summary>Where in the image the reason for an answer lies, as numbers or drawn onto the image.</summary>
internal static class ExplainCall
{
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

    public static VisionCall<ExplainRequest, ExplainResult> Call { get; } = new("explain", Parameters, Bind) { Draw = Draw };

    public static ExplainResponse Answer(
        VisionAnswer<ExplainResult> answer, ImageAnswer<ExplainResult> image, ParameterValues parameters, TimingsMs timings) => ExplainResponse.Of(
        answer.Model, new ImageSize(image.Width, image.Height), image.Result!, Colors(parameters), timings);

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
                VisionError.InvalidRequest,
                $"A drawn answer is of one class; {result.Targets.Count} are asked for. Ask for an answer that is not drawn.");
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
