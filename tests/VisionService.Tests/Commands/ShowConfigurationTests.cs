using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using VisionService.Commands;

namespace VisionService.Tests.Commands;

public class ShowConfigurationTests
{
    [Fact]
    public async Task Every_setting_is_printed_with_its_value_and_where_it_comes_from()
    {
        var (code, output, errors) = await CommandProcess.RunAsync(
            "config", "--http-port", "9000", "--models", AppContext.BaseDirectory, "--Api:Urls:AllowedHosts:0", "*.example.com");
        Assert.Equal((0, ""), (code, errors));
        var lines = output.TrimEnd('\n').Split('\n');
        Assert.Matches(@"^Api:HttpPort +9000  \(command line\)$", Line(lines, "Api:HttpPort"));
        Assert.Matches(@"^Api:GrpcPort +8081  \(default\)$", Line(lines, "Api:GrpcPort"));
        Assert.Matches(@"^Api:Address +-  \(default\)$", Line(lines, "Api:Address"));
        Assert.Matches(@"^Api:Connections:HeaderTimeout +00:00:10  \(default\)$", Line(lines, "Api:Connections:HeaderTimeout"));
        Assert.Matches(@"^Api:Urls:AllowedHosts:0 +\*\.example\.com  \(command line\)$", Line(lines, "Api:Urls:AllowedHosts:0"));
        Assert.Matches(@"^Api:CorsOrigins +-  \(default\)$", Line(lines, "Api:CorsOrigins"));
        Assert.Matches(@"^Repository:Models:0 +/.*  \(command line\)$", Line(lines, "Repository:Models:0"));
        Assert.Matches(@"^Inference:Provider +Auto  \(default\)$", Line(lines, "Inference:Provider"));
        foreach (var section in new[] { "Api", "Evaluate", "Explanation", "Imaging", "Inference", "Repository" })
        {
            Assert.Contains(lines, line => line.StartsWith($"{section}:", StringComparison.Ordinal));
        }
    }

    [Fact]
    public Task A_wrong_setting_is_said_instead() =>
        CommandProcess.MustFailAsync("The field Api:HttpPort must be between 0 and 65535.", "config", "--http-port", "70000");

    [Fact]
    public async Task Each_source_is_named_and_secrets_are_masked()
    {
        const string Variable = "Sample__FromEnvironment";
        Environment.SetEnvironmentVariable(Variable, "e");
        try
        {
            var builder = Host.CreateEmptyApplicationBuilder(null);
            builder.Configuration.AddEnvironmentVariables();
            builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
            {
                ["Sample:Marked"] = "s3cret",
                ["Sample:Password"] = "s3cret",
                ["Sample:Keys:0"] = "s3cret",
                ["Sample:Address"] = "https://me:s3cret@example.com/x",
                ["Sample:Below:Number"] = "0.5",
                ["Sample:Map:a"] = "b",
            });
            OptionSection.AddOptions<Sample>(builder, "Sample");
            using var services = builder.Services.BuildServiceProvider();
            var output = new StringWriter();
            await ActivatorUtilities.CreateInstance<ShowConfiguration>(services, builder.Configuration)
                .RunAsync(output, TextWriter.Null, TestContext.Current.CancellationToken);
            Assert.Equal(
                """
                Sample:FromEnvironment  e  (environment)
                Sample:Marked           ********  (command line)
                Sample:Password         ********  (command line)
                Sample:Token            -  (default)
                Sample:Keys:0           ********  (command line)
                Sample:Address          https://********@example.com/x  (command line)
                Sample:Below:Number     0.5  (command line)
                Sample:Below:Flag       true  (default)
                Sample:Map:a            b  (command line)

                """,
                output.ToString());
        }
        finally
        {
            Environment.SetEnvironmentVariable(Variable, null);
        }
    }

    private static string Line(string[] lines, string key) =>
        Assert.Single(lines, line => line.StartsWith($"{key} ", StringComparison.Ordinal));

    internal sealed class Sample
    {
        public string? FromEnvironment { get; init; }

        [DataType(DataType.Password)]
        public string? Marked { get; init; }

        public string? Password { get; init; }

        public string? Token { get; init; }

        public IList<string> Keys { get; } = [];

        public string? Address { get; init; }

        public Below Below { get; init; } = new();

        public IDictionary<string, string> Map { get; } = new Dictionary<string, string>();
    }

    internal sealed class Below
    {
        public double Number { get; init; }

        public bool Flag { get; init; } = true;
    }
}
