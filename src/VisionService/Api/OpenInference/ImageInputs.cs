using System.Buffers;
using System.Globalization;
using Microsoft.Extensions.Options;
using VisionService.Api.Http;
using VisionService.Imaging;
using VisionService.Inference;
using VisionService.Repository;

namespace VisionService.Api.OpenInference;

/// <summary>
/// Encoded images in a tensor of BYTES, marked by the parameter <c>content_type</c> of the input or the request: the
/// model's own task answers each with the JSON of its endpoint, in one output <c>predictions</c>.
/// </summary>
internal sealed class ImageInputs(VisionPipeline pipeline, IOptions<ApiOptions> api, IOptions<ImagingOptions> imaging)
{
    private const string ContentType = "content_type";
    private const string Output = "predictions";
    private const string Base64 = "base64";

    // The protocol's own parameters; every other one is the task's.
    private static readonly string[] Protocol = [ContentType, "binary_data_output", "timeout"];

    private readonly IImageTask[] _tasks = [ClassifyEndpoint.Create(), DetectEndpoint.Create(), SegmentEndpoint.Create()];

    /// <summary>The task that answers the request; null where its tensors are the model's own.</summary>
    public IImageTask? TaskFor(InferRequest request, LoadedModel model) =>
        request.Inputs.Any(input => input.Datatype == Datatype.BYTES && TypeOf(request, input) is not null)
            ? Array.Find(_tasks, task => task.Task == model.Task)
            : null;

    /// <exception cref="VisionException">It is not one tensor of images, or the call fails.</exception>
    public async Task<InferAnswer> RunAsync(InferRequest request, ModelEntry entry, IImageTask task, CancellationToken cancellationToken)
    {
        if (request.Inputs is not [var input])
        {
            throw new VisionException(VisionError.InvalidRequest, $"Images come in one input; the request has {request.Inputs.Count}.");
        }

        if (request.Outputs.FirstOrDefault(static output => output.Name != Output) is { } unknown)
        {
            throw new VisionException(VisionError.InvalidRequest, $"Images are answered in the output '{Output}'; there is no '{unknown.Name}'.");
        }

        var images = new List<EncodedImage>();
        try
        {
            foreach (var element in Elements(input))
            {
                images.Add(Image(element, input, TypeOf(request, input)!));
            }

            var texts = await task.AnswerAsync(pipeline, images, Said(request), request.Caller, cancellationToken);
            return new InferAnswer(
                entry, request.Id, [new TextOutput(Output, input.Shape, request.Outputs is [var wanted, ..] ? wanted.Parameters : null, texts)]);
        }
        finally
        {
            images.ForEach(static image => image.Dispose());
        }
    }

    private static string? TypeOf(InferRequest request, InferInput input)
    {
        var type = input.Parameters.Text(ContentType) ?? request.Parameters.Text(ContentType);
        return type == Base64 || type == "image" || type?.StartsWith("image/", StringComparison.Ordinal) == true ? type : null;
    }

    private byte[][] Elements(InferInput input)
    {
        var count = 1L;
        foreach (var size in input.Shape)
        {
            if (size < 1)
            {
                throw new VisionException(
                    VisionError.InvalidRequest, $"Input '{input.Name}' has shape {InferInput.Show(input.Shape)}; images have the shape [n].");
            }

            if (size > api.Value.MaxImages / count)
            {
                throw new VisionException(
                    VisionError.TooLarge,
                    $"Input '{input.Name}' of shape {InferInput.Show(input.Shape)} has more than {api.Value.MaxImages} images; Api:{nameof(ApiOptions.MaxImages)} allows no more.");
            }

            count *= size;
        }

        input.CheckSize(count, 0);
        return input.Texts(count);
    }

    /// <summary>JSON has no bytes: there an image is always base64.</summary>
    private EncodedImage Image(byte[] element, InferInput input, string type)
    {
        const string LimitName = $"Imaging:{nameof(ImagingOptions.MaxBytes)}";
        var limit = imaging.Value.MaxBytes;
        if (input is JsonInput || type == Base64)
        {
            return new JsonRequestBody(limit, LimitName).Decode(element, input.Name);
        }

        if (element.Length > limit)
        {
            throw new VisionException(
                VisionError.TooLarge, $"An image in '{input.Name}' has {element.Length} bytes; {LimitName} allows {limit}.");
        }

        var rented = ArrayPool<byte>.Shared.Rent(Math.Max(1, element.Length));
        element.CopyTo(rented, 0);
        return new EncodedImage(rented, element.Length);
    }

    private static IEnumerable<(string Name, IReadOnlyList<string> Values)> Said(InferRequest request)
    {
        yield return ("model", [request.Model]);
        if (request.Parameters.Integer("timeout", 0, long.MaxValue) is > 0 and { } microseconds)
        {
            yield return ("timeout_ms", [Math.Clamp(microseconds / 1000, 1, 600_000).ToString(CultureInfo.InvariantCulture)]);
        }

        foreach (var said in request.Parameters.All.Where(static said => !Protocol.Contains(said.Name)))
        {
            yield return said;
        }
    }
}

/// <summary>An output of texts that no run gave.</summary>
internal sealed record TextOutput(string Name, long[] Shape, InferParameters? Parameters, IReadOnlyList<byte[]> Values)
    : InferOutput(Name, Datatype.BYTES, Shape, Parameters)
{
    public override ReadOnlySpan<byte> Bytes => throw new NotSupportedException("Texts are of no one size.");

    public override IReadOnlyList<ReadOnlyMemory<byte>> Texts { get; } = [.. Values.Select(static value => (ReadOnlyMemory<byte>)value)];
}
