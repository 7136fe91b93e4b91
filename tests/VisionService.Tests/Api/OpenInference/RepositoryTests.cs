using System.Net;
using Grpc.Core;
using VisionService.Tests.Api.OpenInference.Client;

namespace VisionService.Tests.Api.OpenInference;

public class RepositoryTests
{
    private const string Load = "/v2/repository/models/colors/load";
    private const string Unload = "/v2/repository/models/colors/unload";
    private const string Infer = "/v2/models/colors/infer";

    private static readonly string Pixels = RefusedTests.Input("FP32", "[1, 3, 4, 4]", string.Join(',', Enumerable.Repeat("1", 48)), "pixels");

    [Fact]
    public async Task A_model_is_unloaded_and_loaded_again()
    {
        await using var service = await TestService.StartAsync(ModelFolder.WithColors());
        (await service.PostJsonAsync(Unload, "")).MustBe(HttpStatusCode.OK);
        (await service.PostJsonAsync(Unload, "{}")).MustBe(HttpStatusCode.OK);
        Assert.Equal("Model 'colors' is unloaded.", RefusedTests.ErrorOf(await service.PostJsonAsync(Infer, Pixels), HttpStatusCode.NotFound));
        Assert.Equal("Model 'colors' is unloaded.", RefusedTests.ErrorOf(await service.GetAsync("/v2/models/colors/ready"), HttpStatusCode.NotFound));
        Assert.Equal("A model is still loading, or none is ready.", RefusedTests.ErrorOf(await service.GetAsync("/v2/health/ready"), HttpStatusCode.Conflict));
        Assert.Equal("Model 'colors' is unloaded.", (await service.PostAsync("/classify?model=colors", Photos.Red)).Problem(404, "model-not-found"));
        Assert.Equal("colors 1 UNAVAILABLE unloaded", await IndexAsync(service, "{}"));
        Assert.Equal("", await IndexAsync(service, """{"ready": true}"""));

        (await service.PostJsonAsync(Load, "")).MustBe(HttpStatusCode.OK);
        (await service.PostJsonAsync(Infer, Pixels)).MustBe(HttpStatusCode.OK);
        Assert.Equal("red .8", (await service.PostAsync("/classify?top_k=1", Photos.Red)).Predictions);
        Assert.Equal("colors 1 READY ", await IndexAsync(service, """{"ready": true}"""));
    }

    [Fact]
    public async Task Requests_in_flight_are_answered_whatever_is_loaded_and_unloaded()
    {
        await using var service = await TestService.StartAsync(ModelFolder.WithColors());
        using var stop = new CancellationTokenSource();
        var senders = Enumerable.Range(0, 4).Select(sender => Task.Run(async () =>
        {
            var answers = new List<HttpStatusCode>();
            while (!stop.IsCancellationRequested)
            {
                var answer = sender % 2 == 0 ? await service.PostJsonAsync(Infer, Pixels) : await service.PostAsync("/classify?model=colors", Photos.Red);
                answers.Add(answer.Status);
            }

            return answers;
        })).ToArray();
        for (var i = 0; i < 5; i++)
        {
            (await service.PostJsonAsync(Load, "")).MustBe(HttpStatusCode.OK); // loaded anew: nobody notices
            (await service.PostJsonAsync(Unload, "")).MustBe(HttpStatusCode.OK);
            (await service.PostJsonAsync(Load, "")).MustBe(HttpStatusCode.OK);
        }

        await stop.CancelAsync();
        var statuses = (await Task.WhenAll(senders)).SelectMany(answers => answers).ToHashSet();
        Assert.Contains(HttpStatusCode.OK, statuses);

        // Unloaded, loading, or caught in the moment between.
        Assert.Subset(
            new HashSet<HttpStatusCode> { HttpStatusCode.OK, HttpStatusCode.NotFound, HttpStatusCode.Conflict, HttpStatusCode.ServiceUnavailable }, statuses);
    }

    [Fact]
    public async Task A_model_that_is_loaded_anew_answers_all_the_while()
    {
        await using var service = await TestService.StartAsync(ModelFolder.WithColors());
        using var stop = new CancellationTokenSource();
        var sender = Task.Run(async () =>
        {
            var statuses = new HashSet<HttpStatusCode>();
            while (!stop.IsCancellationRequested)
            {
                statuses.Add((await service.PostJsonAsync(Infer, Pixels)).Status);
            }

            return statuses;
        });
        for (var i = 0; i < 5; i++)
        {
            (await service.PostJsonAsync(Load, "")).MustBe(HttpStatusCode.OK);
        }

        await stop.CancelAsync();

        Assert.Equal([HttpStatusCode.OK], await sender);
    }

