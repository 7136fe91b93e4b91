using System.Diagnostics;
using System.Globalization;
using System.Net.Mime;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.Options;
using VisionService.Api.Access;
using VisionService.Api.Urls;
using VisionService.Imaging;

namespace VisionService.Api.Http;

/// <summary>
/// A task over HTTP: reads a request in any of its forms, runs the pipeline, and writes one result for one image or
/// <c>{"results": [...]}</c> for many, each a result or a problem.
/// </summary>
internal sealed class TaskEndpoint<TRequest, TResult, TResponse>(
    VisionCall<TRequest, TResult> call,
    JsonTypeInfo<TResponse> json,
    string example,
    Func<VisionAnswer<TResult>, ImageAnswer<TResult>, ParameterValues, TimingsMs, TResponse> respond) : IImageTask
{
    private static readonly string[] JsonOnly = [MediaTypeNames.Application.Json];
    private static readonly string[] JsonOrPicture = [MediaTypeNames.Application.Json, MediaTypeNames.Image.Jpeg, MediaTypeNames.Image.Png];

    public VisionCall<TRequest, TResult> Call => call;

    /// <summary>An answer, in JSON, for the OpenAPI document.</summary>
    public string Example => example;

    string IImageTask.Task => call.Task;

    async Task<IReadOnlyList<byte[]>> IImageTask.AnswerAsync(
        VisionPipeline pipeline,
        IReadOnlyList<EncodedImage> images,
        IEnumerable<(string Name, IReadOnlyList<string> Values)> said,
        object? caller,
        CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        var parameters = call.Parameters.Read(said);
        await pipeline.WakeAsync(call, parameters, new(TimeSpan.Zero, caller), cancellationToken);
        using var admitted = pipeline.Admit(call, parameters, images, new(TimeSpan.Zero, caller), cancellationToken);
        var answer = await pipeline.RunAsync(admitted, images, picture: null, cancellationToken);
        var total = Stopwatch.GetElapsedTime(start);
        return
        [
            .. answer.Images.Select(image => image.Problem is { } problem
                ? JsonSerializer.SerializeToUtf8Bytes(new ImageProblem(problem.Message), ContractsJson.Readable.ImageProblem)
                : JsonSerializer.SerializeToUtf8Bytes(
                    respond(answer, image, parameters, TimingsMs.Of(image.Decode, image.Timings, total)), json)),
        ];
    }

    public async Task HandleAsync(HttpContext http)
    {
        var start = Stopwatch.GetTimestamp();
        var services = http.RequestServices;
        var pipeline = services.GetRequiredService<VisionPipeline>();
        var picture = Picture(Negotiation.Choose(http.Request, call.Draw is null ? JsonOnly : JsonOrPicture));
        using var request = new VisionRequest(
            http.Request,
            services.GetRequiredService<IOptions<ApiOptions>>().Value,
            services.GetRequiredService<IOptions<ImagingOptions>>().Value,
            services.GetRequiredService<RemoteImages>());

        // A body of bytes has said everything in its head: who is refused is refused before it is read.
        if (request.IsOneImage)
        {
            var said = call.Parameters.Read(request.Said);
            await pipeline.WakeAsync(call, said, Origin(), http.RequestAborted);
            if (pipeline.RefusalOf(call, said, http.Request.ContentLength ?? 0, Origin()) is { } early)
            {
                await Problems.WriteAsync(http, early);
                return;
            }
        }

        await request.ReadAsync(http.RequestAborted);
        if (picture is not null && request.Images.Count > 1)
        {
            throw new VisionException(
                VisionError.InvalidRequest,
                $"A drawn answer is of one image; the request has {request.Images.Count}. Accept {MediaTypeNames.Application.Json} instead.");
        }

        if (Caller.RefusalOf(http, request.Images.Count - 1, further: true) is { } tooMany)
        {
            await Problems.WriteAsync(http, tooMany);
            return;
        }

        var parameters = call.Parameters.Read(request.Said);
        await pipeline.WakeAsync(call, parameters, Origin(), http.RequestAborted);
        using var admitted = pipeline.TryAdmit(
            call,
            parameters,
            request.Images.Count,
            request.Images.Sum(static image => (long)image.Length),
            Origin(),
            http.RequestAborted,
            out var refusal);
        if (admitted is null)
        {
            await Problems.WriteAsync(http, refusal!);
            return;
        }

        var answer = await pipeline.RunAsync(admitted, request.Images, picture, http.RequestAborted);
        await WriteAsync(http, answer, request, parameters, picture, Stopwatch.GetElapsedTime(start));

        CallOrigin Origin() => new(Stopwatch.GetElapsedTime(start), Caller.IdentityOf(http));
    }

    private async Task WriteAsync(
        HttpContext http, VisionAnswer<TResult> answer, VisionRequest request, ParameterValues parameters, PictureFormat? picture, TimeSpan total)
    {
        http.Response.Headers["Server-Timing"] = ServerTiming(answer.Images, total);
        if (picture is { } format)
        {
            var drawn = answer.Images[0].Picture!;
            http.Response.ContentType = MediaTypeOf(format);
            http.Response.ContentLength = drawn.Length;
            await http.Response.Body.WriteAsync(drawn, http.RequestAborted);
            return;
        }

        http.Response.ContentType = MediaTypeNames.Application.Json;
        await using var writer = new Utf8JsonWriter(http.Response.BodyWriter, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        if (answer.Images is [var only] && !request.WantsList)
        {
            Write(writer, http, answer, only, parameters, total);
            return;
        }

        writer.WriteStartObject();
        writer.WriteStartArray("results");
        foreach (var image in answer.Images)
        {
            Write(writer, http, answer, image, parameters, total);
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static PictureFormat? Picture(string mediaType) => mediaType switch
    {
        MediaTypeNames.Image.Jpeg => PictureFormat.Jpeg,
        MediaTypeNames.Image.Png => PictureFormat.Png,
        _ => null,
    };

    private static string MediaTypeOf(PictureFormat format) =>
        format == PictureFormat.Jpeg ? MediaTypeNames.Image.Jpeg : MediaTypeNames.Image.Png;

    private void Write(
        Utf8JsonWriter writer, HttpContext http, VisionAnswer<TResult> answer, ImageAnswer<TResult> image, ParameterValues parameters, TimeSpan total)
    {
        if (image.Problem is not null)
        {
            JsonSerializer.Serialize(writer, Problems.Describe(image.Problem, http), ContractsJson.Readable.Problem);
            return;
        }

        JsonSerializer.Serialize(writer, respond(answer, image, parameters, TimingsMs.Of(image.Decode, image.Timings, total)), json);
    }

    /// <summary>W3C Server-Timing, milliseconds; a stage's time is the sum over the request's images.</summary>
    private static string ServerTiming(IReadOnlyList<ImageAnswer<TResult>> images, TimeSpan total)
    {
        double Sum(Func<ImageAnswer<TResult>, TimeSpan> stage) => images.Sum(image => stage(image).TotalMilliseconds);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"decode;dur={Sum(image => image.Decode):F1}, preprocess;dur={Sum(image => image.Timings.Preprocess):F1}, queue;dur={Sum(image => image.Timings.Queue):F1}, inference;dur={Sum(image => image.Timings.Inference):F1}, postprocess;dur={Sum(image => image.Timings.Postprocess):F1}, total;dur={total.TotalMilliseconds:F1}");
    }
}
