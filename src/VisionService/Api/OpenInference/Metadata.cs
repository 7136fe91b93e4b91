using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using VisionService.Inference;
using VisionService.Repository;

namespace VisionService.Api.OpenInference;

internal sealed record ServerMetadata(string Name, string Version, IReadOnlyList<string> Extensions)
{
    public static ServerMetadata Own { get; } = new(
        "VisionService",
        typeof(ServerMetadata).Assembly.GetName().Version!.ToString(3),
        ["binary_tensor_data", "model_repository"]);
}

/// <param name="Shape">-1 where any size will do.</param>
internal sealed record TensorMetadata(string Name, string Datatype, IReadOnlyList<long> Shape)
{
    public static TensorMetadata Of(GraphTensor tensor) =>
        new(tensor.Name, tensor.Type == Inference.Datatype.None ? "INVALID" : tensor.Type.ToString(), tensor.Shape ?? [-1]);
}

internal sealed record ModelMetadata(
    string Name, IReadOnlyList<string> Versions, string Platform, IReadOnlyList<TensorMetadata> Inputs, IReadOnlyList<TensorMetadata> Outputs)
{
    // Triton's name for ONNX files run by ONNX Runtime.
    private const string OnnxRuntime = "onnxruntime_onnx";

    /// <param name="patience">How long it may take to load a model that had made room for others.</param>
    /// <exception cref="VisionException">The model is not ready.</exception>
    public static async Task<ModelMetadata> OfAsync(
        ModelCatalog catalog, string reference, TimeSpan patience, CancellationToken cancellationToken)
    {
        await catalog.WakeAsync(null, reference, patience, cancellationToken);
        var (entry, loaded) = catalog.GetReady(reference);
        return new ModelMetadata(
            entry.Name,
            [.. catalog.Versions(entry.Name).Where(static version => version.CanAnswer).Select(static version => version.Version).Reverse()],
            OnnxRuntime,
            [.. loaded.Tensors.Inputs.Select(TensorMetadata.Of)],
            [.. loaded.Tensors.Outputs.Select(TensorMetadata.Of)]);
    }
}

internal sealed record ServerLive(bool Live);

internal sealed record ServerReady(bool Ready);

internal sealed record ModelReady(string Name, bool Ready);

/// <param name="State"><c>READY</c>, <c>LOADING</c> or <c>UNAVAILABLE</c>.</param>
/// <param name="Reason">Why it is unavailable, or what else there is to know; empty otherwise.</param>
internal sealed record RepositoryModel(string Name, string Version, string State, string Reason)
{
    /// <param name="onlyReady">Leaves out what cannot answer now.</param>
    public static IReadOnlyList<RepositoryModel> Index(ModelCatalog catalog, bool onlyReady) =>
        [.. catalog.Entries.Where(entry => !onlyReady || entry.CanAnswer).Select(Of)];

    private static RepositoryModel Of(ModelEntry entry) => new(
        entry.Name,
        entry.Version,
        entry.State switch
        {
            ModelState.Ready or ModelState.Idle => "READY",
            ModelState.Loading => "LOADING",
            _ => "UNAVAILABLE",
        },
        entry.Problem ?? entry.State switch
        {
            ModelState.Unloaded => "unloaded",
            ModelState.Idle => "made room for others; the next request loads it",
            _ => entry.ReloadProblem is { } problem ? $"not loaded anew: {problem}" : "",
        });
}

/// <summary>What is asked of the index; anything else is passed over.</summary>
internal sealed record IndexRequest(bool Ready = false);

internal sealed record InferenceError(string Error);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(ServerMetadata))]
[JsonSerializable(typeof(ModelMetadata))]
[JsonSerializable(typeof(ServerLive))]
[JsonSerializable(typeof(ServerReady))]
[JsonSerializable(typeof(ModelReady))]
[JsonSerializable(typeof(IReadOnlyList<RepositoryModel>))]
[JsonSerializable(typeof(IndexRequest))]
[JsonSerializable(typeof(InferenceError))]
internal sealed partial class MetadataJson : JsonSerializerContext
{
    /// <summary>As generated, but quotes and letters of any script stay readable.</summary>
    public static MetadataJson Readable => field ??= new(new JsonSerializerOptions(Default.Options)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
