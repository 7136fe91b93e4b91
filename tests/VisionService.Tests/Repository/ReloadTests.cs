using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Grpc.Core;
using Grpc.Net.Client;
using VisionService.Repository;
using VisionService.Tests.Api.OpenInference.Client;

namespace VisionService.Tests.Repository;

/// <summary>Models that an operator loads, loads anew and unloads while they are asked.</summary>
public class ReloadTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>With <c>VISION_RELOAD_SECONDS</c> it goes on for so long, with a reload every two seconds.</summary>
    [Fact]
    public async Task No_request_notices_that_its_model_is_loaded_anew()
    {
        var seconds = int.Parse(Environment.GetEnvironmentVariable("VISION_RELOAD_SECONDS") ?? "0", CultureInfo.InvariantCulture);
        await using var service = await TestService.StartAsync(ModelFolder.WithColors());
        using var stop = new CancellationTokenSource();
        const string Tensor = """{"inputs": [{"name": "pixels", "datatype": "FP32", "shape": [1, 3, 4, 4], "data": [PIXELS]}]}""";
        var pixels = Tensor.Replace("PIXELS", string.Join(',', Enumerable.Repeat("1", 48)), StringComparison.Ordinal);
        var senders = Enumerable.Range(0, 4).Select(sender => Task.Run(async () =>
        {
            var count = 0;
            for (; !stop.IsCancellationRequested; count++)
            {
                var answer = sender % 2 == 0 ? await service.PostAsync("/classify", Photos.Red) : await service.PostJsonAsync("/v2/models/colors/infer", pixels);
                answer.MustBe(HttpStatusCode.OK);
            }

            return count;
        })).ToArray();

        var models = new HashSet<LoadedModel>();
        var begin = Stopwatch.GetTimestamp();
        for (var i = 0; i < 20 || Stopwatch.GetElapsedTime(begin) < TimeSpan.FromSeconds(seconds); i++)
        {
            (await service.PostJsonAsync("/models/colors/reload", "")).MustBe(HttpStatusCode.OK);
            Assert.True(models.Add(service.Models.Find("colors").Loaded!));
            await Task.Delay(TimeSpan.FromSeconds(seconds > 0 ? 2 : 0), Cancellation);
        }

        await stop.CancelAsync();
        var answers = await Task.WhenAll(senders);
        Assert.All(answers, static count => Assert.True(count > 0));
        TestContext.Current.TestOutputHelper?.WriteLine($"{answers.Sum()} answers, {models.Count} reloads, 0 failures");
    }

    [Fact]
    public async Task A_model_is_unloaded_loaded_and_shown_in_the_answer()
    {
        await using var service = await TestService.StartAsync(ModelFolder.WithColors());
        var unloaded = (await service.PostJsonAsync("/models/colors/unload", "")).MustBe(HttpStatusCode.OK).Json;
        Assert.Equal("unloaded", unloaded.GetProperty("state").GetString());
        Assert.Equal("Model 'colors' is unloaded.", (await service.PostAsync("/classify?model=colors", Photos.Red)).Problem(404, "model-not-found"));
        var loaded = (await service.PostJsonAsync("/models/colors:1/load", "")).MustBe(HttpStatusCode.OK).Json;
        Assert.Equal("ready", loaded.GetProperty("state").GetString());
        Assert.Equal("""[{"version":"1","state":"ready"}]""", loaded.GetProperty("versions").GetRawText());
        Assert.Equal("Model 'colors' has no version '7'. Versions: 1.", (await service.PostJsonAsync("/models/colors:7/load", "")).Problem(404, "model-not-found"));
        Assert.Equal("red .8", (await service.PostAsync("/classify?top_k=1", Photos.Red)).Predictions);
    }

    [Fact]
    public async Task A_model_that_was_not_there_is_loaded_when_it_is_asked_for_by_name()
    {
        var folder = ModelFolder.WithColors();
        await using var service = await TestService.StartAsync(folder);
        (await service.PostJsonAsync("/models/late/load", "")).Problem(404, "model-not-found");
        folder.Add("late", TinyModels.Colors(), "input: {preset: unit}", "late\n1\n2");
        (await service.PostJsonAsync("/models/late/load", "")).MustBe(HttpStatusCode.OK);
        Assert.Equal("late .8", (await service.PostAsync("/classify?model=late&top_k=1", Photos.Red)).Predictions);
        Directory.Delete(folder.File("late"), recursive: true);
        Assert.Equal("Model 'late' cannot be loaded: its files are gone", (await service.PostJsonAsync("/models/late/load", "")).Problem(400, "invalid-request"));
        Assert.Equal("late .8", (await service.PostAsync("/classify?model=late&top_k=1", Photos.Red)).Predictions);
    }

    [Fact]
    public async Task A_model_that_is_being_changed_is_not_changed_by_another()
    {
        await using var service = await TestService.StartAsync(new ModelFolder().Add("slow", TinyModels.Slow(200_000), "input: {preset: unit}", ModelFolder.ColorLabels));

        // A request that takes a while keeps the model that is to be unloaded.
        var asked = service.PostAsync("/classify?model=slow&timeout_ms=300000", Photos.White);
        while (service.Models.Find("slow").Loaded!.Model.Running == 0)
        {
            await Task.Yield();
        }

        var change = service.Models.NextChange;
        var unloading = service.PostJsonAsync("/models/slow/unload", "");
        await change.WaitAsync(Cancellation);
        var refused = await service.PostJsonAsync("/models/slow/load", "");
        if (!asked.IsCompleted)
        {
            Assert.Equal("Model 'slow' is being loaded or unloaded.", refused.Problem(409, "model-loading"));
            Assert.Equal("1", refused.Header("Retry-After"));
        }

        (await asked).MustBe(HttpStatusCode.OK);
        (await unloading).MustBe(HttpStatusCode.OK);
    }

    [Theory]
    [InlineData("X-Forwarded-For", "203.0.113.7")]
    [InlineData("Origin", "https://example.org")]
    public async Task Only_the_machine_itself_changes_what_is_loaded(string header, string value)
    {
        await using var service = await TestService.StartAsync(ModelFolder.WithColors());
        foreach (var change in new[] { "load", "reload", "unload" })
        {
            var request = new HttpRequestMessage(HttpMethod.Post, $"/models/colors/{change}");
            request.Headers.Add(header, value);
            Assert.StartsWith("Models are loaded and unloaded from the machine itself", (await service.SendAsync(request)).Problem(403, "forbidden"), StringComparison.Ordinal);
        }

        Assert.Equal("colors ready", await ModelCatalogTests.StatesAsync(service));
    }

    public static TheoryData<string, string> Names => new()
    {
        { "..", ".." },
        { ".", "." },
        { "%2e%2e", "..." },
        { "..%2f..%2fetc%2fpasswd", "../../etc/passwd" },
        { "a/b", "a/b" },
        { "a%2fb", "a/b" },
        { "a%5cb", "a\\b" },
        { "colors%00", "colors\0" },
        { "%20colors", " colors" },
        { "colors%0d%0aX:1", "colors\r\nX:1" },
        { new string('a', 200), new string('a', 200) },
        { "colors:..%2f1", "colors:../1" },
    };

    [Theory]
    [MemberData(nameof(Names))]
    public async Task What_is_no_name_is_nowhere_found(string escaped, string name)
    {
        await using var service = await TestService.StartAsync(ModelFolder.WithColors());
        foreach (var line in new[]
        {
            $"GET /models/{escaped}", $"POST /models/{escaped}/load", $"POST /models/{escaped}/unload", $"GET /v2/models/{escaped}",
            $"POST /v2/models/{escaped}/infer", $"POST /v2/repository/models/{escaped}/load", $"POST /v2/repository/models/{escaped}/unload",
            $"GET /v2/models/colors/versions/{escaped}", $"POST /classify?model={escaped}",
        })
        {
            // Dots alone are steps in a path, which lead to other pages of the service.
            if (name.Trim('.').Length == 0 && line.StartsWith("GET", StringComparison.Ordinal))
            {
                continue;
            }

            // By hand: a client of the framework would tidy the path up.
            Assert.InRange(await StatusAsync(service, line), 400, 499);
        }

        using var channel = GrpcChannel.ForAddress(service.GrpcAddress);
        var grpc = new GRPCInferenceService.GRPCInferenceServiceClient(channel);
        await NotFoundAsync(async () => await grpc.ModelMetadataAsync(new ModelMetadataRequest { Name = name }, cancellationToken: Cancellation));
        await NotFoundAsync(async () => await grpc.ModelReadyAsync(new ModelReadyRequest { Name = "colors", Version = name }, cancellationToken: Cancellation));
        await NotFoundAsync(async () => await grpc.ModelInferAsync(new ModelInferRequest { ModelName = name }, cancellationToken: Cancellation));
        await NotFoundAsync(async () => await grpc.RepositoryModelLoadAsync(new RepositoryModelLoadRequest { ModelName = name }, cancellationToken: Cancellation));
        await NotFoundAsync(async () => await grpc.RepositoryModelUnloadAsync(new RepositoryModelUnloadRequest { ModelName = name }, cancellationToken: Cancellation));
        Assert.Equal("colors ready", await ModelCatalogTests.StatesAsync(service));
    }

    private static async Task NotFoundAsync(Func<Task> call) =>
        Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(call)).StatusCode);

    private static async Task<int> StatusAsync(TestService service, string line)
    {
        using var connection = new TcpClient();
        await connection.ConnectAsync(service.Address.Host, service.Address.Port, Cancellation);
        var stream = connection.GetStream();
        await stream.WriteAsync(
            Encoding.Latin1.GetBytes($"{line} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{{}}"), Cancellation);
        using var reader = new StreamReader(stream, Encoding.Latin1);
        var answer = await reader.ReadToEndAsync(Cancellation);
        return int.Parse(answer.Split(' ')[1], CultureInfo.InvariantCulture);
    }
}
