using System.Diagnostics;
using System.Text.Json;

namespace VisionService.Tests.Observability;

/// <summary>Log lines as a container's record has them.</summary>
public sealed class LogsTests : IDisposable
{
    private readonly CancellationTokenSource _patience = new(TimeSpan.FromMinutes(1));

    public void Dispose() => _patience.Dispose();

    [Theory]
    [InlineData("--Telemetry:Logs", "Json")]
    [InlineData]
    public async Task In_a_container_each_line_is_an_object_with_the_request_it_is_of(params string[] arguments)
    {
        using var models = ModelFolder.WithColors();
        var start = new ProcessStartInfo("dotnet", [typeof(CommandLine).Assembly.Location, "--models", models.Path, "--http-port", "0", "--grpc-port", "0", "--address", "127.0.0.1", "--provider", "cpu", .. arguments])
        {
            RedirectStandardOutput = true,
            Environment = { ["DOTNET_RUNNING_IN_CONTAINER"] = arguments.Length == 0 ? "true" : "false" },
        };
        using var process = Process.Start(start)!;
        try
        {
            var lines = new List<JsonElement>();
            var address = (await UntilAsync(process, lines, static line => MessageOf(line).StartsWith("Now listening on: ", StringComparison.Ordinal)))["Now listening on: ".Length..];
            await UntilAsync(process, lines, static line => MessageOf(line).StartsWith("Model colors is ready", StringComparison.Ordinal));
            using var client = new HttpClient();
            var request = new HttpRequestMessage(HttpMethod.Post, $"{address}/models/colors/reload?password=hush") { Headers = { { "X-Request-Id", "reload-1" }, { "X-Api-Key", "hush" } } };
            using var answer = await client.SendAsync(request, _patience.Token);
            Assert.True(answer.IsSuccessStatusCode);
            await UntilAsync(process, lines, static line => MessageOf(line).StartsWith("Model colors is ready", StringComparison.Ordinal) && line.GetRawText().Contains("reload-1", StringComparison.Ordinal));
            Assert.All(lines, line =>
            {
                Assert.EndsWith("Z", line.GetProperty("Timestamp").GetString(), StringComparison.Ordinal);
                Assert.NotEmpty(line.GetProperty("LogLevel").GetString()!);
                Assert.DoesNotContain("hush", line.GetRawText(), StringComparison.Ordinal);
                Assert.DoesNotContain(AppContext.BaseDirectory, line.GetRawText(), StringComparison.Ordinal);
                Assert.DoesNotContain(models.Path, line.GetRawText(), StringComparison.Ordinal);
            });
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync(CancellationToken.None);
        }
    }

    private static string MessageOf(JsonElement line) => line.GetProperty("Message").GetString()!;

    /// <summary>Reads lines to the one that is waited for; its message.</summary>
    private async Task<string> UntilAsync(Process process, List<JsonElement> lines, Func<JsonElement, bool> isIt)
    {
        while (await process.StandardOutput.ReadLineAsync(_patience.Token) is { } text)
        {
            lines.Add(JsonDocument.Parse(text).RootElement);
            if (isIt(lines[^1]))
            {
                return MessageOf(lines[^1]);
            }
        }

        throw new InvalidOperationException("The service ended.");
    }
}
