using System.Globalization;
using Grpc.Net.Client;
using Microsoft.ML.OnnxRuntime;
using OnnxGraph;
using VisionService.Tests.Api.OpenInference.Client;

namespace VisionService.Tests.Api.OpenInference;

/// <summary>One service with small models of every kind of tensor, and clients of both transports.</summary>
public sealed class OpenInferenceFixture : IAsyncLifetime
{
    /// <summary>Type names of the protocol and ONNX's.</summary>
    internal static readonly Dictionary<string, ElementType> Types = new()
    {
        ["BOOL"] = ElementType.Bool,
        ["UINT8"] = ElementType.UInt8,
        ["UINT16"] = ElementType.UInt16,
        ["UINT32"] = ElementType.UInt32,
        ["UINT64"] = ElementType.UInt64,
        ["INT8"] = ElementType.Int8,
        ["INT16"] = ElementType.Int16,
        ["INT32"] = ElementType.Int32,
        ["INT64"] = ElementType.Int64,
        ["FP16"] = ElementType.Float16,
        ["BF16"] = ElementType.BFloat16,
        ["FP32"] = ElementType.Float,
        ["FP64"] = ElementType.Double,
        ["BYTES"] = ElementType.String,
    };

    private const string Tensors = "task: tensors";

    private readonly ModelFolder _folder = ModelFolder.WithColors();
    private GrpcChannel? _channel;

    internal TestService Service { get; private set; } = null!;

    internal GRPCInferenceService.GRPCInferenceServiceClient Grpc { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        foreach (var (name, type) in Types)
        {
            _folder.Add($"echo-{name.ToLower(CultureInfo.InvariantCulture)}", Echo(type), Tensors);
        }

        _folder.Add("pair", Pair(), $"{{{Tensors}, batching: {{max: 8}}}}")
            .Add("fixed", Plus("x", 2, 2), Tensors)
            .Add("bare", Scaled(), Tensors)
            .Add("loose", Loose(), Tensors)
            .Add("slow-colors", TinyModels.Slow(400), "input: {preset: unit}", ModelFolder.ColorLabels);
        Service = await TestService.StartAsync(_folder);
        _channel = GrpcChannel.ForAddress(Service.GrpcAddress);
        Grpc = new GRPCInferenceService.GRPCInferenceServiceClient(_channel);
    }

    public async ValueTask DisposeAsync()
    {
        _channel?.Dispose();
        await Service.DisposeAsync();
    }

    internal string File(string model) => _folder.File($"{model}/model.onnx");

    /// <summary>What ONNX Runtime gives for floats on the same file, asked directly.</summary>
    internal static float[] Direct(string file, string input, float[] values, params long[] shape)
    {
        using var options = new SessionOptions { IntraOpNumThreads = 1 }; // as the service: threads would add in another order
        using var session = new InferenceSession(file, options);
        using var runOptions = new RunOptions();
        using var tensor = OrtValue.CreateTensorValueFromMemory(values, shape);
        using var outputs = session.Run(runOptions, [input], [tensor], [session.OutputNames[0]]);
        return outputs[0].GetTensorDataAsSpan<float>().ToArray();
    }

    private static Graph Echo(ElementType type)
    {
        var g = new GraphBuilder(opset: 16);
        return g.Output("y", g.Node("Identity", [g.Input("x", type, "N", 2)]), type, "N", 2).Build();
    }

    /// <summary>sum [N, 2] = a [N, 2] + index [N, 1], and twice [N, 1] = index + index.</summary>
    private static Graph Pair()
    {
        var g = new GraphBuilder(opset: 13);
        var (a, index) = (g.Input("a", ElementType.Float, "N", 2), g.Input("index", ElementType.Int64, "N", 1));
        return g.Output("sum", g.Add(a, g.Node("Cast", [index], ("to", 1))), ElementType.Float, "N", 2)
            .Output("twice", g.Add(index, index), ElementType.Int64, "N", 1)
            .Build();
    }

    private static Graph Plus(string input, params Dimension[] shape)
    {
        var g = new GraphBuilder(opset: 13);
        return g.Output("y", g.Add(g.Input(input, ElementType.Float, shape), g.Constant([1f])), ElementType.Float, shape).Build();
    }

    /// <summary>No batch anywhere: y [3] = x [3] * scale [].</summary>
    private static Graph Scaled()
    {
        var g = new GraphBuilder(opset: 13);
        var (x, scale) = (g.Input("x", ElementType.Float, 3), g.Input("scale", ElementType.Float));
        return g.Output("y", g.Mul(x, scale), ElementType.Float, 3).Output("sum", g.Node("ReduceSum", [x], ("keepdims", 0)), ElementType.Float).Build();
    }

    /// <summary>Sizes that only the run can compare: y = a [N] + b [M].</summary>
    private static Graph Loose()
    {
        var g = new GraphBuilder(opset: 13);
        return g.Output("y", g.Add(g.Input("a", ElementType.Float, "N"), g.Input("b", ElementType.Float, "M")), ElementType.Float, "K").Build();
    }
}
