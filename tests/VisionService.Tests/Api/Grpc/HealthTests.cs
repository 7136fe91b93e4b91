using System.Threading.Channels;
using Grpc.Core;
using Grpc.Health.V1;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using VisionService.Api.Grpc;
using VisionService.Repository;
using ServingStatus = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace VisionService.Tests.Api.Grpc;

/// <summary>Health while models load: a service that is built and not started has all of them before it.</summary>
public sealed class HealthTests : IAsyncLifetime
{
    private readonly ModelFolder _models = ModelFolder.WithColors().Write("broken.onnx", "<html>");
    private WebApplication _app = null!;

    private HealthGrpcService Health => _app.Services.GetRequiredService<HealthGrpcService>();

    public ValueTask InitializeAsync()
    {
        _app = Program.Build(CommandLine.Parse(
            ["--models", _models.Path, "--provider", "cpu", "--Logging:LogLevel:Default", "None"]));
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _models.Dispose();
    }

    [Theory]
    [InlineData("", ServingStatus.NotServing, ServingStatus.Serving)]
    [InlineData("colors", ServingStatus.NotServing, ServingStatus.Serving)]
    [InlineData("colors:1", ServingStatus.NotServing, ServingStatus.Serving)]
    [InlineData("broken", ServingStatus.NotServing, ServingStatus.NotServing)]
    public async Task Health_follows_the_loading_of_models(string name, ServingStatus before, ServingStatus after)
    {
        Assert.Equal(before, await CheckAsync(name));
        await LoadAsync();
        Assert.Equal(after, await CheckAsync(name));
    }

    [Fact]
    public async Task Who_watches_is_told_of_the_change_and_not_twice()
    {
        using var leaving = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var told = Channel.CreateUnbounded<ServingStatus>();
        var watch = Health.Watch(new() { Service = "colors" }, new Writer(told.Writer), new TestCallContext(leaving.Token));
        Assert.Equal(ServingStatus.NotServing, await told.Reader.ReadAsync(TestContext.Current.CancellationToken));
        await LoadAsync();
        Assert.Equal(ServingStatus.Serving, await told.Reader.ReadAsync(TestContext.Current.CancellationToken));
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => watch);
        Assert.False(told.Reader.TryRead(out _));
    }

    private async Task LoadAsync()
    {
        var catalog = _app.Services.GetRequiredService<ModelCatalog>();
        await catalog.StartAsync(TestContext.Current.CancellationToken);
        await catalog.ExecuteTask!;
    }

    private async Task<ServingStatus> CheckAsync(string name) =>
        (await Health.Check(new() { Service = name }, new TestCallContext(TestContext.Current.CancellationToken))).Status;

    private sealed class Writer(ChannelWriter<ServingStatus> told) : IServerStreamWriter<HealthCheckResponse>
    {
        public WriteOptions? WriteOptions { get; set; }

        public Task WriteAsync(HealthCheckResponse message) => told.WriteAsync(message.Status).AsTask();

        public Task WriteAsync(HealthCheckResponse message, CancellationToken cancellationToken) => WriteAsync(message);
    }
}
