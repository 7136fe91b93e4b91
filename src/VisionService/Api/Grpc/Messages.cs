using Google.Protobuf;
using Proto = VisionService.Api.Grpc.V1;

namespace VisionService.Api.Grpc;

/// <summary>Answers as messages: member by member what JSON shows.</summary>
internal static class Messages
{
    public static Proto.ClassifyResponse Of(ClassifyResponse answer) => new()
    {
        Model = Of(answer.Model),
        Image = Of(answer.Image),
        Predictions = { answer.Predictions.Select(Of) },
        TimingsMs = Of(answer.TimingsMs),
    };

    public static Proto.DetectResponse Of(DetectResponse answer, byte[]? picture) => new()
    {
        Model = Of(answer.Model),
        Image = Of(answer.Image),
        Predictions =
        {
            answer.Predictions.Select(static found => new Proto.DetectResponse.Types.Prediction
            {
                Label = found.Label,
                ClassId = found.ClassId,
                Score = found.Score,
                Box = Of(found.Box),
                KeyPoints = { found.KeyPoints?.Select(Of) ?? [] },
            }),
        },
        TimingsMs = Of(answer.TimingsMs),
        Picture = Bytes(picture),
    };

    public static Proto.SegmentResponse Of(SegmentResponse answer, byte[]? picture) => new()
    {
        Model = Of(answer.Model),
        Image = Of(answer.Image),
        Classes =
        {
            answer.Classes?.Select(static area => new Proto.SegmentResponse.Types.ClassArea
            {
                ClassId = area.ClassId,
                Label = area.Label,
                Pixels = area.Pixels,
                Fraction = area.Fraction,
                Mask = Of(area.Mask),
            }) ?? [],
        },
        Predictions =
        {
            answer.Predictions?.Select(static found => new Proto.SegmentResponse.Types.Prediction
            {
                Label = found.Label,
                ClassId = found.ClassId,
                Score = found.Score,
                Box = Of(found.Box),
                Pixels = found.Pixels,
                Mask = Of(found.Mask),
            }) ?? [],
        },
        Mask = Of(answer.Mask),
        TimingsMs = Of(answer.TimingsMs),
        Picture = Bytes(picture),
    };

    public static Proto.ExplainResponse Of(ExplainResponse answer, byte[]? picture)
    {
        var message = new Proto.ExplainResponse
        {
            Model = Of(answer.Model),
            Image = Of(answer.Image),
            Target = Of(answer.Target),
            Method = answer.Method,
            Heatmap = Of(answer.Heatmap),
            Faithfulness = Of(answer.Faithfulness),
            Explanations =
            {
                answer.Explanations?.Select(static explained => new Proto.ExplainResponse.Types.Explained
                {
                    Target = Of(explained.Target),
                    Heatmap = Of(explained.Heatmap),
                    Faithfulness = Of(explained.Faithfulness),
                }) ?? [],
            },
            Activations = answer.Activations is { } activations
                ? new() { Shape = { activations.Shape }, Values = { activations.Values } }
                : null,
            Seen = Of(answer.Seen),
            TimingsMs = Of(answer.TimingsMs),
            Picture = Bytes(picture),
        };
        if (answer.Layer is { } layer)
        {
            message.Layer = layer;
        }

        return message;
    }

    private static Proto.ModelIdentity Of(ModelIdentity model) =>
        new() { Name = model.Name, Version = model.Version, Task = model.Task, Family = model.Family };

    private static Proto.ImageSize Of(ImageSize size) => new() { Width = size.Width, Height = size.Height };

    private static Proto.TimingsMs Of(TimingsMs timings) => new()
    {
        Decode = timings.Decode,
        Preprocess = timings.Preprocess,
        Queue = timings.Queue,
        Inference = timings.Inference,
        Postprocess = timings.Postprocess,
        Total = timings.Total,
    };

    private static Proto.ClassifyResponse.Types.Prediction Of(Classification.ClassPrediction prediction)
    {
        var message = new Proto.ClassifyResponse.Types.Prediction
        {
            Label = prediction.Label,
            ClassId = prediction.ClassId,
            Score = prediction.Score,
        };
        if (prediction.Synset is { } synset)
        {
            message.Synset = synset;
        }

        return message;
    }

    private static Proto.Box? Of(BoxEdges? box) =>
        box is null ? null : new() { Xmin = box.Xmin, Ymin = box.Ymin, Xmax = box.Xmax, Ymax = box.Ymax };

    private static Proto.DetectResponse.Types.KeyPoint Of(KeyPointPlace point) => new() { X = point.X, Y = point.Y, Score = point.Score };

    private static Proto.Mask? Of(MaskAnswer? mask)
    {
        if (mask is null)
        {
            return null;
        }

        var message = new Proto.Mask
        {
            Encoding = mask.Encoding,
            Size = { mask.Size },
            Polygons = { mask.Polygons?.Select(static ring => new Proto.Mask.Types.Polygon { Points = { ring } }) ?? [] },
            Png = Bytes(mask.Png),
        };
        if (mask.Counts is { } counts)
        {
            message.Counts = counts;
        }

        return message;
    }

    private static Proto.ExplainResponse.Types.Target? Of(ExplainedAnswer? target) => target is null ? null : new()
    {
        Label = target.Label,
        ClassId = target.ClassId,
        Score = target.Score,
        Box = Of(target.Box),
    };

    private static Proto.ExplainResponse.Types.Heatmap? Of(HeatMapAnswer? map) => map is null ? null : new()
    {
        Width = map.Width,
        Height = map.Height,
        Png = Bytes(map.Png),
        Grid = new() { Width = map.Grid.Width, Height = map.Grid.Height, Values = { map.Grid.Values } },
    };

    private static Proto.ExplainResponse.Types.Faithfulness? Of(FaithfulnessAnswer? scores) => scores is null ? null : new()
    {
        Deletion = scores.Deletion,
        Insertion = scores.Insertion,
        RandomDeletion = scores.RandomDeletion,
        RandomInsertion = scores.RandomInsertion,
    };

    // Not copied: nobody else holds what an answer was drawn into.
    private static ByteString Bytes(byte[]? bytes) => bytes is null ? ByteString.Empty : UnsafeByteOperations.UnsafeWrap(bytes);
}
