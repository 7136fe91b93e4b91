namespace VisionService.Api.Http;

/// <summary>While the service drains, each answer is the last of its connection: callers find their way elsewhere, and
/// none sends into a connection that is being closed.</summary>
internal static class DrainMiddleware
{
    public static void UseDrain(this IApplicationBuilder app)
    {
        var stopping = app.ApplicationServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        app.Use((http, next) =>
        {
            http.Response.OnStarting(
                static state =>
                {
                    var (response, stopping) = ((HttpResponse, CancellationToken))state;
                    if (stopping.IsCancellationRequested && HttpProtocol.IsHttp11(response.HttpContext.Request.Protocol))
                    {
                        response.Headers.Connection = "close";
                    }

                    return Task.CompletedTask;
                },
                (http.Response, stopping));
            return next(http);
        });
    }
}
