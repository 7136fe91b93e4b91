using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using VisionService.Api;
using YamlDotNet.RepresentationModel;

namespace VisionService.Tests.Deploy;

/// <summary>What the manifests take for granted of the service is so.</summary>
public class KubernetesTests
{
    private static readonly ApiOptions Api = new();
    private static readonly YamlNode Pod = Yaml.Read("deploy/kubernetes/base/deployment.yaml")[0].At("spec/template/spec");
    private static readonly YamlNode Runtime = Yaml.Read("deploy/kubernetes/kserve/servingruntime.yaml")[0].At("spec/containers/0");

    public static TheoryData<string> Files => [.. Directory
        .EnumerateFiles(Path.Combine(Checkout.Root, "deploy"), "*", SearchOption.AllDirectories)
        .Where(static file => Path.GetExtension(file) is ".yaml" or ".yml")
        .Select(static file => Path.GetRelativePath(Checkout.Root, file))
        .Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Files))]
    public void Every_file_is_yaml_and_says_first_what_it_is_for(string file)
    {
        Assert.All(Yaml.Read(file), static document => Assert.IsType<YamlMappingNode>(document));
        var first = File.ReadLines(Path.Combine(Checkout.Root, file)).First();
        Assert.StartsWith("# ", first, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Probes_ask_for_what_the_service_answers()
    {
        await using var service = await TestService.StartAsync(ModelFolder.WithColors());
        var container = Pod.At("containers/0");
        foreach (var probe in new[] { container.At("startupProbe"), container.At("readinessProbe"), container.At("livenessProbe"),
            Runtime.At("readinessProbe"), Runtime.At("livenessProbe") })
        {
            (await service.GetAsync(probe.Text("httpGet/path"))).MustBe(HttpStatusCode.OK);
        }

        Assert.Equal("/livez", container.Text("livenessProbe/httpGet/path")); // not that of /readyz, which fails while draining
        Assert.Equal("/readyz", container.Text("readinessProbe/httpGet/path"));
    }

    [Fact]
    public void Ports_are_those_that_the_service_listens_on()
    {
        var ports = Pod.List("containers/0/ports").ToDictionary(static port => port.Text("name"), static port => port.Number("containerPort"));
        Assert.Equal((Api.HttpPort, Api.GrpcPort), (ports["http"], ports["grpc"]));
        foreach (var port in Yaml.Read("deploy/kubernetes/base/service.yaml").SelectMany(static service => service.List("spec/ports")))
        {
            Assert.Equal(ports[port.Text("targetPort")], port.Number("port"));
        }

        Assert.Equal(Api.HttpPort, Runtime.Number("ports/0/containerPort"));
        Assert.Equal(Api.HttpPort, Runtime.Number("readinessProbe/httpGet/port"));
    }

    [Fact]
    public void A_pod_that_goes_has_the_time_to_drain()
    {
        var before = Pod.Number("containers/0/lifecycle/preStop/sleep/seconds");
        var draining = Setting("Api__DrainTimeout") is { } set ? TimeSpan.Parse(set, null) : Api.DrainTimeout;
        var host = TimeSpan.FromSeconds(5); // Program's
        Assert.True(
            Pod.Number("terminationGracePeriodSeconds") > before + (draining + host).TotalSeconds,
            "Kubernetes would kill a pod that still drains.");
        Assert.Equal(
            Pod.Text("terminationGracePeriodSeconds"),
            Yaml.Read("deploy/kubernetes/kserve/inferenceservice.yaml")[0].Text("spec/predictor/terminationGracePeriodSeconds"));
    }

    [Theory]
    [InlineData("deploy/kubernetes/base/deployment.yaml", "containers")]
    [InlineData("deploy/kubernetes/components/models-from-image/models.yaml", "initContainers")]
    [InlineData("deploy/kubernetes/components/models-from-bucket/models.yaml", "initContainers")]
    public void Containers_have_no_rights_and_write_nothing(string file, string containers)
    {
        Assert.Equal("true", Pod.Text("securityContext/runAsNonRoot"));
        Assert.Equal("RuntimeDefault", Pod.Text("securityContext/seccompProfile/type"));
        Assert.Equal("false", Pod.Text("automountServiceAccountToken"));
        foreach (var container in Yaml.Read(file)[0].List($"spec/template/spec/{containers}"))
        {
            Assert.Equal("false", container.Text("securityContext/allowPrivilegeEscalation"));
            Assert.Equal("true", container.Text("securityContext/readOnlyRootFilesystem"));
            Assert.Equal("ALL", container.Text("securityContext/capabilities/drop/0"));
            Assert.NotEmpty(container.Text("resources/limits/memory"));
        }
    }

    [Theory]
    [InlineData("models-from-image")]
    [InlineData("models-from-bucket")]
    public void The_service_cannot_write_to_its_models(string component)
    {
        var mount = Yaml.Read($"deploy/kubernetes/components/{component}/models.yaml")[0]
            .At("spec/template/spec/containers/0/volumeMounts/0");
        Assert.Equal(("/models", "true"), (mount.Text("mountPath"), mount.Text("readOnly")));
    }

    [Fact]
    public void Settings_are_settings_of_the_service()
    {
        var settings = Directory
            .EnumerateFiles(Path.Combine(Checkout.Root, "deploy/kubernetes"), "kustomization.yaml", SearchOption.AllDirectories)
            .SelectMany(File.ReadLines)
            .Concat(File.ReadLines(Path.Combine(Checkout.Root, "deploy/kubernetes/base/settings.env")))
            .Select(static line => line.Trim().TrimStart('-', ' '))
            .Where(static line => line.Contains("__", StringComparison.Ordinal) && line.Contains('=', StringComparison.Ordinal))
            .Select(static line => line.StartsWith("Access__KeysFile=", StringComparison.Ordinal) ? "Access__KeysFile=/dev/null" : line)
            .ToArray();
        Assert.NotEmpty(settings);
        using var app = Program.Build(CommandLine.Parse(["--http-port", "0", "--grpc-port", "0", "--provider", "cpu",
            .. settings.Where(static setting => !setting.StartsWith("Inference__Provider", StringComparison.Ordinal))
                .Select(static setting => "--" + setting.Replace("__", ":", StringComparison.Ordinal)).Distinct()]));
        app.Services.GetRequiredService<IStartupValidator>().Validate(); // throws for an unknown one
    }

    [Theory]
    [InlineData("overlays/cpu", "Deployment HorizontalPodAutoscaler NetworkPolicy PodDisruptionBudget Service ServiceAccount")]
    [InlineData("overlays/gpu", "Deployment NetworkPolicy PodDisruptionBudget PrometheusRule ScaledObject Service ServiceAccount ServiceMonitor")]
    public async Task Kustomize_makes_the_overlays(string overlay, string kinds)
    {
        var version = await Tool.RunAsync("kubectl", "version", "--client");
        Assert.SkipUnless(version.Contains("Kustomize Version: v5", StringComparison.Ordinal), "kubectl is too old for components.");
        var output = await Tool.RunAsync("kubectl", "kustomize", Path.Combine(Checkout.Root, "deploy/kubernetes", overlay));
        var stream = new YamlStream();
        stream.Load(new StringReader(output));
        var made = stream.Documents.Select(static document => document.RootNode).ToArray();
        Assert.Equal(
            kinds,
            string.Join(' ', made.Select(static manifest => manifest.Text("kind")).Where(static kind => kind != "ConfigMap").Distinct().Order()));
        var image = made.Single(static manifest => manifest.Text("kind") == "Deployment").Text("spec/template/spec/containers/0/image");
        Assert.StartsWith("registry.example.com/visionservice:", image, StringComparison.Ordinal);
    }

    private static string? Setting(string name) => File
        .ReadLines(Path.Combine(Checkout.Root, "deploy/kubernetes/base/settings.env"))
        .FirstOrDefault(line => line.StartsWith($"{name}=", StringComparison.Ordinal))?.Split('=')[1];
}
