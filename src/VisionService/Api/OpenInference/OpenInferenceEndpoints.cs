using System.Globalization;
using System.Net.Mime;
using System.Text.Json;
using Grpc.AspNetCore.Server;
using Microsoft.Extensions.Options;
using VisionService.Api.Access;
using VisionService.Repository;

namespace VisionService.Api.OpenInference;

/// <summary>The Open Inference Protocol v2 over REST, with Triton's extensions for binary tensors and for the model
/// repository.</summary>
internal static class OpenInferenceEndpoints
{
    public const string HeaderLength = "Inference-Header-Content-Length";

    public const string Root = "/v2";

    /// <summary>What the routes and the gRPC service need.</summary>
    public static void AddOpenInference(this IServiceCollection services)
    {
        services.AddSingleton<ImageInputs>();
        services.AddSingleton<TensorPipeline>();

        // gRPC's own limit is 4 MiB, less than one picture of floats.
        services.AddGrpc().AddServiceOptions<OpenInferenceService>(static _ => { });
        services.AddOptions<GrpcServiceOptions<OpenInferenceService>>().Configure<IOptions<ApiOptions>>(
            static (grpc, api) => grpc.MaxReceiveMessageSize = api.Value.MaxRequestBytes);
    }

    public static void Map(WebApplication app)
    {
        // Inside whatever else turns exceptions into answers: below /v2 an error has the protocol's form.
        app.UseWhen(InferenceErrors.IsFor, static branch => branch.UseMiddleware<InferenceErrors>());

        var routes = app.MapGroup(Root).WithTags("Open Inference Protocol").Needs(Role.Infer);
        routes.MapGet("", () => TypedResults.Json(ServerMetadata.Own, MetadataJson.Readable.ServerMetadata))
            .WithSummary("The server's name, version and extensions.")
            .Produces<ServerMetadata>();
        var health = app.MapGroup($"{Root}/health").WithTags("Open Inference Protocol").Needs(Role.Anyone);
        health.MapGet("/live", () => TypedResults.Json(new ServerLive(true), MetadataJson.Readable.ServerLive))
            .WithSummary("200 while the process can answer at all.")
            .Produces<ServerLive>();
        health.MapGet("/ready", Ready)
            .WithSummary("200 once no model is loading and at least one is ready.")
            .Produces<ServerReady>()
            .Produces<InferenceError>(409);
        foreach (var (model, reference) in new[] { ("/models/{model}", (Func<string, string?, string>)((name, _) => name)), ("/models/{model}/versions/{version}", (name, version) => $"{name}:{version}") })
        {
            MapModel(routes, model, reference);
        }

        MapRepository(routes.MapGroup("/repository"));
        app.MapGrpcService<OpenInferenceService>().Needs(Role.Infer);
    }

    private static void MapModel(RouteGroupBuilder routes, string model, Func<string, string?, string> reference)
    {
        var hasVersion = model.EndsWith("{version}", StringComparison.Ordinal);
        Delegate Handle(Func<string, HttpContext, Task> handle) => hasVersion
            ? (HttpContext http, string model, string version) => handle(reference(model, version), http)
            : (HttpContext http, string model) => handle(reference(model, null), http);

        routes.MapGet(model, Handle(MetadataAsync))
            .WithSummary("A model's tensors as its file has them: names, types and shapes.")
            .Produces<ModelMetadata>()
            .Produces<InferenceError>(404);
        routes.MapGet($"{model}/ready", Handle(ReadyAsync))
            .WithSummary("200 while the model can answer.")
            .Produces<ModelReady>()
            .Produces<InferenceError>(404)
            .Produces<InferenceError>(409);
        routes.MapPost($"{model}/infer", Handle(InferAsync))
            .WithSummary("Tensors in, tensors out, as JSON or binary.")
            .WithDescription($"The body is the protocol's JSON object; with the header {HeaderLength} binary tensors follow it.")
            .Accepts<object>(MediaTypeNames.Application.Json, MediaTypeNames.Application.Octet)
            .Produces(200, contentType: MediaTypeNames.Application.Json)
            .Produces<InferenceError>(400)
            .Produces<InferenceError>(404)
            .Produces<InferenceError>(409)
            .Produces<InferenceError>(413)
            .Produces<InferenceError>(503);
    }

