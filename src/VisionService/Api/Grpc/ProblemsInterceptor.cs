using Grpc.Core;
using Grpc.Core.Interceptors;
using VisionService.Api.Http;

namespace VisionService.Api.Grpc;

/// <summary>Turns whatever leaves a method into a status, as <c>ProblemsMiddleware</c> does for HTTP, and ends the reading of
/// streams when the server stops.</summary>
internal sealed partial class ProblemsInterceptor(IHostApplicationLifetime lifetime, ILogger<ProblemsInterceptor> logger) : Interceptor
{
    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation) =>
        GuardAsync(() => continuation(request, context), context);

    public override Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream,
        ServerCallContext context,
        ClientStreamingServerMethod<TRequest, TResponse> continuation) =>
        GuardAsync(() => continuation(Draining(requestStream), context), context);

    public override Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation) =>
        GuardAsync(() => Done(continuation(request, responseStream, context)), context);

    public override Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation) =>
        GuardAsync(() => Done(continuation(Draining(requestStream), responseStream, context)), context);

    private static async Task<bool> Done(Task call)
    {
        await call;
        return true;
    }

    private RequestReader<T> Draining<T>(IAsyncStreamReader<T> requests) => new(requests, lifetime.ApplicationStopping);

    private async Task<T> GuardAsync<T>(Func<Task<T>> call, ServerCallContext context)
    {
        // Pictures do not shrink, and little answers not enough; methods say where it pays.
        context.WriteOptions = new WriteOptions(WriteFlags.NoCompress);
        try
        {
            return await call();
        }
        catch (Exception exception) when (context.CancellationToken.IsCancellationRequested)
        {
            // Whoever asked is gone, or has stopped waiting.
            Log.Cancelled(logger, exception);
            throw new RpcException(new Status(StatusCode.Cancelled, "The call was cancelled."));
        }
        catch (RpcException)
        {
            throw;
        }
        catch (VisionException exception)
        {
            throw RpcProblems.ToRpcException(exception, context.GetHttpContext());
        }
        catch (Exception exception)
        {
            Log.Broken(logger, Problems.TraceId(context.GetHttpContext()), exception);
            throw RpcProblems.Internal(context.GetHttpContext());
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Error, Message = "Call {TraceId} broke the service.")]
        public static partial void Broken(ILogger logger, string traceId, Exception exception);

        [LoggerMessage(Level = LogLevel.Debug, Message = "The client is gone.")]
        public static partial void Cancelled(ILogger logger, Exception exception);
    }
}
