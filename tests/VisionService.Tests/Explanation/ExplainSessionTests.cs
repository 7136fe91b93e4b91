using Microsoft.ML.OnnxRuntime;
using OnnxGraph;
using VisionService.Explanation;
using VisionService.Imaging;
using VisionService.Inference;

namespace VisionService.Tests.Explanation;

/// <summary>Gradients as explanations get them, from files to maps, against those of another framework.</summary>
public class ExplainSessionTests
{
    public static TheoryData<string> Classifiers => ["vgg", "resnet_v1", "mobilenet_v2", "densenet", "zoo_a", "vit"];

    [Theory]
    [MemberData(nameof(Classifiers))]
    public void Integrated_gradients_are_those_of_the_reference(string name)
    {
        var net = new ReferenceNet(name);
        using var session = Open(net, new SessionPlan(net.Input) { WithRespectTo = ["input"] });
        for (var item = 0; item < ReferenceNet.Items; item++)
        {
            var pixels = net.Item("x", item);
            var mean = new IntegratedGradients(net.Input);
            for (var point = 0; point < mean.Count; point++)
            {
                var index = point;
                mean.Add(point, Gradient(session, net, item, to => mean.WritePoint(index, pixels, to)));
            }

            Near.Equal(net.Item("integrated_gradients", item), mean.Attribution(pixels));
        }
    }

    [Theory]
    [InlineData("vgg")]
    [InlineData("resnet_v1")]
    public void SmoothGrad_is_that_of_the_reference_for_its_noise(string name)
    {
        var net = new ReferenceNet(name);
        var noise = net.Array("smoothgrad_noise");
        using var session = Open(net, new SessionPlan(net.Input) { WithRespectTo = ["input"] });
        for (var item = 0; item < ReferenceNet.Items; item++)
        {
            var sum = new double[net.Input.Length];
            for (var copy = 0; copy < noise.Shape[0]; copy++)
            {
                var pixels = net.Item("x", item);
                var added = noise.F32.Slice(((copy * ReferenceNet.Items) + item) * pixels.Length, pixels.Length);
                for (var i = 0; i < pixels.Length; i++)
                {
                    pixels[i] += added[i];
                }

                var gradient = Gradient(session, net, item, to => pixels.CopyTo(to));
                for (var i = 0; i < sum.Length; i++)
                {
                    sum[i] += gradient[i] / (double)noise.Shape[0];
                }
            }

            Near.Equal(net.Item("smoothgrad", item), Array.ConvertAll(sum, value => (float)value));
        }
    }

    [Theory]
    [MemberData(nameof(Classifiers))]
    public void GradCAM_at_the_layer_that_is_found_is_that_of_the_reference(string name)
    {
        var net = new ReferenceNet(name);
        var graph = Graph.Load(net.Model);
        var layer = new NetworkAnatomy(graph, "input", net.Input, GraphProbes.RunAll(graph)).BeforeHead("logits")!;
        using var session = Open(net, new SessionPlan(net.Input) { Taps = [layer.Name], WithRespectTo = [layer.Name] });
        var grid = layer.Grid!;
        for (var item = 0; item < ReferenceNet.Items; item++)
        {
            var (activations, gradients) = Run(
                session,
                net,
                net.Target(item),
                to => net.Item("x", item).CopyTo(to),
                outputs => (grid.ToPlanes(outputs.Floats(session.Output(layer.Name))), grid.ToPlanes(outputs.Floats(session.Gradient(0)))));
            var map = ClassActivationMap.Combine(CamMethod.GradCam, activations, gradients, grid.Channels, grid.Height, grid.Width);
            Near.Equal(net.Item("cam_feat_gradcam", item), map.Values);
        }
    }

    [Fact]
    public void Without_a_class_the_best_one_is_explained()
    {
        var net = new ReferenceNet("vgg");
        using var session = Open(net, new SessionPlan(net.Input) { WithRespectTo = ["input"] });
        var logits = net.Item("out_logits", 0);
        var best = Array.IndexOf(logits, logits.Max());

        var predicted = Run(session, net, -1, to => net.Item("x", 0).CopyTo(to), outputs => outputs.Floats(session.Gradient(0)).ToArray());
        var named = Run(session, net, best, to => net.Item("x", 0).CopyTo(to), outputs => outputs.Floats(session.Gradient(0)).ToArray());

        Assert.Equal(named, predicted);
        Assert.Contains(predicted, value => value != 0);
    }

    private static ExplainSession Open(ReferenceNet net, SessionPlan plan)
    {
        var source = new ExplainSource(
            HeadKind.Classes, "input", new InputGeometry(net.Input.Width, net.Input.Height, ResizeMode.Stretch), net.Input.Channels)
        {
            OpenGraph = () => Graph.Load(net.Model),
            OpenSession = static model =>
            {
                using var options = new SessionOptions { IntraOpNumThreads = 1 };
                return new ModelSession(model, options, runners: 1);
            },
            FindTargets = static (_, _) => [],
        };
        return ExplainSession.Open(source, plan with { Seeds = ["logits"], SeedsByClass = true }, batch: 1);
    }

    private static float[] Gradient(ExplainSession session, ReferenceNet net, int item, Action<Span<float>> write) =>
        Run(session, net, net.Target(item), write, outputs => outputs.Floats(session.Gradient(0)).ToArray());

    private static T Run<T>(
        ExplainSession session, ReferenceNet net, int classId, Action<Span<float>> write, OutputReader<T> read)
    {
        using var item = new ModelItem(session.Session, session.Inputs);
        Assert.Equal(net.Input.Length, item.Elements<float>(0).Length);
        write(item.Elements<float>(0));
        (item.Elements<long>(1)[0], item.Elements<long>(2)[0]) = (classId, -1);
        var outputs = session.Session.Run(0, [item], TestContext.Current.CancellationToken);
        try
        {
            return read(new ModelOutputs(outputs, 0));
        }
        finally
        {
            outputs.Release();
        }
    }
}
