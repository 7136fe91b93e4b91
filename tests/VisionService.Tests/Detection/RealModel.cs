using Microsoft.ML.OnnxRuntime;
using VisionService.Detection;
using VisionService.Detection.Decoders;
using VisionService.Imaging;
using VisionService.Inference;
using VisionService.Tests.Imaging;

namespace VisionService.Tests.Detection;

/// <summary>A model file of the shared folder and the way a photo gets into it.</summary>
internal sealed record RealModel(string File, InputGeometry Geometry)
{
    public bool IsBgr { get; init; }

    /// <summary>Pixel 0-255 to input, by channel in the model's order.</summary>
    public Func<int, byte, float> Normalize { get; init; } = static (_, pixel) => pixel / 255f;

    private ModelInput Input => new(3, Geometry.Height, Geometry.Width);

    /// <summary>What a family reads in a photo, in its pixels.</summary>
    /// <param name="photo">Under the shared folder.</param>
    /// <param name="manifest">The family's name where the file cannot tell it.</param>
    public List<DetectedObject> Detect(string photo, string? manifest = null, float minScore = 0.25f, float maxIoU = 0.45f) =>
        Read(photo, manifest, minScore, maxIoU, static (_, _, candidates) => candidates.ToObjects());

    /// <summary>The score of each object and the numbers of the outputs that it is traced to.</summary>
    public List<(float Score, float[] Traced)> Trace(string photo, string? manifest = null) =>
        Read(photo, manifest, 0.25f, 0.45f, static (decoder, run, candidates) =>
        {
            var outputs = new ModelOutputs(run, 0);
            var found = new List<(float Score, float[] Traced)>();
            for (var i = 0; i < candidates.Count; i++)
            {
                var traced = decoder.Trace(outputs, candidates.Rows[i], candidates.ClassIds[i]);
                var values = new float[traced.Length];
                for (var k = 0; k < traced.Length; k++)
                {
                    values[k] = outputs.Floats(traced[k].Output)[traced[k].Index];
                }

                found.Add((candidates.Scores[i], values));
            }

            return found;
        });

    private List<T> Read<T>(
        string photo, string? manifest, float minScore, float maxIoU,
        Func<IDetectionDecoder, BatchOutputs, Candidates, List<T>> read)
    {
        using var session = Load();
        var signature = Signature(session);
        var family = manifest is null
            ? Assert.Single(DetectorFamilies.Recognize(signature))
            : DetectorFamilies.Find(manifest)!;
        var decoder = family.Build(signature);

        using var image = new ImageDecoder(new ImagingOptions()).Decode(SharedFiles.Bytes(photo));
        var placement = Geometry.Place(image.SourceWidth, image.SourceHeight);
        using var outputs = Run(session, image, placement);
        using var candidates = Candidates.Rent(new ScoreFilter(minScore), keyPointCount: decoder.KeyPointCount);
        var run = new BatchOutputs(session.OutputNames, outputs, 1, 1);
        decoder.Decode(new ModelOutputs(run, 0), candidates);
        // The references dropped duplicates class by class, also YOLOX's.
        var method = family.Suppression == SuppressionMethod.None ? SuppressionMethod.None : SuppressionMethod.Class;
        NonMaxSuppression.Keep(candidates, method, maxIoU, 300);
        var scaleX = (float)placement.SourceWidth / placement.ResizedWidth;
        var scaleY = (float)placement.SourceHeight / placement.ResizedHeight;
        candidates.Map(scaleX, scaleY, -placement.OffsetX * scaleX, -placement.OffsetY * scaleY);
        candidates.Clip(image.SourceWidth, image.SourceHeight);
        return read(decoder, run, candidates);
    }

    public DetectorSignature Signature(int? classCount = null)
    {
        using var session = Load();
        return Signature(session) with { ClassCount = classCount };
    }

    private InferenceSession Load()
    {
        using var options = new SessionOptions { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        return new InferenceSession(SharedFiles.Path($"models/{File}"), options);
    }

    private DetectorSignature Signature(InferenceSession session) => new(
        Input,
        [.. session.InputNames],
        [
            .. session.OutputNames.Select(name => new OutputSignature(
                name,
                [.. session.OutputMetadata[name].Dimensions.Select(static side => (long)side)],
                session.OutputMetadata[name].ElementType != typeof(float))),
        ])
    {
        Metadata = session.ModelMetadata.CustomMetadataMap,
    };

    private IDisposableReadOnlyCollection<OrtValue> Run(InferenceSession session, RgbImage image, Placement placement)
    {
        var bytes = new byte[Input.Length];
        Planes.Write(image, placement, bytes);
        var (floats, area) = (new float[bytes.Length], Input.Width * Input.Height);
        for (var i = 0; i < floats.Length; i++)
        {
            var channel = i / area;
            floats[i] = Normalize(channel, bytes[((IsBgr ? 2 - channel : channel) * area) + (i % area)]);
        }

        using var input = OrtValue.CreateTensorValueFromMemory(floats, [1, 3, Input.Height, Input.Width]);
        using var size = OrtValue.CreateTensorValueFromMemory(new long[] { Input.Width, Input.Height }, [1, 2]);
        OrtValue[] inputs = session.InputNames.Count > 1 ? [input, size] : [input];
        using var options = new RunOptions();
        return session.Run(options, session.InputNames, inputs, session.OutputNames);
    }
}
