using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using VisionService.Api;

namespace VisionService.Tests.Deploy;

/// <summary>The Dockerfile and the composition keep to what the service promises.</summary>
public partial class ContainerTests
{
    private static readonly ApiOptions Api = new();
    private static readonly string Dockerfile = File.ReadAllText(Path.Combine(Checkout.Root, "Dockerfile"));

    [Fact]
    public void The_two_targets_differ_in_their_base_alone()
    {
        Assert.Equal(Settings("cuda"), Settings("cpu"));
        Assert.Contains("USER 1654:1654", Settings("cpu"));

        static string[] Settings(string target) =>
            [.. Stage(target).SkipWhile(static line => !line.StartsWith("ENV DOTNET_EnableDiagnostics", StringComparison.Ordinal))];
    }

    [Fact]
    public void A_plain_build_is_the_one_for_the_processor() =>
        Assert.Equal("cpu", StageName().Matches(Dockerfile)[^1].Groups[1].Value);

    [Fact]
    public void Ports_and_version_are_those_of_the_service()
    {
        Assert.Contains($"EXPOSE {Api.HttpPort} {Api.GrpcPort}", Stage("cpu"));
        var version = XDocument.Load(Path.Combine(Checkout.Root, "Directory.Build.props")).Descendants("Version").Single().Value;
        Assert.Contains($"ARG VERSION={version}", Stage("cpu"));
        foreach (var overlay in new[] { "cpu", "gpu" })
        {
            var tag = Yaml.Read($"deploy/kubernetes/overlays/{overlay}/kustomization.yaml")[0].Text("images/0/newTag");
            Assert.Equal(overlay == "gpu" ? $"{version}-cuda" : version, tag);
        }
    }

    [Fact]
    public void The_composition_lets_the_service_drain_and_gives_it_no_rights()
    {
        var compose = Yaml.Read("docker-compose.yml")[0];
        var grace = int.Parse(compose.Text("x-vision/stop_grace_period").TrimEnd('s'), CultureInfo.InvariantCulture);
        Assert.True(grace >= (Api.DrainTimeout + TimeSpan.FromSeconds(5)).TotalSeconds);
        Assert.Equal("true", compose.Text("x-hardened/read_only"));
        Assert.Equal("ALL", compose.Text("x-hardened/cap_drop/0"));
        Assert.Equal($"127.0.0.1:8080:{Api.HttpPort}", compose.Text("services/visionservice/ports/0"));
        Assert.Equal($"127.0.0.1:8081:{Api.GrpcPort}", compose.Text("services/visionservice/ports/1"));
    }

    [Fact]
    public void The_unit_lets_the_service_drain()
    {
        var stop = File.ReadLines(Path.Combine(Checkout.Root, "deploy/visionservice.service"))
            .Single(static line => line.StartsWith("TimeoutStopSec=", StringComparison.Ordinal)).Split('=')[1];
        Assert.True(int.Parse(stop, CultureInfo.InvariantCulture) >= (Api.DrainTimeout + TimeSpan.FromSeconds(5)).TotalSeconds);
    }

    [Fact]
    public void Files_that_the_composition_mounts_are_there()
    {
        var mounts = Mount().Matches(File.ReadAllText(Path.Combine(Checkout.Root, "docker-compose.yml")));
        Assert.NotEmpty(mounts);
        Assert.All(mounts, static mount => Assert.True(File.Exists(Path.Combine(Checkout.Root, mount.Groups[1].Value)), mount.Value));
    }

    private static IEnumerable<string> Stage(string name) => Dockerfile.Split('\n')
        .SkipWhile(line => !line.EndsWith($" AS {name}", StringComparison.Ordinal))
        .Skip(1)
        .TakeWhile(static line => !line.StartsWith("FROM ", StringComparison.Ordinal))
        .Where(static line => line.Length > 0 && !line.StartsWith('#'));

    [GeneratedRegex(@"^FROM .* AS (\S+)$", RegexOptions.Multiline)]
    private static partial Regex StageName();

    [GeneratedRegex(@"- \./(deploy/[^:]+):")]
    private static partial Regex Mount();
}