    private static void MapRepository(RouteGroupBuilder routes)
    {
        routes.MapPost("/index", (Delegate)IndexAsync) // only delegates are described, request delegates not
            .WithSummary("All models and their states; with {\"ready\": true} those that can answer.")
            .Accepts<IndexRequest>(isOptional: true, MediaTypeNames.Application.Json)
            .Produces<IReadOnlyList<RepositoryModel>>();
        routes.MapPost("/models/{model}/load", (string model, ModelCatalog catalog) => DoneAsync(catalog.LoadAsync(model)))
            .Needs(Role.Admin)
            .WithSummary("Loads a model from its files, anew if it is loaded; with an admin's key, or from the machine itself.")
            .Produces(200)
            .Produces<InferenceError>(400)
            .Produces<InferenceError>(403)
            .Produces<InferenceError>(404)
            .Produces<InferenceError>(409);
        routes.MapPost("/models/{model}/unload", (string model, ModelCatalog catalog) => DoneAsync(catalog.UnloadAsync(model)))
            .Needs(Role.Admin)
            .WithSummary("Takes a model out of service once its requests are answered; with an admin's key, or from the machine itself.")
            .Produces(200)
            .Produces<InferenceError>(403)
            .Produces<InferenceError>(404)
            .Produces<InferenceError>(409);
    }

    // The protocol's answer is empty.
    private static async Task DoneAsync(Task done) => await done;

    private static IResult Ready(ModelCatalog catalog) => catalog.IsReady
        ? TypedResults.Json(new ServerReady(true), MetadataJson.Readable.ServerReady)
        : TypedResults.Json(new InferenceError("A model is still loading, or none is ready."), MetadataJson.Readable.InferenceError, statusCode: 409);

    private static async Task MetadataAsync(string reference, HttpContext http)
    {
        var patience = http.RequestServices.GetRequiredService<IOptions<ApiOptions>>().Value.Timeout;
        var metadata = await ModelMetadata.OfAsync(Catalog(http), reference, patience, http.RequestAborted);
        await TypedResults.Json(metadata, MetadataJson.Readable.ModelMetadata).ExecuteAsync(http);
    }

    private static Task ReadyAsync(string reference, HttpContext http)
    {
        var entry = Catalog(http).Find(reference);
        var name = entry.CanAnswer ? entry.Name : Catalog(http).GetReady(reference).Entry.Name;
        return TypedResults.Json(new ModelReady(name, true), MetadataJson.Readable.ModelReady).ExecuteAsync(http);
    }

    private static async Task InferAsync(string reference, HttpContext http)
    {
        using var body = await ReadBodyAsync(http);
        var request = InferRequestReader.Read(reference, body.Bytes, JsonLength(http.Request)) with { Caller = Caller.IdentityOf(http) };
        var isBinary = request.Parameters.Flag("binary_data_output") ?? false;
        using var answer = await http.RequestServices.GetRequiredService<TensorPipeline>().RunAsync(request, http.RequestAborted);
        await InferResponseWriter.WriteAsync(http, answer, isBinary);
    }

    private static async Task IndexAsync(HttpContext http)
    {
        using var body = await ReadBodyAsync(http);
        var request = new IndexRequest();
        try
        {
            request = body.Bytes.IsEmpty ? request : JsonSerializer.Deserialize(body.Bytes.Span, MetadataJson.Readable.IndexRequest) ?? request;
        }
        catch (JsonException exception)
        {
            throw new VisionException(VisionError.InvalidRequest, "The body is no JSON object such as {\"ready\": true}.", exception);
        }

        await TypedResults.Json(RepositoryModel.Index(Catalog(http), request.Ready), MetadataJson.Readable.IReadOnlyListRepositoryModel)
            .ExecuteAsync(http);
    }

    private static ModelCatalog Catalog(HttpContext http) => http.RequestServices.GetRequiredService<ModelCatalog>();

    private static async Task<EncodedImage> ReadBodyAsync(HttpContext http)
    {
        var limit = http.RequestServices.GetRequiredService<IOptions<ApiOptions>>().Value.MaxRequestBytes;
        return await EncodedImage.ReadAsync(
            http.Request.Body, http.Request.ContentLength, limit, $"Api:{nameof(ApiOptions.MaxRequestBytes)}", http.RequestAborted);
    }

    private static long? JsonLength(HttpRequest request)
    {
        var text = request.Headers[HeaderLength].ToString();
        return text.Length == 0 ? null
            : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var length) ? length
            : throw new VisionException(VisionError.InvalidRequest, $"{HeaderLength} must be a number of bytes, not '{text}'.");
    }
}
