namespace VisionService.Tests.Api;

/// <summary>One service with the colour classifier, shared by the tests of a class.</summary>
public sealed class ClassifyFixture : IAsyncLifetime
{
    internal TestService Service { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Service = await TestService.StartAsync(ModelFolder.WithColors());

    public ValueTask DisposeAsync() => Service.DisposeAsync();
}
