using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace VisionService.Tests;

/// <summary>The process itself, as a person at a shell meets it.</summary>
public class ProgramTests
{
    [Fact]
    public async Task Help_lists_the_options_and_ends_well()
    {
        var (exitCode, output, error) = await RunAsync("--help");
        Assert.Equal((0, ""), (exitCode, error));
        Assert.Contains("--models DIR", output);
        Assert.Contains("--http-port N", output);
    }

    [Theory]
    [InlineData("Unknown option '--http-prot' (did you mean '--http-port'?); --help lists them.", "--http-prot", "80")]
    [InlineData("Failed to convert configuration value 'many' at 'Api:HttpPort' to type 'System.Int32'.", "--http-port", "many")]
    [InlineData("Api:HttpPort must be between 0 and 65535.", "--http-port", "70000")]
    [InlineData("Api:Address must be an IP address, such as 127.0.0.1.", "--address", "here")]
    [InlineData("Inference:MaxQueueDelay must be between 00:00:00 and 00:00:01.", "--Inference:MaxQueueDelay", "00:00:05")]
    [InlineData("Imaging: unknown setting 'MaxByte' (did you mean 'MaxBytes'?). Known: MaxBytes,", "--Imaging:MaxByte", "5")]
    [InlineData("Api:MaxImages must be between 1 and 10000.", "--Api:MaxImages", "0")]
    [InlineData("Api:Connections:Max must be between 1 and 1000000.", "--Api:Connections:Max", "0")]
    [InlineData("Api:Urls: unknown setting 'AllowedHost' (did you mean 'AllowedHosts'?)", "--Api:Urls:AllowedHost:0", "a")]
    [InlineData("Api:Urls:AllowedHosts lists hosts, such as", "--Api:Urls:AllowedHosts:0", "https://a")]
    [InlineData("Api:Urls:TrustedOrigins lists origins, such as", "--Api:Urls:TrustedOrigins:0", "minio:9000")]
    [InlineData("Api:CorsOrigins lists origins as browsers send them", "--Api:CorsOrigins:0", "https://example.com/")]
    [InlineData("There is no model folder '/no/such/folder'.", "--models", "/no/such/folder")]
    public async Task A_mistake_is_one_line_that_names_it(string message, params string[] arguments)
    {
        var (exitCode, _, error) = await RunAsync(arguments);
        Assert.Equal(2, exitCode);
        Assert.Contains(message, Assert.Single(error.Trim().Split('\n')));
    }

    [Fact]
    public async Task A_port_in_use_is_one_line_and_no_stack_trace()
    {
        using var other = new TcpListener(IPAddress.Any, 0);
        other.Start();
        var port = ((IPEndPoint)other.LocalEndpoint).Port;
        var (exitCode, output, error) = await RunAsync("--http-port", $"{port}");
        Assert.Equal(2, exitCode);
        Assert.Matches($"^Failed to bind to address .*:{port}: address already in use.$", error.Trim());
        Assert.DoesNotContain("   at ", output);
    }

    [Fact]
    public async Task Listens_on_one_address_alone()
    {
        // Taken on 127.0.0.2 only, the port is free on every other address.
        using var other = new TcpListener(IPAddress.Parse("127.0.0.2"), 0);
        other.Start();
        var port = ((IPEndPoint)other.LocalEndpoint).Port;
        using var models = new ModelFolder();
        await using var app = Program.Build(CommandLine.Parse(
            ["--address", "127.0.0.1", "--http-port", $"{port}", "--grpc-port", "0", "--models", models.Path]));
        await app.StartAsync(TestContext.Current.CancellationToken);
        using var client = new HttpClient();
        using var answer = await client.GetAsync($"http://127.0.0.1:{port}/healthz", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    private static async Task<(int ExitCode, string Output, string Error)> RunAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath is { } path && Path.GetFileName(path) == "dotnet" ? path : "dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "VisionService.dll"));
        Array.ForEach(arguments, start.ArgumentList.Add);
        using var process = Process.Start(start)!;
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            await process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(60));
            return (process.ExitCode, await output, await error);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill();
            }
        }
    }
}
