namespace VisionService.Api.Http;

/// <summary>Turns whatever leaves an endpoint, and every bare error status, into a problem.</summary>
internal sealed partial class ProblemsMiddleware(RequestDelegate next, ILogger<ProblemsMiddleware> logger)
{
    // Nothing stands behind it: any exception must become an answer here.
    public async Task InvokeAsync(HttpContext http)
    {
        try
        {
            await next(http);
            if (http.Response is { HasStarted: false, StatusCode: >= 400, ContentLength: null, ContentType: null })
            {
                await Problems.WriteAsync(http, Problems.Describe(http.Response.StatusCode, Explain(http), http));
            }
        }
        catch (Exception exception) when (http.RequestAborted.IsCancellationRequested)
        {
            // Whoever asked is gone: there is nobody to tell.
            Log.Aborted(logger, exception);
            http.Response.StatusCode = StatusCodes.Status499ClientClosedRequest;
        }
        catch (Exception exception) when (http.Response.HasStarted)
        {
            Log.Broken(logger, Problems.TraceId(http), exception);
            http.Abort();
        }
        catch (VisionException exception)
        {
            await Problems.WriteAsync(http, exception);
        }
        catch (BadHttpRequestException exception)
        {
            await Problems.WriteAsync(http, Problems.Describe(exception.StatusCode, Problems.Detail(exception), http));
        }
        catch (Exception exception)
        {
            Log.Broken(logger, Problems.TraceId(http), exception);
            await Problems.WriteAsync(http, Problems.Describe(500, Problems.InternalError, http));
        }
    }

    private static string Explain(HttpContext http) => http.Response.StatusCode switch
    {
        404 => $"There is nothing at {http.Request.Method} {http.Request.Path}; /swagger lists what there is.",
        405 => $"{http.Request.Path} does not answer {http.Request.Method}; it answers {http.Response.Headers.Allow}.",
        _ => "",
    };

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Error, Message = "Request {TraceId} broke the service.")]
        public static partial void Broken(ILogger logger, string traceId, Exception exception);

        [LoggerMessage(Level = LogLevel.Debug, Message = "The client is gone.")]
        public static partial void Aborted(ILogger logger, Exception exception);
    }
}
