using System.Diagnostics;
using System.Globalization;
using System.Net.Mime;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.Options;
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
    Func<VisionAnswer<TResult>, ImageAnswer<TResult>, TimingsMs, TResponse> respond)
{
    public VisionCall<TRequest, TResult> Call => call;

    /// <summary>An answer, in JSON, for the OpenAPI document.</summary>
    public string Example => example;

    public async Task HandleAsync(HttpContext http)
    {
        var start = Stopwatch.GetTimestamp();
        var services = http.RequestServices;
        Negotiation.RequireJson(http.Request);
        using var request = await VisionRequest.ReadAsync(
            http.Request,
            services.GetRequiredService<IOptions<ApiOptions>>().Value,
            services.GetRequiredService<IOptions<ImagingOptions>>().Value,
            http.RequestAborted);
        var answer = await services.GetRequiredService<VisionPipeline>().RunAsync(
            call,
            request.Images,
            call.Parameters.Read(request.Said),
            Stopwatch.GetElapsedTime(start),
            http.RequestAborted);

        var total = Stopwatch.GetElapsedTime(start);
        http.Response.Headers["Server-Timing"] = ServerTiming(answer.Images, total);
        http.Response.ContentType = MediaTypeNames.Application.Json;
        await using var writer = new Utf8JsonWriter(http.Response.BodyWriter, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        if (answer.Images is [var only] && !request.WantsList)
        {
            Write(writer, http, answer, only, total);
            return;
        }

        writer.WriteStartObject();
        writer.WriteStartArray("results");
        foreach (var image in answer.Images)
        {
            Write(writer, http, answer, image, total);
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private void Write(
        Utf8JsonWriter writer, HttpContext http, VisionAnswer<TResult> answer, ImageAnswer<TResult> image, TimeSpan total)
    {
        if (image.Problem is not null)
        {
            JsonSerializer.Serialize(writer, Problems.Describe(image.Problem, http), ContractsJson.Readable.Problem);
            return;
        }

        JsonSerializer.Serialize(writer, respond(answer, image, TimingsMs.Of(image.Decode, image.Timings, total)), json);
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