    [Fact]
    public async Task A_file_that_is_broken_meanwhile_leaves_the_model_that_answers()
    {
        var folder = ModelFolder.WithColors();
        await using var service = await TestService.StartAsync(folder);
        await File.WriteAllTextAsync(folder.File("colors/model.onnx"), "<html>", TestContext.Current.CancellationToken);
        Assert.StartsWith("Model 'colors' cannot be loaded: ", RefusedTests.ErrorOf(await service.PostJsonAsync(Load, ""), HttpStatusCode.BadRequest), StringComparison.Ordinal);
        Assert.Equal("red .8", (await service.PostAsync("/classify?top_k=1", Photos.Red)).Predictions);
        Assert.Equal("The file of model 'colors' is not the one that was loaded; load the model again.", RefusedTests.ErrorOf(await service.PostJsonAsync(Infer, Pixels), HttpStatusCode.InternalServerError));

        (await service.PostJsonAsync(Unload, "")).MustBe(HttpStatusCode.OK);
        RefusedTests.ErrorOf(await service.PostJsonAsync(Load, ""), HttpStatusCode.BadRequest);
        TinyModels.Colors().Save(folder.File("colors/model.onnx"));
        (await service.PostJsonAsync(Load, "")).MustBe(HttpStatusCode.OK);
        (await service.PostJsonAsync(Infer, Pixels)).MustBe(HttpStatusCode.OK);
    }

    [Theory]
    [InlineData("X-Forwarded-For", "203.0.113.7")]
    [InlineData("Origin", "https://example.org")]
    public async Task Only_the_machine_itself_changes_what_is_loaded(string header, string value)
    {
        await using var service = await TestService.StartAsync(ModelFolder.WithColors());
        var request = new HttpRequestMessage(HttpMethod.Post, Unload);
        request.Headers.Add(header, value);
        Assert.Equal(
            "Models are loaded and unloaded from the machine itself, by no proxy and no web page; elsewhere it takes Access:KeysFile and an admin's key.",
            RefusedTests.ErrorOf(await service.SendAsync(request), HttpStatusCode.Forbidden));
        (await service.PostJsonAsync(Infer, Pixels)).MustBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task GRPC_loads_and_unloads_too()
    {
        await using var service = await TestService.StartAsync(ModelFolder.WithColors());
        using var channel = global::Grpc.Net.Client.GrpcChannel.ForAddress(service.GrpcAddress);
        var grpc = new GRPCInferenceService.GRPCInferenceServiceClient(channel);
        await grpc.RepositoryModelUnloadAsync(new RepositoryModelUnloadRequest { ModelName = "colors" }, cancellationToken: TestContext.Current.CancellationToken);
        Assert.False((await grpc.ModelReadyAsync(new ModelReadyRequest { Name = "colors" }, cancellationToken: TestContext.Current.CancellationToken)).Ready);
        await grpc.RepositoryModelLoadAsync(new RepositoryModelLoadRequest { ModelName = "colors" }, cancellationToken: TestContext.Current.CancellationToken);
        Assert.True((await grpc.ModelReadyAsync(new ModelReadyRequest { Name = "colors" }, cancellationToken: TestContext.Current.CancellationToken)).Ready);

        var unknown = await Assert.ThrowsAsync<RpcException>(async () => await grpc.RepositoryModelLoadAsync(new RepositoryModelLoadRequest { ModelName = "x" }, cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal(StatusCode.NotFound, unknown.StatusCode);
        var proxied = await Assert.ThrowsAsync<RpcException>(async () => await grpc.RepositoryModelUnloadAsync(
            new RepositoryModelUnloadRequest { ModelName = "colors" }, new Metadata { { "x-forwarded-for", "203.0.113.7" } }, cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal(StatusCode.PermissionDenied, proxied.StatusCode);
    }

    private static async Task<string> IndexAsync(TestService service, string body) => string.Join(
        ", ",
        (await service.PostJsonAsync("/v2/repository/index", body)).MustBe(HttpStatusCode.OK).Json.EnumerateArray().Select(
            model => $"{model.GetProperty("name")} {model.GetProperty("version")} {model.GetProperty("state")} {model.GetProperty("reason")}"));
}
