using System.Diagnostics;
using System.Net;

namespace VisionService.Tests.Api.Edge;

/// <summary>Clients that hold connections by being slow, mostly with the limits as they are by default.</summary>
public sealed class SlowClientsTests(ClassifyFixture fixture) : IClassFixture<ClassifyFixture>
{
    private const int Clients = 300;

    private static readonly string[] Openings =
    [
        "", // says nothing at all
        "GET /livez HTTP/1.1\r\nHost: a\r\n",
        "POST /classify HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nContent-Length: 100000\r\n\r\n",
        "POST /classify HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST /classify HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000\r\n\r\n--b\r\n",
    ];

    private readonly TestService _service = fixture.Service;

    [Fact]
    public async Task Three_hundred_that_dribble_are_dropped_and_nobody_else_notices()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        stop.CancelAfter(TimeSpan.FromSeconds(40));
        var clients = new List<RawConnection>();
        try
        {
            for (var i = 0; i < Clients; i++)
            {
                clients.Add(await RawConnection.OpenAsync(_service.Address));
                await clients[i].SendAsync(Openings[i % Openings.Length]);
            }

            var drops = clients.Select((client, i) => DribbleAsync(client, i % Openings.Length == 0 ? "" : "A", stop.Token)).ToArray();
            var all = Task.WhenAll(drops);
            while (!all.IsCompleted)
            {
                var start = Stopwatch.GetTimestamp();
                (await _service.GetAsync("/healthz")).MustBe(HttpStatusCode.OK);
                Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(1));
                await Task.WhenAny(all, Task.Delay(TimeSpan.FromSeconds(0.5), stop.Token));
            }

            Assert.DoesNotContain(false, await all);
        }
        finally
        {
            clients.ForEach(static client => client.Dispose());
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("PRI * HTTP/2.0\r\n")]
    public async Task A_gRPC_connection_that_does_not_begin_is_dropped(string opening)
    {
        await using var service = await TestService.StartAsync(
            ModelFolder.WithColors(), "--Api:Connections:HeaderTimeout", "00:00:01");
        using var client = await RawConnection.OpenAsync(service.GrpcAddress);
        await client.SendAsync(opening);
        Assert.Equal("", await client.ReadToEndAsync());
    }

    [Theory]
    [InlineData("/classify")]
    [InlineData("/v2/models/colors/infer")]
    public async Task Who_sends_a_body_too_slowly_is_told_which_setting_says_so(string path)
    {
        using var client = await RawConnection.OpenAsync(_service.Address);
        await client.SendAsync($"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{");
        var answer = await client.ReadToEndAsync();
        Assert.StartsWith("HTTP/1.1 408 ", answer, StringComparison.Ordinal);
        Assert.Contains("Api:Connections:MinBytesPerSecond", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_connection_over_the_cap_is_closed_and_one_that_ends_makes_room()
    {
        await using var service = await TestService.StartAsync(ModelFolder.WithColors(), "--Api:Connections:Max", "1");
        (await service.GetAsync("/livez")).MustBe(HttpStatusCode.OK); // the client keeps its connection
        Assert.Equal("", await RawConnection.AskAsync(service.Address, "GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
        var last = new HttpRequestMessage(HttpMethod.Get, "/livez");
        last.Headers.ConnectionClose = true;
        (await service.SendAsync(last)).MustBe(HttpStatusCode.OK);

        // The server notices a moment later that the first is gone.
        string answer;
        while ((answer = await RawConnection.AskAsync(service.Address, "GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")).Length == 0)
        {
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
        }

        Assert.StartsWith("HTTP/1.1 200 ", answer, StringComparison.Ordinal);
    }

    /// <summary>A byte a second until the server has had enough; false where it never had.</summary>
    private static async Task<bool> DribbleAsync(RawConnection client, string drop, CancellationToken stop)
    {
        var end = client.ReadToEndAsync();
        while (!end.IsCompleted && !stop.IsCancellationRequested)
        {
            try
            {
                await client.SendAsync(drop);
            }
            catch (IOException)
            {
                break; // dropped
            }

            await Task.WhenAny(end, Task.Delay(TimeSpan.FromSeconds(1), CancellationToken.None));
        }

        return !stop.IsCancellationRequested;
    }
}
