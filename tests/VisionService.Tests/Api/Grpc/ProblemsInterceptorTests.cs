using Google.Rpc;
using Grpc.Core;
using Microsoft.Extensions.Hosting.Internal;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using VisionService.Api.Grpc;

namespace VisionService.Tests.Api.Grpc;

public sealed class ProblemsInterceptorTests
{
    private readonly List<LogLevel> _logged = [];

    [Fact]
    public async Task What_nobody_expected_is_internal_without_internals_and_logged()
    {
        var problem = await CallAsync(new InvalidOperationException("secret"), CancellationToken.None);
        Assert.Equal((StatusCode.Internal, "An internal error; the trace id finds it in the log."), (problem.StatusCode, problem.Status.Detail));
        Assert.NotEmpty(problem.GetRpcStatus()!.GetDetail<ErrorInfo>().Metadata["trace_id"]);
        Assert.DoesNotContain("secret", problem.ToString(), StringComparison.Ordinal);
        Assert.Equal([LogLevel.Error], _logged);
    }

    [Fact]
    public async Task Cancellation_is_no_error_in_the_log_whatever_it_broke()
    {
        var gone = new CancellationToken(canceled: true);
        Assert.Equal(StatusCode.Cancelled, (await CallAsync(new OperationCanceledException(gone), gone)).StatusCode);
        Assert.Equal(StatusCode.Cancelled, (await CallAsync(new IOException("reset"), gone)).StatusCode);
        Assert.Equal([LogLevel.Debug, LogLevel.Debug], _logged);
    }

    [Fact]
    public async Task What_a_caller_can_act_on_is_told_and_not_logged()
    {
        var problem = await CallAsync(
            new VisionException(VisionError.Overloaded, "full") { RetryAfter = TimeSpan.FromSeconds(2.5) }, CancellationToken.None);
        Assert.Equal((StatusCode.Unavailable, "full"), (problem.StatusCode, problem.Status.Detail));
        Assert.Equal(2.5, problem.GetRpcStatus()!.GetDetail<RetryInfo>().RetryDelay.ToTimeSpan().TotalSeconds);
        Assert.Empty(_logged);
    }

    [Fact]
    public async Task A_wrong_parameter_is_named_as_a_field()
    {
        var problem = await CallAsync(
            new VisionException(VisionError.InvalidRequest, "no") { Parameter = "top_k" }, CancellationToken.None);
        var violation = Assert.Single(problem.GetRpcStatus()!.GetDetail<BadRequest>().FieldViolations);
        Assert.Equal(("top_k", "no"), (violation.Field, violation.Description));
    }

    [Fact]
    public async Task A_status_of_the_method_s_own_is_left_alone()
    {
        var own = new RpcException(new global::Grpc.Core.Status(StatusCode.NotFound, "own"));
        Assert.Same(own, await CallAsync(own, CancellationToken.None));
    }

    private Task<RpcException> CallAsync(Exception thrown, CancellationToken cancellationToken)
    {
        var interceptor = new ProblemsInterceptor(new ApplicationLifetime(NullLogger<ApplicationLifetime>.Instance), new Log(_logged));
        return Assert.ThrowsAsync<RpcException>(() => interceptor.UnaryServerHandler<string, string>(
            "", new TestCallContext(cancellationToken), (_, _) => Task.FromException<string>(thrown)));
    }

    private sealed class Log(List<LogLevel> logged) : ILogger<ProblemsInterceptor>
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        void ILogger.Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            logged.Add(logLevel);
    }
}
