using Microsoft.ML.OnnxRuntime;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.PixelFormats;
using VisionService.Detection;
using VisionService.Detection.Decoders;
using VisionService.Inference;

namespace VisionService.Tests.Detection;

/// <summary>A model file run on a photo with the simplest preprocessing that its family allows.</summary>
internal sealed record RealModel(string File, int Width, int Height)
{
    public enum Fit
    {
        Center,
        TopLeft,
        Stretch,
    }

    public Fit Fitting { get; init; }

    public byte Pad { get; init; } = 114;

    public bool IsBgr { get; init; }

    /// <summary>Pixel 0-255 to input, by channel in the model's order.</summary>
    public Func<int, byte, float> Normalize { get; init; } = static (_, pixel) => pixel / 255f;

    public ModelInput Input => new(3, Height, Width);

    /// <summary>What the family reads in a photo of the shared folder, in its pixels.</summary>
    public List<DetectedObject> Detect(
        string photo,
        Func<DetectorSignature, IDetectionDecoder> decoderOf,
        Func<SuppressionMethod>? method = null,
        float minScore = 0.25f,
        float maxIoU = 0.45f)
    {
        using var image = Image.Load<Rgb24>(SharedData.Path("images", photo));
        return Detect(image, decoderOf, method, minScore, maxIoU);
    }

    public List<DetectedObject> Detect(
        Image<Rgb24> image,
        Func<DetectorSignature, IDetectionDecoder> decoderOf,
        Func<SuppressionMethod>? method = null,
        float minScore = 0.25f,
        float maxIoU = 0.45f)
    {
        using var session = Load();
        var decoder = decoderOf(Signature(session));
        var placed = Place(image.Width, image.Height);
        using var outputs = Run(session, image, placed);
        using var candidates = Candidates.Rent(new ScoreFilter(minScore), keyPointCount: decoder.KeyPointCount);
        decoder.Decode(new ModelOutputs(new BatchOutputs(session.OutputNames, outputs, 1, 1), 0), candidates);
        NonMaxSuppression.Keep(candidates, method?.Invoke() ?? SuppressionMethod.Class, maxIoU, 300);
        candidates.Map(
            (float)image.Width / placed.Width,
            (float)image.Height / placed.Height,
            -(float)placed.X * image.Width / placed.Width,
            -(float)placed.Y * image.Height / placed.Height);
        candidates.Clip(image.Width, image.Height);
        return candidates.ToObjects();
    }

    public DetectorSignature Signature(int? classCount = null)
    {
        using var session = Load();
        return Signature(session) with { ClassCount = classCount };
    }

    private InferenceSession Load()
    {
        using var options = new SessionOptions { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        return new InferenceSession(SharedData.Path("models", File), options);
    }

    private DetectorSignature Signature(InferenceSession session) => new(
        Input,
        [.. session.InputNames],
        [.. session.OutputMetadata.Select(static output => new OutputSignature(
            output.Key, [.. output.Value.Dimensions.Select(static side => (long)side)], output.Value.ElementType != typeof(float)))])
    {
        Metadata = session.ModelMetadata.CustomMetadataMap,
    };

    private IDisposableReadOnlyCollection<OrtValue> Run(InferenceSession session, Image<Rgb24> image, Rectangle placed)
    {
        var planes = new float[3 * Width * Height];
        for (var i = 0; i < Width * Height; i++)
        {
            var (x, y) = (i % Width, i / Width);
            var pixel = placed.Contains(x, y) ? Sample(image, placed, x, y) : new Rgb24(Pad, Pad, Pad);
            ReadOnlySpan<byte> channels = IsBgr ? [pixel.B, pixel.G, pixel.R] : [pixel.R, pixel.G, pixel.B];
            for (var c = 0; c < 3; c++)
            {
                planes[(c * Width * Height) + i] = Normalize(c, channels[c]);
            }
        }

        using var input = OrtValue.CreateTensorValueFromMemory(planes, [1, 3, Height, Width]);
        using var size = OrtValue.CreateTensorValueFromMemory(new long[] { Width, Height }, [1, 2]);
        OrtValue[] inputs = session.InputNames.Count > 1 ? [input, size] : [input];
        using var options = new RunOptions();
        return session.Run(options, session.InputNames, inputs, session.OutputNames);
    }

    /// <summary>Between the four nearest pixels, without a wider filter when shrinking: as OpenCV does, with which the references were made.</summary>
    private static Rgb24 Sample(Image<Rgb24> image, Rectangle placed, int x, int y)
    {
        var (left, right, shareX) = Neighbours(x - placed.X, image.Width, placed.Width);
        var (top, bottom, shareY) = Neighbours(y - placed.Y, image.Height, placed.Height);
        var (a, b, c, d) = (image[left, top], image[right, top], image[left, bottom], image[right, bottom]);
        byte Mix(byte a, byte b, byte c, byte d) => (byte)MathF.Round(
            (((a * (1 - shareX)) + (b * shareX)) * (1 - shareY)) + (((c * (1 - shareX)) + (d * shareX)) * shareY));
        return new Rgb24(Mix(a.R, b.R, c.R, d.R), Mix(a.G, b.G, c.G, d.G), Mix(a.B, b.B, c.B, d.B));
    }

    private static (int First, int Second, float Share) Neighbours(int position, int source, int target)
    {
        var at = Math.Clamp(((position + 0.5f) * source / target) - 0.5f, 0, source - 1);
        return ((int)at, Math.Min((int)at + 1, source - 1), at - (int)at);
    }

    private Rectangle Place(int width, int height)
    {
        if (Fitting == Fit.Stretch)
        {
            return new Rectangle(0, 0, Width, Height);
        }

        var ratio = Math.Min((double)Width / width, (double)Height / height);
        var (w, h) = Fitting == Fit.TopLeft
            ? ((int)(width * ratio), (int)(height * ratio))
            : ((int)Math.Round(width * ratio), (int)Math.Round(height * ratio));
        return Fitting == Fit.TopLeft
            ? new Rectangle(0, 0, w, h)
            : new Rectangle((int)Math.Round(((Width - w) / 2.0) - 0.1), (int)Math.Round(((Height - h) / 2.0) - 0.1), w, h);
    }
}
