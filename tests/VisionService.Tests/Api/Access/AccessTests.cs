using System.Net;
using System.Net.Http.Headers;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using VisionService.Api.Access;
using VisionService.Tests.Api.Grpc;
using VisionService.Tests.Api.OpenInference;
using Proto = VisionService.Api.Grpc.V1;

namespace VisionService.Tests.Api.Access;

/// <summary>Every door of a running service, tried without a key, with a wrong one, and with one of each role.</summary>
public sealed class AccessTests : IAsyncLifetime
{
    // What the gRPC library answers for methods that are not there.
    private const string Unknown = "{unimplementedMethod:grpcunimplemented}";

    private static readonly Dictionary<Role, string[]> Doors = new()
    {
        [Role.Anyone] =
        [
            "GET /livez", "GET /readyz", "GET /healthz", "GET /v2/health/live", "GET /v2/health/ready",
            "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch", $"* grpc.health.v1.Health/{Unknown}",
            "/inference.GRPCInferenceService/ServerLive", "/inference.GRPCInferenceService/ServerReady",
        ],
        [Role.Infer] =
        [
            "POST /classify", "POST /detect", "POST /segment", "POST /explain",
            "GET /metrics", "GET /models", "GET /models/{name}", "GET /models/{name}/layers",
            "GET /v2/", "GET /v2/models/{model}", "GET /v2/models/{model}/ready", "POST /v2/models/{model}/infer",
            "GET /v2/models/{model}/versions/{version}", "GET /v2/models/{model}/versions/{version}/ready",
            "POST /v2/models/{model}/versions/{version}/infer", "POST /v2/repository/index",
            "/vision.v1.Vision/Classify", "/vision.v1.Vision/Detect", "/vision.v1.Vision/Segment", "/vision.v1.Vision/Explain",
            "/vision.v1.Vision/Stream",
            "/inference.GRPCInferenceService/ServerMetadata", "/inference.GRPCInferenceService/ModelReady",
            "/inference.GRPCInferenceService/ModelMetadata", "/inference.GRPCInferenceService/ModelInfer",
            "/inference.GRPCInferenceService/ModelStreamInfer", "/inference.GRPCInferenceService/RepositoryIndex",
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
            $"* vision.v1.Vision/{Unknown}", $"* inference.GRPCInferenceService/{Unknown}", $"* {{unimplementedService}}/{Unknown}",
            $"* grpc.reflection.v1.ServerReflection/{Unknown}", $"* grpc.reflection.v1alpha.ServerReflection/{Unknown}",
        ],
        [Role.Admin] =
        [
            "POST /models/{name}/load", "POST /models/{name}/reload", "POST /models/{name}/unload",
            "POST /v2/repository/models/{model}/load", "POST /v2/repository/models/{model}/unload",
            "/inference.GRPCInferenceService/RepositoryModelLoad", "/inference.GRPCInferenceService/RepositoryModelUnload",
        ],
    };

