using System.Diagnostics;

namespace VisionService.Api.Http;

/// <summary><c>X-Request-Id</c>: the caller's, echoed where it is a plain short text, else one of ours.</summary>
internal static class RequestId
{
    private const string Header = "X-Request-Id";
    private const int MaxLength = 128;

    public static void UseRequestId(this WebApplication app) => app.Use(async (http, next) =>
    {
        var said = http.Request.Headers[Header].ToString();
        var isSaid = IsPlain(said);
        var id = isSaid ? said : Activity.Current?.TraceId.ToString() ?? Guid.NewGuid().ToString("N");
        http.TraceIdentifier = id;
        http.Response.Headers[Header] = id;

        // Log lines have the trace's id anyhow, and Kestrel's own of the request; the caller's is to be found there too.
        using var scope = isSaid ? app.Logger.BeginScope(new KeyValuePair<string, object>[] { new(Header, id) }) : null;
        await next(http);
    });

    private static bool IsPlain(string text) =>
        text.Length is > 0 and <= MaxLength && text.All(c => c is > ' ' and < '\x7f' and not '"' and not '<' and not '>');
}
