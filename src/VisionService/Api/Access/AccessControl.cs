using System.Net;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using VisionService.Api.Grpc;
using VisionService.Api.Http;
using VisionService.Api.OpenInference;

namespace VisionService.Api.Access;

/// <summary>
/// Who may make a request, decided by its endpoint and its key before anything of its body is read: 401 without a key, 403 with one
/// that may not, 429 with one that has used up what it may.
/// </summary>
internal sealed class AccessControl(RequestDelegate next, KeyRing keys, TimeProvider time)
{
    private const string KeyHeader = "X-Api-Key";
    private const string Bearer = "Bearer ";

    // A request that passed a proxy, or that a web page sent, comes from the loopback and not from the operator.
    private static readonly string[] SignsOfOthers = ["Forwarded", "X-Forwarded-For", "X-Real-IP", "Via", "Origin"];

    public async Task InvokeAsync(HttpContext http)
    {
        // What is no route is nothing, or says which methods there are.
        if (http.GetEndpoint() is not RouteEndpoint endpoint)
        {
            await next(http);
            return;
        }

        var needed = NeededRole.Of(endpoint.Metadata);
        if (needed == Role.Anyone)
        {
            await next(http);
            return;
        }

        if (!keys.IsInUse)
        {
            await (needed == Role.Infer || IsOperator(http) ? next(http) : RefuseAsync(http, endpoint, new VisionException(
                VisionError.Forbidden,
                "Models are loaded and unloaded from the machine itself, by no proxy and no web page; elsewhere it takes "
                + "Access:KeysFile and an admin's key.")));
            return;
        }

        if (Identify(http.Request.Headers, out var caller) is { } stranger)
        {
            http.Response.Headers.WWWAuthenticate = "Bearer realm=\"VisionService\"";
            await RefuseAsync(http, endpoint, stranger);
            return;
        }

        if (caller!.Key.Role < needed)
        {
            await RefuseAsync(http, endpoint, new VisionException(
                VisionError.Forbidden, $"This takes the role {ApiKey.NameOf(needed)}; the key '{caller.Key.Name}' has {ApiKey.NameOf(caller.Key.Role)}."));
            return;
        }

        var isStream = endpoint.Metadata.GetMetadata<GrpcMethodMetadata>()?.Method.Type is MethodType.ClientStreaming or MethodType.DuplexStreaming;
        if (caller.Usage.TryBegin(caller.Key, tokens: isStream ? 0 : 1) is { } refusal)
        {
            caller.Describe(http.Response.Headers);
            await RefuseAsync(http, endpoint, refusal);
            return;
        }

        try
        {
            http.Features.Set(caller);
            http.Response.OnStarting(
                static state =>
                {
                    var (caller, headers) = ((Caller, IHeaderDictionary))state;
                    caller.Describe(headers);
                    return Task.CompletedTask;
                },
                (caller, http.Response.Headers));
            await next(http);
        }
        finally
        {
            caller.Usage.End();
        }
    }

    private static bool IsOperator(HttpContext http) =>
        http.Connection.RemoteIpAddress is { } address && IPAddress.IsLoopback(address)
        && !SignsOfOthers.Any(http.Request.Headers.ContainsKey);

    private static Task RefuseAsync(HttpContext http, Endpoint endpoint, VisionException refusal)
    {
        if (endpoint.Metadata.GetMetadata<GrpcMethodMetadata>() is not null)
        {
            http.Response.ContentType = "application/grpc";
            RpcProblems.Write(http.Response.Headers, refusal, http);
            return Task.CompletedTask;
        }

        return InferenceErrors.IsFor(http) ? InferenceErrors.WriteAsync(http, refusal) : Problems.WriteAsync(http, refusal);
    }

    private VisionException? Identify(IHeaderDictionary headers, out Caller? caller)
    {
        caller = null;
        var bearer = headers.Authorization.ToString();
        var plain = headers[KeyHeader].ToString();
        if (bearer.Length > 0 && !bearer.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase))
        {
            return Stranger("Authorization must be 'Bearer KEY'.");
        }

        var said = bearer.Length > 0 ? bearer[Bearer.Length..].Trim() : plain;
        if (said.Length == 0)
        {
            return Stranger("A key is needed: Authorization: Bearer KEY, or X-Api-Key: KEY.");
        }

        if (bearer.Length > 0 && plain.Length > 0 && plain != said)
        {
            return Stranger("Authorization and X-Api-Key hold different keys.");
        }

        caller = keys.Find(said);
        return caller is null ? Stranger("There is no such key.")
            : caller.Key.Expires <= time.GetUtcNow() ? Stranger($"The key '{caller.Key.Name}' expired at {caller.Key.Expires:u}.")
            : null;

        static VisionException Stranger(string message) => new(VisionError.Unauthenticated, message);
    }
}
