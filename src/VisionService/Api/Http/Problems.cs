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

/// <summary>Says over HTTP what went wrong.</summary>
internal static class Problems
{
    public const string InternalError = "An internal error; the trace id finds it in the log.";

    public const string ContentType = MediaTypeNames.Application.ProblemJson;

    public static Problem Describe(VisionException exception, HttpContext http)
    {
        var kind = ProblemKind.Of(exception.Error);
        return new Problem($"/problems/{kind.Slug}", kind.Title, kind.HttpStatus, exception.Message, TraceId(http));
    }

    /// <summary>A problem that HTTP itself found, before or beside our own code.</summary>
    public static Problem Describe(int status, string detail, HttpContext http)
    {
        var title = Microsoft.AspNetCore.WebUtilities.ReasonPhrases.GetReasonPhrase(status);
        var slug = title.ToLowerInvariant().Replace(' ', '-');
        return new Problem($"/problems/{slug}", title, status, detail, TraceId(http));
    }

    /// <summary>What the server says of a request that broke its rules, with settings by our names.</summary>
    public static string Detail(BadHttpRequestException exception) => exception.StatusCode == StatusCodes.Status408RequestTimeout
        ? $"The body came more slowly than Api:Connections:{nameof(ConnectionOptions.MinBytesPerSecond)} allows."
        : exception.Message;

    public static Task WriteAsync(HttpContext http, VisionException exception)
    {
        SetRetryAfter(http, exception);
        return WriteAsync(http, Describe(exception, http));
    }

    /// <summary>Says when to try again, in whole seconds, where that is of use.</summary>
    public static void SetRetryAfter(HttpContext http, VisionException exception)
    {
        if (exception.RetryAfter is { } after)
        {
            http.Response.Headers.RetryAfter =
                Math.Max(1, (int)Math.Ceiling(after.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        }
    }

    public static Task WriteAsync(HttpContext http, Problem problem)
    {
        http.Response.StatusCode = problem.Status;
        http.Response.ContentType = ContentType;
        var json = JsonSerializer.SerializeToUtf8Bytes(problem, ContractsJson.Readable.Problem);
        http.Response.ContentLength = json.Length;
        return http.Response.Body.WriteAsync(json, http.RequestAborted).AsTask();
    }

    public static string TraceId(HttpContext http) => Activity.Current?.TraceId.ToString() ?? http.TraceIdentifier;
}
