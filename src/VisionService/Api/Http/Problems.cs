using System.Diagnostics;
using System.Globalization;
using System.Net.Mime;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace VisionService.Api.Http;

/// <summary>An RFC 9457 problem.</summary>
/// <param name="Type">A stable URI reference, such as <c>/problems/overloaded</c>.</param>
/// <param name="Detail">With the limit and the value.</param>
/// <param name="TraceId">What to look for in traces and logs.</param>
internal sealed record Problem(
    string Type, string Title, int Status, string Detail, [property: JsonPropertyName("traceId")] string TraceId);

/// <summary>The one table from what went wrong to what HTTP says about it.</summary>
internal static class Problems
{
    public const string ContentType = MediaTypeNames.Application.ProblemJson;

    private static readonly Dictionary<VisionError, (int Status, string Slug, string Title)> Table = new()
    {
        [VisionError.InvalidRequest] = (400, "invalid-request", "The request is not valid"),
        [VisionError.Unauthenticated] = (401, "unauthenticated", "A key is missing or wrong"),
        [VisionError.Forbidden] = (403, "forbidden", "The key may not do this"),
        [VisionError.ModelNotFound] = (404, "model-not-found", "There is no such model"),
        [VisionError.NotAcceptable] = (406, "not-acceptable", "The wanted form is not on offer"),
        [VisionError.UnsupportedMediaType] = (415, "unsupported-media-type", "The body's form is not understood"),
        [VisionError.WrongTask] = (409, "wrong-task", "The model has another task"),
        [VisionError.ModelLoading] = (409, "model-loading", "The model is still loading"),
        [VisionError.TooLarge] = (413, "too-large", "The request is too large"),
        [VisionError.InvalidImage] = (422, "invalid-image", "The image cannot be decoded"),
        [VisionError.ExplainUnsupported] = (422, "explain-unsupported", "The model cannot be explained so"),
        [VisionError.RateLimited] = (429, "rate-limited", "Too many requests from this caller"),
        [VisionError.InferenceFailed] = (500, "inference-failed", "The model failed"),
        [VisionError.Overloaded] = (503, "overloaded", "The server is overloaded"),
        [VisionError.Draining] = (503, "draining", "The server is shutting down"),
        [VisionError.DeadlineExceeded] = (504, "deadline-exceeded", "The answer came too late"),
    };

    public static Problem Describe(VisionException exception, HttpContext http)
    {
        var (status, slug, title) = Table[exception.Error];
        return new Problem($"/problems/{slug}", title, status, exception.Message, TraceId(http));
    }

    /// <summary>A problem that HTTP itself found, before or beside our own code.</summary>
    public static Problem Describe(int status, string detail, HttpContext http)
    {
        var title = Microsoft.AspNetCore.WebUtilities.ReasonPhrases.GetReasonPhrase(status);
        var slug = title.ToLowerInvariant().Replace(' ', '-');
        return new Problem($"/problems/{slug}", title, status, detail, TraceId(http));
    }

    public static Task WriteAsync(HttpContext http, VisionException exception)
    {
        if (exception.RetryAfter is { } after)
        {
            http.Response.Headers.RetryAfter =
                Math.Max(1, (int)Math.Ceiling(after.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        }

        return WriteAsync(http, Describe(exception, http));
    }

    public static Task WriteAsync(HttpContext http, Problem problem)
    {
        http.Response.StatusCode = problem.Status;
        http.Response.ContentType = ContentType;
        var json = JsonSerializer.SerializeToUtf8Bytes(problem, ContractsJson.Readable.Problem);
        http.Response.ContentLength = json.Length;
        return http.Response.Body.WriteAsync(json, http.RequestAborted).AsTask();
    }

    private static string TraceId(HttpContext http) => Activity.Current?.TraceId.ToString() ?? http.TraceIdentifier;
}
