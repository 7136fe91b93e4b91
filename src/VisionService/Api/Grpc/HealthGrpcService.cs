using Grpc.AspNetCore.Server;
using Grpc.Core;
using Grpc.Health.V1;
using VisionService.Repository;
using ServingStatus = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace VisionService.Api.Grpc;

/// <summary><c>grpc.health.v1</c>: the server as a whole (the empty name, or that of a service), and each model by its name.
/// Nothing is kept: what is asked for is read off the catalog.</summary>
internal sealed class HealthGrpcService(ModelCatalog catalog, EndpointDataSource endpoints, IHostApplicationLifetime lifetime)
    : Health.HealthBase
{
    /// <exception cref="VisionException">There is no service and no model of that name.</exception>
    public override Task<HealthCheckResponse> Check(HealthCheckRequest request, ServerCallContext context) =>
        Task.FromResult(new HealthCheckResponse { Status = StatusOf(request.Service) });

    public override async Task Watch(
        HealthCheckRequest request, IServerStreamWriter<HealthCheckResponse> responseStream, ServerCallContext context)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        ServingStatus? said = null;
        while (true)
        {
            var change = catalog.NextChange;
            var status = WatchedStatusOf(request.Service);
            if (status != said)
            {
                await responseStream.WriteAsync(new HealthCheckResponse { Status = status }, context.CancellationToken);
                said = status;
            }

            if (lifetime.ApplicationStopping.IsCancellationRequested)
            {
                throw RequestReader.Stopping();
            }

            // Woken by the end, it says so first and ends then.
            await change.WaitAsync(ending.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            context.CancellationToken.ThrowIfCancellationRequested();
        }
    }

    // The protocol lets a name be watched that is not there yet.
    private ServingStatus WatchedStatusOf(string name)
    {
        try
        {
            return StatusOf(name);
        }
        catch (VisionException)
        {
            return ServingStatus.ServiceUnknown;
        }
    }

    private ServingStatus StatusOf(string name)
    {
        var isReady = name.Length == 0 || IsService(name) ? catalog.IsReady : catalog.Find(name).CanAnswer;
        return isReady && !lifetime.ApplicationStopping.IsCancellationRequested ? ServingStatus.Serving : ServingStatus.NotServing;
    }

    private bool IsService(string name) =>
        endpoints.Endpoints.Any(endpoint => endpoint.Metadata.GetMetadata<GrpcMethodMetadata>()?.Method.ServiceName == name);
}
