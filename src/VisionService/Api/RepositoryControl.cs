using System.Net;
using VisionService.Repository;

namespace VisionService.Api;

/// <summary>Loading and unloading by request: an operator's action, which a request may ask for only from the machine
/// itself.</summary>
internal static class RepositoryControl
{
    // A request that passed a proxy, or that a web page sent, comes from the loopback and not from the operator.
    private static readonly string[] SignsOfOthers = ["Forwarded", "X-Forwarded-For", "X-Real-IP", "Via", "Origin"];

    /// <inheritdoc cref="ModelCatalog.LoadAsync"/>
    /// <exception cref="VisionException">The request may not.</exception>
    public static Task<ModelEntry> LoadAsync(HttpContext http, ModelCatalog catalog, string model)
    {
        RefuseOthers(http);
        return catalog.LoadAsync(model);
    }

    /// <inheritdoc cref="ModelCatalog.UnloadAsync"/>
    /// <exception cref="VisionException">The request may not.</exception>
    public static Task<ModelEntry> UnloadAsync(HttpContext http, ModelCatalog catalog, string model)
    {
        RefuseOthers(http);
        return catalog.UnloadAsync(model);
    }

    private static void RefuseOthers(HttpContext http)
    {
        var isLocal = http.Connection.RemoteIpAddress is { } address && IPAddress.IsLoopback(address);
        if (!isLocal || SignsOfOthers.Any(http.Request.Headers.ContainsKey))
        {
            throw new VisionException(
                VisionError.Forbidden, "Models are loaded and unloaded from the machine itself, by no proxy and no web page.");
        }
    }
}
