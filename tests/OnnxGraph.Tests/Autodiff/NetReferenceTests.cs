using System.Text.Json;
using OnnxGraph.Autodiff;

namespace OnnxGraph.Tests.Autodiff;

/// <summary>Whole nets, in several opsets, with batch normalisation kept and folded.</summary>
public sealed class NetReferenceTests
{
    public static TheoryData<string, string> Exports() => References.Exist
        ? [.. Nets().SelectMany(net => net.GetProperty("exports").EnumerateArray().Select(it => (Name(net), it.GetProperty("file").GetString()!)))]
        : [("none", "none")];

    [Theory]
    [MemberData(nameof(Exports))]
    public void Gradients_are_those_of_PyTorch(string name, string file)
    {
        var net = new Net(name, file);
        var differentiated = net.Differentiate(ReluRule.Gradient);
        foreach (var target in net.Targets)
        {
            var outputs = net.Run(differentiated, net.X, net.Seed(target.Value));

            var prefix = target.Value.GetProperty("prefix").GetString();
            References.AssertClose(net.Array($"out/{net.Output}"), outputs[net.Output], "output");
            References.AssertClose(net.Array(prefix + "grad_input"), outputs["input"], $"input, {target.Name}");
            foreach (var (tap, value) in net.Taps)
            {
                References.AssertClose(net.Array($"{prefix}grad_tap/{tap}"), outputs[value], $"{tap}, {target.Name}");
            }
        }
    }

    public static TheoryData<string, string> GuidedExports() =>
        [.. Exports().Where(it => !References.Exist || new Net(it.Data.Item1, it.Data.Item2).Has("guided_backprop"))];

    [Theory]
    [MemberData(nameof(GuidedExports))]
    public void Guided_backpropagation_is_that_of_PyTorch(string name, string file)
    {
        var net = new Net(name, file);
        var outputs = net.Run(net.Differentiate(ReluRule.Guided), net.X, net.Seed(net.Targets.First().Value));

        References.AssertClose(net.Array("guided_backprop"), outputs["input"], "input");
        foreach (var (tap, value) in net.Taps.Where(it => net.Has($"guided_tap/{it.Name}")))
        {
            References.AssertClose(net.Array($"guided_tap/{tap}"), outputs[value], tap);
        }
    }

    // One export of each net: what the others differ in has nothing to do with the batch.
    public static TheoryData<string, string> FreeBatches() =>
        [.. Exports().Where(it => !References.Exist || it.Data.Item2.EndsWith("op13_folded.onnx", StringComparison.Ordinal))];

    [Theory]
    [MemberData(nameof(FreeBatches))]
    public void A_batch_of_any_size_gives_each_picture_its_own_gradient(string name, string file)
    {
        var net = new Net(name, file);
        var differentiated = net.Differentiate(ReluRule.Gradient);
        Assert.True(differentiated.IsBatchFree);
        var seed = net.Seed(net.Targets.First().Value);
        var expected = net.Array("grad_input");

        var one = net.Run(differentiated, Take(net.X, 1), Take(seed, 1))["input"];
        var three = net.Run(differentiated, Take(net.X, 1, 0, 1), Take(seed, 1, 0, 1))["input"];

        References.AssertClose(Take(expected, 1), one, "batch 1");
        References.AssertClose(Take(expected, 1, 0, 1), three, "batch 3");
    }

    /// <summary>Rows of an array, one after the other.</summary>
    private static Onnx.Array Take(Onnx.Array array, params int[] rows)
    {
        var size = array.Bytes.Length / (int)array.Shape[0];
        return new(array.Type, [rows.Length, .. array.Shape[1..]], [.. rows.SelectMany(row => array.Bytes[(row * size)..((row + 1) * size)])]);
    }

    private static JsonElement[] Nets()
    {
        var nets = References.Manifest().GetProperty("nets");
        return nets.ValueKind == JsonValueKind.Array ? [.. nets.EnumerateArray()] : [.. nets.EnumerateObject().Select(net => net.Value)];
    }

    private static string Name(JsonElement net) => net.GetProperty("name").GetString()!;

    private sealed class Net
    {
        private readonly JsonElement _net;
        private readonly string _file;

        public Net(string name, string file)
        {
            References.Path(name);
            (_net, _file) = (Nets().Single(net => Name(net) == name), file);
            var export = _net.GetProperty("exports").EnumerateArray().Single(it => it.GetProperty("file").GetString() == file);
            Taps = [.. export.GetProperty("taps").EnumerateObject().Select(tap => (tap.Name, tap.Value.GetString()!))];
        }

        public (string Name, string Value)[] Taps { get; }

        public IEnumerable<JsonProperty> Targets => _net.GetProperty("targets").EnumerateObject();

        public string Output => Targets.First().Value.GetProperty("output").GetString()!;

        public Onnx.Array X => Array("x");

        public bool Has(string array) => _net.GetProperty("arrays").TryGetProperty(array, out _);

        public Onnx.Array Array(string array) => References.Array(
            Name(_net), _net.GetProperty("arrays").GetProperty(array).GetProperty("file").GetString()!);

        public DifferentiatedGraph Differentiate(ReluRule relu)
        {
            var graph = Graph.Load(References.Path(Name(_net), _file));
            GradientRequest request = new([Output], ["input", .. Taps.Select(tap => tap.Value)]) { Relu = relu };
            return Gradients.Of(graph, request, Probe.With(X.Shape));
        }

        /// <summary>Outputs and gradients, these by the names of their values.</summary>
        public Dictionary<string, Onnx.Array> Run(DifferentiatedGraph differentiated, Onnx.Array x, Onnx.Array seed)
        {
            var outputs = differentiated.Graph.Outputs.Select(output => output.Name)
                .Zip(Onnx.Run(differentiated.Graph, x, seed))
                .ToDictionary(it => it.First, it => it.Second);
            var gradients = Taps.Select(tap => tap.Value).Prepend("input").Zip(differentiated.Gradients);
            return gradients.Select(it => (it.First, outputs[it.Second])).Append((Output, outputs[Output])).ToDictionary();
        }

        public Onnx.Array Seed(JsonElement target)
        {
            var output = Array($"out/{Output}");
            var (seed, size) = (new float[output.Floats.Length], output.Floats.Length / (int)output.Shape[0]);
            foreach (var (n, index) in target.GetProperty("index").EnumerateArray().Index())
            {
                switch (target.GetProperty("kind").GetString())
                {
                    case "logit":
                        seed[(n * size) + index.GetInt32()] = 1;
                        break;
                    case "element":
                        seed[(n * size) + (index[0].GetInt32() * (int)output.Shape[2]) + index[1].GetInt32()] = 1;
                        break;
                    default:
                        var mask = Array("mask").Floats;
                        var area = mask.Length / (int)output.Shape[0];
                        mask.AsSpan(n * area, area).CopyTo(seed.AsSpan((n * size) + (index.GetInt32() * area)));
                        break;
                }
            }

            return Onnx.Array.Of(seed, output.Shape);
        }
    }
}
