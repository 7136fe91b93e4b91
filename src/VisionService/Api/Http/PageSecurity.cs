using System.Net.Mime;
using Microsoft.Extensions.Options;

namespace VisionService.Api.Http;

/// <summary>What browsers are told: which pages of others may call the service (none, or those that
/// <c>Api:CorsOrigins</c> lists), and what the service's own pages may do.</summary>
internal static class PageSecurity
{
    // Scripts and calls from here alone, in no frame. The page of /swagger styles itself inline and draws icons from data: URIs.
    private const string ContentSecurityPolicy =
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; object-src 'none'; "
        + "base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

    // What a page of others may read of an answer, beside what browsers always show.
    private static readonly string[] ExposedHeaders =
        ["Server-Timing", "X-Request-Id", "Retry-After", "RateLimit", "RateLimit-Policy", "Inference-Header-Content-Length"];

    public static void AddPageSecurity(this IServiceCollection services)
    {
        services.AddOptions<ApiOptions>().Validate(
            static api => api.CorsOrigins.All(IsOrigin),
            "Api:CorsOrigins lists origins as browsers send them, such as https://example.com, or * for all.");
        services.AddCors();
        services.AddOptions<Microsoft.AspNetCore.Cors.Infrastructure.CorsOptions>().Configure<IOptions<ApiOptions>>(
            static (cors, api) => cors.AddDefaultPolicy(policy => policy
                .WithOrigins([.. api.Value.CorsOrigins])
                .AllowAnyHeader()
                .WithMethods(HttpMethods.Get, HttpMethods.Post)
                .WithExposedHeaders(ExposedHeaders)
                .SetPreflightMaxAge(TimeSpan.FromMinutes(10))));
    }

    public static void UsePageSecurity(this WebApplication app)
    {
        app.Use(static (http, next) =>
        {
            http.Response.OnStarting(
                static state =>
                {
                    var response = (HttpResponse)state;
                    response.Headers.XContentTypeOptions = "nosniff";
                    if (response.ContentType?.StartsWith(MediaTypeNames.Text.Html, StringComparison.OrdinalIgnoreCase) == true)
                    {
                        response.Headers.ContentSecurityPolicy = ContentSecurityPolicy;
                        response.Headers["Referrer-Policy"] = "no-referrer";
                    }

                    return Task.CompletedTask;
                },
                http.Response);
            return next(http);
        });
        if (app.Services.GetRequiredService<IOptions<ApiOptions>>().Value.CorsOrigins.Count > 0)
        {
            app.UseCors();
        }
    }

    private static bool IsOrigin(string text) =>
        text == "*"
        || (Uri.TryCreate(text, UriKind.Absolute, out var uri)
            && (uri.Scheme == Uri.UriSchemeHttp || uri.Scheme == Uri.UriSchemeHttps)
            && uri.GetLeftPart(UriPartial.Authority) == text);
}
