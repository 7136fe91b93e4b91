using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using VisionService.Repository;

namespace VisionService.Tests;

/// <summary>The real service on a free port of the loopback, with every model loaded or refused.</summary>
internal sealed class TestService : IAsyncDisposable
{
    // Tests change files at will.
    private static readonly string[] Unwatched = ["--Repository:Watch", "false"];

    private readonly WebApplication _app;
    private readonly ModelFolder? _models;

    private TestService(WebApplication app, ModelFolder? models)
    {
        (_app, _models) = (app, models);
        Uri[] addresses = [.. app.Urls.Select(static url => new Uri(url.Replace("[::]", "127.0.0.1", StringComparison.Ordinal)))];
        (Address, GrpcAddress) = (addresses[0], addresses[1]);
        Client = new HttpClient(new SocketsHttpHandler { Expect100ContinueTimeout = TimeSpan.FromMinutes(1) }) { BaseAddress = Address };
    }

    public Uri Address { get; }

    public Uri GrpcAddress { get; }

    public HttpClient Client { get; }

    /// <summary>Stops the server as a signal would; whoever is being answered is answered first.</summary>
    public Task StopAsync() => _app.StopAsync(TestContext.Current.CancellationToken);

    public IServiceProvider Services => _app.Services;

    public ModelCatalog Models => Services.GetRequiredService<ModelCatalog>();

    /// <param name="models">Owned by the service from here on.</param>
    /// <param name="arguments">Of the command line; <c>OTEL_NAME=VALUE</c> is a variable of the environment.</param>
    public static Task<TestService> StartAsync(ModelFolder models, params string[] arguments) =>
        StartAsync([models.Path], models, arguments);

    /// <param name="models">Paths for <c>--models</c>.</param>
    /// <param name="owned">A folder to delete at the end.</param>
    public static async Task<TestService> StartAsync(string[] models, ModelFolder? owned, params string[] arguments)
    {
        var commandLine = CommandLine.Parse(
        [
            "--address", "127.0.0.1", "--http-port", "0", "--grpc-port", "0", "--provider", "cpu", "--Logging:LogLevel:Default", "Critical",
            "--Logging:LogLevel:Microsoft", "Critical", "--Logging:LogLevel:Microsoft.Hosting.Lifetime", "Critical",
            .. arguments.Contains("--Repository:TrialLoads") ? Array.Empty<string>() : ["--Repository:TrialLoads", "false"],
            .. arguments.Contains("--Repository:Watch") ? [] : Unwatched,
            .. models.SelectMany(path => new[] { "--models", path }),
            .. arguments.Where(static argument => !IsVariable(argument)),
        ]);
        Assert.Null(commandLine.Problem);
        var variables = arguments.Where(IsVariable).Select(static variable => variable.Split('=', 2));
        commandLine = commandLine with
        {
            Settings = commandLine.Settings.Concat(variables.Select(static pair => KeyValuePair.Create(pair[0], (string?)pair[1]))).ToDictionary(),
        };
        var app = Program.Build(commandLine);
        await app.StartAsync();
        await app.Services.GetRequiredService<ModelCatalog>().ExecuteTask!;
        return new TestService(app, owned);
    }

    private static bool IsVariable(string argument) => argument.StartsWith("OTEL_", StringComparison.Ordinal);

    public Task<Answer> GetAsync(string path) => SendAsync(new HttpRequestMessage(HttpMethod.Get, path));

    /// <summary>Posts raw bytes.</summary>
    public Task<Answer> PostAsync(string path, byte[] body, string? contentType = "image/png")
    {
        var content = new ByteArrayContent(body);
        content.Headers.ContentType = contentType is null ? null : MediaTypeHeaderValue.Parse(contentType);
        return PostAsync(path, content);
    }

    public Task<Answer> PostJsonAsync(string path, string json) => PostAsync(path, Encoding.UTF8.GetBytes(json), "application/json");

    public Task<Answer> PostAsync(string path, HttpContent content) =>
        SendAsync(new HttpRequestMessage(HttpMethod.Post, path) { Content = content });

    public async Task<Answer> SendAsync(HttpRequestMessage request)
    {
        using (request)
        {
            var response = await Client.SendAsync(request, TestContext.Current.CancellationToken);
            return new Answer(response, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        }
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app.DisposeAsync();
        _models?.Dispose();
    }
}

/// <summary>A response that has been read to its end.</summary>
internal sealed record Answer(HttpResponseMessage Response, string Text)
{
    public HttpStatusCode Status => Response.StatusCode;

    public JsonElement Json => field.ValueKind == JsonValueKind.Undefined ? field = JsonDocument.Parse(Text).RootElement : field;

    /// <summary>"red .8, green .1": the labels and scores of a result, as short as they can be checked.</summary>
    public string Predictions => PredictionsOf(Json);

    public static string PredictionsOf(JsonElement result) => string.Join(", ", result.GetProperty("predictions").EnumerateArray().Select(
        prediction => FormattableString.Invariant(
            $"{prediction.GetProperty("label").GetString()} {prediction.GetProperty("score").GetDouble():.0##}")));

    public string Header(string name) => string.Join(", ", Response.Headers.TryGetValues(name, out var values) ? values : []);

    public Answer MustBe(HttpStatusCode status)
    {
        Assert.True(Status == status, $"{(int)Status} instead of {(int)status}: {Text}");
        return this;
    }

    /// <summary>Asserts that this is the problem of that status and type, and gives its detail.</summary>
    public string Problem(int status, string slug)
    {
        MustBe((HttpStatusCode)status);
        Assert.Equal("application/problem+json", Response.Content.Headers.ContentType?.ToString());
        return ProblemOf(Json, status, slug);
    }

    public static string ProblemOf(JsonElement problem, int status, string slug)
    {
        Assert.Equal($"/problems/{slug}", problem.GetProperty("type").GetString());
        Assert.Equal(status, problem.GetProperty("status").GetInt32());
        Assert.NotEmpty(problem.GetProperty("title").GetString()!);
        Assert.NotEmpty(problem.GetProperty("traceId").GetString()!);
        return problem.GetProperty("detail").GetString()!;
    }
}
