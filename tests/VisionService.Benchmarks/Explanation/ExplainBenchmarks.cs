using BenchmarkDotNet.Attributes;
using Microsoft.ML.OnnxRuntime;
using OnnxGraph;
using VisionService.Explanation;
using VisionService.Imaging;
using VisionService.Inference;

namespace VisionService.Benchmarks.Explanation;

/// <summary>What an explanation costs beside the plain answer: one run of each session, on one thread.</summary>
[MemoryDiagnoser]
public class ExplainBenchmarks
{
    private static readonly string[] Paths =
    [
        "models/cifar10-resnet20/model.onnx",
        "../shared/data/models/light/light_resnet50.onnx",
        "../shared/data/models/light/light_densenet121.onnx",
        "../shared/data/models/light/light_bvlc_alexnet.onnx",
    ];

    private readonly List<IDisposable> _open = [];
    private Action _forward = static () => { };
    private Action _layer = static () => { };
    private Action _layerGradient = static () => { };
    private Action _pixelGradient = static () => { };

    /// <summary>The model shipped here, and what lies beside the checkout for tests.</summary>
    [ParamsSource(nameof(Models))]
    public string Model { get; set; } = "";

    private static string Checkout { get; } = Find(AppContext.BaseDirectory);

    public static IEnumerable<string> Models => Paths.Where(path => File.Exists(Path.Combine(Checkout, path)));

    [GlobalSetup]
    public void Prepare()
    {
        var graph = Open();
        var input = graph.Inputs[0];
        var shape = new ModelInput(3, (int)input.Shape![2].Size!, (int)input.Shape[3].Size!);
        var source = new ExplainSource(HeadKind.Classes, input.Name, new InputGeometry(shape.Width, shape.Height, ResizeMode.Stretch), 3)
        {
            OpenGraph = Open,
            OpenSession = OpenSession,
            FindTargets = static (_, _) => [],
        };
        var forward = ExplainSession.Forward(source, shape, batch: 1);
        var anatomy = new NetworkAnatomy(forward, input.Name, shape, GraphProbes.RunAll(forward));
        var logits = anatomy.Logits(graph.Outputs[0].Name);
        var layer = anatomy.BeforeHead(logits)!.Name;

        var own = Keep(OpenSession(graph.ToBytes()));
        _forward = Runs(own, Keep(new ModelItem(own, shape)));
        _layer = Runs(source, new SessionPlan(shape) { Taps = [layer] });
        var gradient = new SessionPlan(shape) { Seeds = [logits], SeedsByClass = true };
        _layerGradient = Runs(source, gradient with { Taps = [layer], WithRespectTo = [layer] });
        _pixelGradient = Runs(source, gradient with { WithRespectTo = [input.Name] });
    }

    [GlobalCleanup]
    public void Close() => _open.ForEach(one => one.Dispose());

    [Benchmark(Baseline = true)]
    public void Forward() => _forward();

    /// <summary>CAM in closed form, EigenCAM.</summary>
    [Benchmark]
    public void Layer() => _layer();

    /// <summary>Grad-CAM and its kin.</summary>
    [Benchmark]
    public void LayerGradient() => _layerGradient();

    /// <summary>Saliency; one step of integrated gradients.</summary>
    [Benchmark]
    public void PixelGradient() => _pixelGradient();

    private Graph Open()
    {
        var graph = Graph.Load(Path.Combine(Checkout, Model));
        var input = graph.Inputs[0];
        graph.Declare(input with { Shape = [1, .. input.Shape!.Skip(1)] });
        InputNormalization.Fuse(graph, input.Name, new PixelNormalization { Scale = 1 / 255f });
        return graph;
    }

    private Action Runs(ExplainSource source, SessionPlan plan)
    {
        var session = Keep(ExplainSession.Open(source, plan, batch: 1));
        var item = Keep(new ModelItem(session.Session, session.Inputs));
        if (plan.SeedsByClass)
        {
            (item.Elements<long>(1)[0], item.Elements<long>(2)[0]) = (-1, -1);
        }

        return Runs(session.Session, item);
    }

    private static Action Runs(ModelSession session, ModelItem item)
    {
        return () => session.Run(0, [item], CancellationToken.None).Release();
    }

    private T Keep<T>(T opened)
        where T : IDisposable
    {
        _open.Add(opened);
        return opened;
    }

    private static ModelSession OpenSession(byte[] model)
    {
        using var options = new SessionOptions { IntraOpNumThreads = 1 };
        return new ModelSession(model, options, runners: 1);
    }

    private static string Find(string folder) =>
        File.Exists(Path.Combine(folder, "VisionService.sln")) ? folder : Find(Path.GetDirectoryName(folder)!);
}
