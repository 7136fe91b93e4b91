using VisionService.Api.Http;

namespace VisionService.Api.OpenInference;

/// <summary>Turns whatever leaves the protocol's endpoints, and every bare error status, into
/// <c>{"error": "..."}</c>.</summary>
internal sealed partial class InferenceErrors(RequestDelegate next, ILogger<InferenceErrors> logger)
{
    /// <summary>Whether a request is the protocol's.</summary>
    public static bool IsFor(HttpContext http) => http.Request.Path.StartsWithSegments(OpenInferenceEndpoints.Root);

    public static Task WriteAsync(HttpContext http, VisionException exception)
    {
        Problems.SetRetryAfter(http, exception);
        return WriteAsync(http, Problems.Describe(exception, http).Status, exception.Message);
    }

    public async Task InvokeAsync(HttpContext http)
    {
        try
        {
            await next(http);
            if (http.Response is { HasStarted: false, StatusCode: >= 400, ContentLength: null, ContentType: null })
            {
                await WriteAsync(http, http.Response.StatusCode, Explain(http));
            }
        }
        catch (VisionException exception) when (!http.Response.HasStarted && !http.RequestAborted.IsCancellationRequested)
        {
            await WriteAsync(http, exception);
        }
        catch (BadHttpRequestException exception) when (!http.Response.HasStarted)
        {
            await WriteAsync(http, exception.StatusCode, Problems.Detail(exception));
        }
        catch (Exception exception) when (!http.Response.HasStarted && !http.RequestAborted.IsCancellationRequested)
        {
            Log.Broken(logger, Problems.TraceId(http), exception);
            await WriteAsync(http, StatusCodes.Status500InternalServerError, $"An internal error; {Problems.TraceId(http)} finds it in the log.");
        }
    }

    private static Task WriteAsync(HttpContext http, int status, string error)
    {
        http.Response.StatusCode = status;
        return http.Response.WriteAsJsonAsync(new InferenceError(error), MetadataJson.Readable.InferenceError, cancellationToken: http.RequestAborted);
    }

    private static string Explain(HttpContext http) => http.Response.StatusCode switch
    {
        404 => $"There is nothing at {http.Request.Method} {http.Request.Path}; /swagger lists what there is.",
        405 => $"{http.Request.Path} does not answer {http.Request.Method}; it answers {http.Response.Headers.Allow}.",
        _ => "The request cannot be answered.",
    };

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Error, Message = "Inference request {TraceId} broke the service.")]
        public static partial void Broken(ILogger logger, string traceId, Exception exception);
    }
}
