using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Hosting.Internal;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using VisionService.Api;

namespace VisionService.Tests.Api;

/// <summary>The end of the service, of the real process by a real signal too: nobody who was heard is left without an
/// answer.</summary>
public sealed class DrainTests : IDisposable
{
    private const int Clients = 8;

    // Nothing here should take so long; who waits longer has found a defect.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly ManualTime _time = new();
    private readonly CancellationTokenSource _patience =
        CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);

    public DrainTests() => _patience.CancelAfter(Patience * Rounds);

    private static int Rounds =>
        int.Parse(Environment.GetEnvironmentVariable("VISION_DRAIN_ROUNDS") ?? "3", CultureInfo.InvariantCulture);

    public void Dispose() => _patience.Dispose();

    [Fact]
    public async Task Whoever_was_heard_is_answered_and_nobody_else_is_let_in()
    {
        for (var round = 0; round < Rounds; round++)
        {
            using var service = await ServiceProcess.StartAsync(TinyModels.Slow(rounds: 50), _patience.Token);
            var answered = 0;
            var isWarm = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var clients = Enumerable.Range(0, Clients).Select(_ => Task.Run(
                () => SendWithoutPauseAsync(service.Port, () =>
                {
                    if (Interlocked.Increment(ref answered) == 10 * Clients)
                    {
                        isWarm.SetResult();
                    }
                }),
                _patience.Token)).ToArray();
            await await Task.WhenAny(isWarm.Task, Task.WhenAll(clients));
            await service.TerminateAsync();
            await Task.WhenAll(clients);
            Assert.Equal(0, await service.ExitAsync(_patience.Token));
            await Assert.ThrowsAsync<SocketException>(() => ConnectAsync(service.Port));
        }
    }

    [Fact]
    public async Task Readiness_ends_at_once_and_the_accepted_requests_are_answered()
    {
        using var service = await ServiceProcess.StartAsync(TinyModels.Slow(rounds: 15_000), _patience.Token);
        using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{service.Port}") };
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/readyz", _patience.Token)).StatusCode);

        // 1. One more than can run: as soon as one waits, the others have been accepted too.
        var slow = Enumerable.Range(0, Environment.ProcessorCount + 1).Select(_ => client.PostAsync(
            "/classify?model=slow", new ByteArrayContent(Photos.White), _patience.Token)).ToArray();
        while (await LoadAsync(client) != (Environment.ProcessorCount, 1))
        {
        }

        // 2. From the signal on it is not ready, while they are under way.
        await service.TerminateAsync();
        HttpResponseMessage ready;
        do
        {
            ready = await client.GetAsync("/readyz", _patience.Token);
        }
        while (ready.IsSuccessStatusCode);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, ready.StatusCode);
        Assert.Contains("\"draining\"", await ready.Content.ReadAsStringAsync(_patience.Token), StringComparison.Ordinal);
        Assert.True(ready.Headers.ConnectionClose);
        var late = await client.PostAsync("/classify?model=slow", new ByteArrayContent(Photos.White), _patience.Token);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, late.StatusCode);
        Assert.NotNull(late.Headers.RetryAfter);
        Assert.All(await Task.WhenAll(slow), static answer => Assert.Equal(HttpStatusCode.OK, answer.StatusCode));
        Assert.Equal(0, await service.ExitAsync(_patience.Token));
    }

    [Fact]
    public async Task A_host_that_is_stopped_without_a_signal_lets_nobody_in_either()
    {
        await using var service = await TestService.StartAsync(
            new ModelFolder().Add("slow", TinyModels.Slow(rounds: 5000), "input: {preset: unit}", ModelFolder.ColorLabels),
            "--instances",
            "1");
        var slow = Enumerable.Range(0, 2)
            .Select(_ => service.PostAsync("/classify?model=slow", Photos.White)).ToArray();
        while (await LoadAsync(service.Client) != (1, 1))
        {
        }

        var stop = service.StopAsync();
        (await service.PostAsync("/classify?model=slow", Photos.Black)).Problem(503, "draining");
        Assert.All(await Task.WhenAll(slow), static answer => answer.MustBe(HttpStatusCode.OK));
        await stop;
    }

    [Fact]
    public async Task What_is_under_way_is_waited_for_and_what_comes_is_refused()
    {
        var (drain, lifetime) = NewDrain();
        Assert.True(drain.TryBegin());
        lifetime.StopApplication();
        Assert.False(drain.TryBegin());
        var stopping = drain.StoppingAsync(_patience.Token);
        await LookAsync(stopping, times: 500); // ten seconds
        Assert.False(stopping.IsCompleted);
        drain.End();
        await LookAsync(stopping, times: 1);
        Assert.True(stopping.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task What_is_under_way_for_too_long_is_given_up()
    {
        var (drain, lifetime) = NewDrain();
        Assert.True(drain.TryBegin());
        lifetime.StopApplication();
        var stopping = drain.StoppingAsync(_patience.Token);
        await LookAsync(stopping, times: 1249); // 25 s are 1250 looks
        Assert.False(stopping.IsCompleted);
        await LookAsync(stopping, times: 1);
        Assert.True(stopping.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task Who_still_comes_is_told_so_until_nobody_comes_any_more()
    {
        var (drain, lifetime) = NewDrain();
        lifetime.StopApplication();
        Assert.False(drain.TryBegin());
        var stopping = drain.StoppingAsync(_patience.Token);
        for (var call = 0; call < 10; call++)
        {
            await LookAsync(stopping, times: 10); // 200 ms each
            Assert.False(drain.TryBegin());
        }

        await LookAsync(stopping, times: 12); // 240 ms of silence
        Assert.False(stopping.IsCompleted);
        await LookAsync(stopping, times: 1);
        Assert.True(stopping.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task Who_never_stops_coming_keeps_it_for_three_seconds()
    {
        var (drain, lifetime) = NewDrain();
        lifetime.StopApplication();
        Assert.False(drain.TryBegin());
        var stopping = drain.StoppingAsync(_patience.Token);
        for (var look = 0; look < 150; look++)
        {
            Assert.False(stopping.IsCompleted);
            Assert.False(drain.TryBegin());
            await LookAsync(stopping, times: 1);
        }

        Assert.True(stopping.IsCompletedSuccessfully);
    }

    private (Drain Drain, ApplicationLifetime Lifetime) NewDrain()
    {
        var lifetime = new ApplicationLifetime(NullLogger<ApplicationLifetime>.Instance);
        return (new Drain(lifetime, Options.Create(new ApiOptions()), _time, NullLogger<Drain>.Instance), lifetime);
    }

    /// <summary>Lets it look whether it is over, every 20 ms of its clock.</summary>
    private async Task LookAsync(Task stopping, int times)
    {
        for (var look = 0; look < times && !stopping.IsCompleted; look++)
        {
            await _time.TimerArmedAsync();
            _time.Advance(TimeSpan.FromMilliseconds(20));
            await Task.WhenAny(stopping, _time.TimerArmedAsync());
        }
    }

    private async Task<(int Running, int Waiting)> LoadAsync(HttpClient client)
    {
        using var model = JsonDocument.Parse(await client.GetStringAsync("/models/slow", _patience.Token));
        var batching = model.RootElement.GetProperty("batching");
        return (batching.GetProperty("running").GetInt32(), batching.GetProperty("queue_length").GetInt32());
    }

    /// <summary>Sends until it is told to go elsewhere or nobody listens any more; each request must be
    /// answered.</summary>
    private async Task SendWithoutPauseAsync(int port, Action answered)
    {
        while (true)
        {
            using var connection = await TryConnectAsync(port);
            if (connection is null)
            {
                return;
            }

            var stream = new BufferedStream(connection.GetStream());
            while (!HasEnded(connection))
            {
                await connection.GetStream().WriteAsync(Request, _patience.Token);
                var (status, headers) = await ReadAnswerAsync(stream);
                var isLast = headers.TryGetValue("connection", out var said) && said == "close";
                if (status == 503)
                {
                    Assert.True(isLast, "a refusal without Connection: close");
                    Assert.True(headers.ContainsKey("retry-after"), "a refusal without Retry-After");
                    return;
                }

                Assert.Equal(200, status);
                answered();
                if (isLast)
                {
                    break;
                }
            }
        }
    }

    private static byte[] Request { get; } =
    [
        .. Encoding.ASCII.GetBytes(
            "POST /classify?model=slow HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"
            + $"Content-Length: {Photos.White.Length}\r\n\r\n"),
        .. Photos.White,
    ];

    /// <summary>As every pool of connections asks before it uses one again: whether the other side has closed
    /// it.</summary>
    private static bool HasEnded(TcpClient connection) =>
        connection.Client.Poll(TimeSpan.Zero, SelectMode.SelectRead) && connection.Available == 0;

    private async Task<TcpClient> ConnectAsync(int port)
    {
        var connection = new TcpClient { NoDelay = true };
        try
        {
            await connection.ConnectAsync(IPAddress.Loopback, port, _patience.Token);
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private async Task<TcpClient?> TryConnectAsync(int port)
    {
        try
        {
            return await ConnectAsync(port);
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionRefused)
        {
            return null;
        }
    }

    /// <summary>Reads one answer to its end; a connection that ends before is an error.</summary>
    private async Task<(int Status, Dictionary<string, string> Headers)> ReadAnswerAsync(Stream stream)
    {
        var status = (await LineAsync(stream)).Split(' ')[1];
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        while (await LineAsync(stream) is { Length: > 0 } line)
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            headers[line[..colon]] = line[(colon + 1)..].Trim();
        }

        if (headers.TryGetValue("content-length", out var length))
        {
            await SkipAsync(stream, int.Parse(length, CultureInfo.InvariantCulture));
        }
        else
        {
            int chunk;
            do
            {
                chunk = int.Parse(await LineAsync(stream), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                await SkipAsync(stream, chunk + 2);
            }
            while (chunk > 0);
        }

        return (int.Parse(status, CultureInfo.InvariantCulture), headers);
    }

    private Task SkipAsync(Stream stream, int bytes) =>
        stream.ReadExactlyAsync(new byte[bytes], _patience.Token).AsTask();

    private async Task<string> LineAsync(Stream stream)
    {
        var line = new StringBuilder();
        var next = new byte[1];
        while (line.Length < 2 || line[^2] != '\r' || line[^1] != '\n')
        {
            await stream.ReadExactlyAsync(next, _patience.Token);
            line.Append((char)next[0]);
        }

        return line.ToString(0, line.Length - 2);
    }

    /// <summary>The program with one model, as an operator starts and ends it.</summary>
    private sealed class ServiceProcess : IDisposable
    {
        private readonly ModelFolder _models;
        private readonly Process _process;

        private ServiceProcess(ModelFolder models, Process process) => (_models, _process) = (models, process);

        public int Port { get; private set; }

        public static async Task<ServiceProcess> StartAsync(OnnxGraph.Graph graph, CancellationToken cancellationToken)
        {
            var models = new ModelFolder().Add("slow", graph, "input: {preset: unit}", ModelFolder.ColorLabels);
            var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
            string[] arguments =
            [
                typeof(CommandLine).Assembly.Location, "--models", models.Path,
                "--http-port", "0", "--grpc-port", "0", "--provider", "cpu",
            ];
            Array.ForEach(arguments, start.ArgumentList.Add);
            var service = new ServiceProcess(models, Process.Start(start)!);
            try
            {
                await service.BecomeReadyAsync(cancellationToken);
                return service;
            }
            catch
            {
                service.Dispose();
                throw;
            }
        }

        private async Task BecomeReadyAsync(CancellationToken cancellationToken)
        {
            var errors = _process.StandardError.ReadToEndAsync(cancellationToken);
            for (var isReady = false; Port == 0 || !isReady;)
            {
                var line = await _process.StandardOutput.ReadLineAsync(cancellationToken);
                if (line is null)
                {
                    Assert.Fail(await errors);
                }

                isReady |= line.Contains("Model slow is ready", StringComparison.Ordinal);
                if (Port == 0 && line.Contains("Now listening on", StringComparison.Ordinal))
                {
                    Port = int.Parse(line[(line.LastIndexOf(':') + 1)..], CultureInfo.InvariantCulture);
                }
            }

            // A pipe that nobody reads would stop the process once it is full.
            _ = _process.StandardOutput.ReadToEndAsync(cancellationToken);
        }

        public async Task TerminateAsync()
        {
            using var kill = Process.Start("kill", ["-TERM", _process.Id.ToString(CultureInfo.InvariantCulture)]);
            await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        public async Task<int> ExitAsync(CancellationToken cancellationToken)
        {
            await _process.WaitForExitAsync(cancellationToken);
            return _process.ExitCode;
        }

        public void Dispose()
        {
            if (!_process.HasExited)
            {
                _process.Kill();
            }

            _process.Dispose();
            _models.Dispose();
        }
    }
}
