using OnnxGraph.Autodiff;

namespace OnnxGraph.Tests.Autodiff;

public sealed class OperatorReferenceTests
{
    public static TheoryData<string> Cases() => References.Exist
        ? [.. References.Manifest("opgrad").GetProperty("cases").EnumerateObject().Select(it => it.Name)]
        : ["none"];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Gradients_are_those_of_PyTorch(string name)
    {
        var graph = Graph.Load(References.Path("opgrad", name, "model.onnx"));
        var inputs = graph.Inputs.Select(input => input.Name).ToArray();
        var feeds = Array.ConvertAll(inputs, input => References.Array("opgrad", name, $"in_{input}.npy"));
        var differentiated = Gradients.Of(graph, new(["y"], inputs), Probe.With([.. feeds.Select(feed => feed.Shape)]));

        var outputs = Onnx.Run(differentiated.Graph, [.. feeds, References.Array("opgrad", name, "dy.npy")]);

        References.AssertClose(References.Array("opgrad", name, "y.npy"), outputs[0], "y");
        foreach (var (input, gradient) in inputs.Zip(outputs[1..]))
        {
            References.AssertClose(References.Array("opgrad", name, $"grad_{input}.npy"), gradient, input);
        }
    }
}