    private static readonly (ApiKey Key, string Text) Infer = ApiKey.Create("shop", Role.Infer, null, null, null);
    private static readonly (ApiKey Key, string Text) Admin = ApiKey.Create("boss", Role.Admin, null, null, null);
    private static readonly (ApiKey Key, string Text) Old = ApiKey.Create("old", Role.Admin, null, null, new DateTimeOffset(2020, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private static readonly (ApiKey Key, string Text) Slow = ApiKey.Create("slow", Role.Infer, new RequestRate(3, 'd'), null, null);

    private TestService _service = null!;
    private HttpClient _grpc = null!;

    public async ValueTask InitializeAsync()
    {
        _service = await StartAsync(Infer.Key, Admin.Key, Old.Key, Slow.Key);
        _grpc = new HttpClient
        {
            BaseAddress = _service.GrpcAddress,
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
    }

    public ValueTask DisposeAsync()
    {
        _grpc.Dispose();
        return _service.DisposeAsync();
    }

    [Fact]
    public void Each_door_is_listed_with_its_role()
    {
        var listed = Doors.SelectMany(static role => role.Value.Select(door => $"{role.Key}: {door}")).Order(StringComparer.Ordinal);
        var there = Endpoints().Select(static endpoint => $"{NeededRole.Of(endpoint.Metadata)}: {DoorOf(endpoint)}").Order(StringComparer.Ordinal);
        Assert.Equal(listed, there);
    }

    [Fact]
    public async Task Each_door_opens_for_its_role_alone()
    {
        foreach (var endpoint in Endpoints())
        {
            var door = DoorOf(endpoint);
            var role = Doors.Single(pair => pair.Value.Contains(door)).Key;
            Assert.Equal((door, role == Role.Anyone ? null : 401), (door, await RefusalOfAsync(door, null)));
            Assert.Equal((door, role == Role.Anyone ? null : 401), (door, await RefusalOfAsync(door, Infer.Text[..^2] + "xx")));
            Assert.Equal((door, role == Role.Anyone ? null : 401), (door, await RefusalOfAsync(door, Old.Text)));
            Assert.Equal((door, role == Role.Admin ? 403 : null), (door, await RefusalOfAsync(door, Infer.Text)));
            Assert.Equal((door, null), (door, await RefusalOfAsync(door, Admin.Text)));
        }
    }

    [Theory]
    [InlineData("/swagger/index.html")]
    [InlineData("/swagger/v1/swagger.json")]
    public async Task Pages_are_for_anyone(string path) => (await _service.GetAsync(path)).MustBe(HttpStatusCode.OK);

    [Fact]
    public async Task The_document_says_what_takes_a_key()
    {
        var document = (await _service.GetAsync("/swagger/v1/swagger.json")).Json;
        Assert.Equal("bearer", document.GetProperty("components").GetProperty("securitySchemes").GetProperty("key").GetProperty("scheme").GetString());
        var classify = document.GetProperty("paths").GetProperty("/classify").GetProperty("post");
        Assert.True(classify.GetProperty("security")[0].TryGetProperty("key", out _));
        Assert.True(classify.GetProperty("responses").TryGetProperty("429", out _));
        Assert.False(document.GetProperty("paths").GetProperty("/livez").GetProperty("get").TryGetProperty("security", out _));
    }

    [Fact]
    public async Task Metrics_can_be_for_anyone()
    {
        await using var service = await TestService.StartAsync(
            ModelFolder.WithColors(), "--Access:Keys:0", $"{Infer.Key}", "--Access:OpenMetrics", "true");
        (await service.GetAsync("/metrics")).MustBe(HttpStatusCode.OK);
        (await service.GetAsync("/models")).Problem(401, "unauthenticated");
    }

    [Fact]
    public async Task What_is_not_there_is_not_there_whoever_asks()
    {
        (await _service.GetAsync("/nothing")).Problem(404, "not-found");
        (await _service.GetAsync("/classify")).Problem(405, "method-not-allowed");
    }

    [Theory]
    [InlineData("Authorization", "Bearer {0}", null)]
    [InlineData("Authorization", "bearer  {0} ", null)]
    [InlineData("X-Api-Key", "{0}", null)]
    [InlineData("Authorization", "Basic {0}", "Authorization must be 'Bearer KEY'.")]
    [InlineData("Authorization", "Bearer", "Authorization must be 'Bearer KEY'.")]
    [InlineData("Authorization", "Bearer {0},{0}", "There is no such key.")]
    [InlineData("X-Api-Key", "", "A key is needed: Authorization: Bearer KEY, or X-Api-Key: KEY.")]
    [InlineData("X-Api-Key", "{0}x", "There is no such key.")]
    [InlineData("X-Api-Key", "vs_0123456789abcdef_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "There is no such key.")]
    public async Task A_key_comes_in_either_header(string header, string value, string? problem)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, "/models");
        request.Headers.TryAddWithoutValidation(header, value.Replace("{0}", Infer.Text, StringComparison.Ordinal));
        var answer = await _service.SendAsync(request);
        if (problem is null)
        {
            answer.MustBe(HttpStatusCode.OK);
            return;
        }

        Assert.Equal(problem, answer.Problem(401, "unauthenticated"));
        Assert.Equal("Bearer realm=\"VisionService\"", answer.Header("WWW-Authenticate"));
    }

    [Fact]
    public async Task Two_keys_that_differ_are_none()
    {
        var request = new HttpRequestMessage(HttpMethod.Get, "/models");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Infer.Text);
        request.Headers.Add("X-Api-Key", Admin.Text);
        Assert.Equal("Authorization and X-Api-Key hold different keys.", (await _service.SendAsync(request)).Problem(401, "unauthenticated"));
    }

    [Fact]
    public async Task A_refusal_names_the_role_or_the_date_and_never_the_key()
    {
        var forbidden = await AskAsync(HttpMethod.Post, "/models/colors/unload", Infer.Text);
        Assert.Equal("This takes the role admin; the key 'shop' has infer.", forbidden.Problem(403, "forbidden"));
        var expired = await AskAsync(HttpMethod.Get, "/models", Old.Text);
        Assert.Equal("The key 'old' expired at 2020-01-01 00:00:00Z.", expired.Problem(401, "unauthenticated"));
        var protocol = await AskAsync(HttpMethod.Post, "/v2/repository/models/colors/unload", Infer.Text);
        Assert.Equal(
            "This takes the role admin; the key 'shop' has infer.", RefusedTests.ErrorOf(protocol, HttpStatusCode.Forbidden));
        (await AskAsync(HttpMethod.Post, "/classify", Infer.Text, Photos.Red)).MustBe(HttpStatusCode.OK); // it is still there
    }

    [Fact]
    public async Task An_unknown_key_and_a_wrong_one_get_the_same_answer()
    {
        var unknown = await AskAsync(HttpMethod.Get, "/models", ApiKey.Create("x", Role.Infer, null, null, null).Text);
        var wrong = await AskAsync(HttpMethod.Get, "/models", Infer.Text[..^2] + "xx");
        Assert.Equal(unknown.Problem(401, "unauthenticated"), wrong.Problem(401, "unauthenticated"));
    }

    [Fact]
    public async Task A_rate_holds_over_every_way_in()
    {
        var first = await AskAsync(HttpMethod.Post, "/classify?top_k=1", Slow.Text, Photos.Red);
        Assert.Equal("red .8", first.Predictions);
        Assert.Equal("\"rate\";q=3;w=86400", first.Header("RateLimit-Policy"));
        Assert.StartsWith("\"rate\";r=2;t=", first.Header("RateLimit"), StringComparison.Ordinal);

        using var client = new RpcClient(_service.GrpcAddress);
        var metadata = new Metadata { { "x-api-key", Slow.Text } };
        var call = client.Vision.ClassifyAsync(
            new Proto.ClassifyRequest { Image = RpcClient.Encoded(Photos.Red) }, metadata, cancellationToken: TestContext.Current.CancellationToken);
        await call;
        Assert.StartsWith("\"rate\";r=1;t=", (await call.ResponseHeadersAsync).GetValue("ratelimit"), StringComparison.Ordinal);

        // What it has left it takes, and owes the rest.
        var many = new MultipartFormDataContent();
        for (var i = 0; i < 4; i++)
        {
            many.Add(new ByteArrayContent(Photos.Red), "image", "a.png");
        }

        var request = new HttpRequestMessage(HttpMethod.Post, "/classify") { Content = many };
        request.Headers.Add("X-Api-Key", Slow.Text);
        (await _service.SendAsync(request)).MustBe(HttpStatusCode.OK);

        var refused = await AskAsync(HttpMethod.Post, "/classify", Slow.Text, Photos.Red);
        Assert.Matches(@"^The key 'slow' allows 3/d images; the next is due in 115\d\d\d\.\d s\.$", refused.Problem(429, "rate-limited"));
        Assert.Matches(@"^115\d\d\d$", refused.Header("Retry-After")); // four images, eight hours each
        Assert.StartsWith("\"rate\";r=0;t=", refused.Header("RateLimit"), StringComparison.Ordinal);
        var rpc = await Assert.ThrowsAsync<RpcException>(async () => await client.Vision.ClassifyAsync(
            new Proto.ClassifyRequest { Image = RpcClient.Encoded(Photos.Red) }, metadata, cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal(StatusCode.ResourceExhausted, rpc.StatusCode);
        var status = Google.Rpc.Status.Parser.ParseFrom(rpc.Trailers.GetValueBytes("grpc-status-details-bin"));
        Assert.Contains(status.Details, static detail => detail.Is(Google.Rpc.RetryInfo.Descriptor));

        // A stream is let in; its frames are counted.
        using var stream = client.Vision.Stream(metadata, cancellationToken: TestContext.Current.CancellationToken);
        await stream.RequestStream.WriteAsync(
            new() { Classify = new() { Image = RpcClient.Encoded(Photos.Red) } }, TestContext.Current.CancellationToken);
        await stream.RequestStream.CompleteAsync();
        Assert.True(await stream.ResponseStream.MoveNext(TestContext.Current.CancellationToken));
        Assert.Equal(((int)StatusCode.ResourceExhausted, "rate-limited"), (stream.ResponseStream.Current.Problem.Code, stream.ResponseStream.Current.Problem.Reason));
    }

    [Fact]
    public async Task Without_keys_models_answer_anyone_and_only_the_machine_itself_changes_them()
    {
        await using var open = await StartAsync();
        Assert.Equal("red .8", (await open.PostAsync("/classify?top_k=1", Photos.Red)).Predictions);
        (await open.PostAsync("/models/colors/reload", Array.Empty<byte>(), null)).MustBe(HttpStatusCode.OK);
        var proxied = new HttpRequestMessage(HttpMethod.Post, "/models/colors/unload") { Headers = { { "X-Forwarded-For", "203.0.113.7" } } };
        Assert.StartsWith("Models are loaded and unloaded from the machine itself", (await open.SendAsync(proxied)).Problem(403, "forbidden"), StringComparison.Ordinal);

        // With keys even the machine itself needs one.
        Assert.Equal(401, await RefusalOfAsync("POST /models/{name}/reload", null));
    }

    private static Task<TestService> StartAsync(params ApiKey[] keys) => TestService.StartAsync(
        ModelFolder.WithColors(), [.. keys.SelectMany(static (key, i) => new[] { $"--Access:Keys:{i}", key.ToString() })]);

    /// <summary>A gRPC method as its path, a route as its method and pattern.</summary>
    private static string DoorOf(RouteEndpoint endpoint) =>
        endpoint.Metadata.GetMetadata<GrpcMethodMetadata>() is { } rpc
            ? rpc.Method.FullName
            : $"{string.Join(',', endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? ["*"])} {endpoint.RoutePattern.RawText}";

    private IEnumerable<RouteEndpoint> Endpoints() =>
        _service.Services.GetRequiredService<EndpointDataSource>().Endpoints.Cast<RouteEndpoint>();

    private async Task<Answer> AskAsync(HttpMethod method, string path, string key, byte[]? body = null)
    {
        var request = new HttpRequestMessage(method, path);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        if (body is not null)
        {
            request.Content = new ByteArrayContent(body);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("image/png");
        }

        return await _service.SendAsync(request);
    }

    /// <summary>401 or 403 where the door stays shut; null where whatever is behind it answers, if only that it does not like
    /// the request.</summary>
    private async Task<int?> RefusalOfAsync(string door, string? key)
    {
        var isRpc = door[0] is '/' or '*';
        using var request = isRpc
            ? new HttpRequestMessage(
                HttpMethod.Post,
                door.TrimStart('*', ' ').Replace(Unknown, "nothing", StringComparison.Ordinal).Replace("{unimplementedService}", "nothing", StringComparison.Ordinal))
            {
                Version = HttpVersion.Version20,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
                Content = new ByteArrayContent(new byte[5]) { Headers = { { "Content-Type", "application/grpc" } } },
            }
            : new HttpRequestMessage(
                HttpMethod.Parse(door.Split(' ')[0]),
                door.Split(' ')[1].Replace("{name}", "nothing", StringComparison.Ordinal)
                    .Replace("{model}", "nothing", StringComparison.Ordinal).Replace("{version}", "1", StringComparison.Ordinal));
        request.Headers.TE.ParseAdd("trailers");
        if (key is not null)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        }

        using var response = await (isRpc ? _grpc : _service.Client).SendAsync(
            request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        if (response.Headers.TryGetValues("grpc-status", out var said))
        {
            return int.Parse(said.Single(), System.Globalization.CultureInfo.InvariantCulture) switch
            {
                (int)StatusCode.Unauthenticated => 401,
                (int)StatusCode.PermissionDenied => 403,
                _ => null,
            };
        }

        return response.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden ? (int)response.StatusCode : null;
    }
}
