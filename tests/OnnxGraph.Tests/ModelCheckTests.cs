using System.Diagnostics;
using Google.Protobuf;
using OnnxGraph.Proto;

namespace OnnxGraph.Tests;

public sealed class ModelCheckTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("onnxgraph").FullName;

    public static TheoryData<string, string> Wrong => new(
        from broken in Broken
        select (broken.Key, broken.Value.Reason));

    /// <summary>What is done to <c>y = Relu(x * w)</c>, w being 2 x 2 floats, and what is said of it.</summary>
    private static Dictionary<string, (Action<ModelProto> Break, string Reason)> Broken => new()
    {
        ["two initializers"] = (
            static model => model.Graph.Initializer.Add(model.Graph.Initializer[0].Clone()),
            "has two initializers named 'w'"),
        ["two writers"] = (
            static model => model.Graph.Node.Add(model.Graph.Node[0].Clone()),
            "has two values named 'm'; the second is the node 'times'"),
        ["two inputs"] = (
            static model => model.Graph.Input.Add(model.Graph.Input[0].Clone()),
            "has two values named 'x'; the second is a graph input"),
        ["unknown input"] = (
            static model => model.Graph.Node[0].Input[1] = "v",
            "has the node 'times' (Mul), which reads 'v', and nothing writes that"),
        ["unknown output"] = (
            static model => model.Graph.Output.Add(new ValueInfoProto { Name = "z" }),
            "has the output 'z', which nothing writes"),
        ["cycle"] = (
            static model => model.Graph.Node[0].Input[0] = "y",
            "The graph has a cycle: the node 'm = Mul(y, w)' reads what is computed from its own result"),
        ["no operator"] = (
            static model => model.Graph.Node[0].ClearOpType(),
            "has a node without an operator: 'times'"),
        ["unknown in a body"] = (
            static model => model.Graph.Node[1].Attribute.Add(
                Body(new NodeProto { OpType = "Relu", Input = { "v" }, Output = { "r" } })),
            "has the node 'r' (Relu), which reads 'v', and nothing writes that"),
        ["negative dimension"] = (
            static model => model.Graph.Initializer[0].Dims[0] = -2,
            "has the tensor 'w' of shape [-2, 2], and a dimension cannot be negative"),
        ["declared too large"] = (
            static model => model.Graph.Initializer[0].Dims[0] = 1 << 27,
            "has the tensor 'w' of Float [134217728, 2] with 16 bytes; it needs 1073741824"),
        ["product beyond 64 bits"] = (
            static model => model.Graph.Initializer[0].Dims.Add([long.MaxValue, long.MaxValue]),
            "with 16 bytes; it needs 13611294676837"),
        ["numbers that are missing"] = (
            static model =>
            {
                model.Graph.Initializer[0].ClearRawData();
                model.Graph.Initializer[0].FloatData.Add(1);
            },
            "has the tensor 'w' of Float [2, 2] with 1 numbers; it needs 4"),
        ["too many dimensions"] = (
            static model => model.Graph.Initializer[0].Dims.Add(Enumerable.Repeat(1L, 65)),
            "has the tensor 'w' of 67 dimensions; at most 64 are read"),
        ["long name"] = (
            static model => model.Graph.Node[0].Name = new string('n', 100_000),
            "has a node with a name of 100000 characters; at most 65536 are read"),
        ["many nodes"] = (
            static model => model.Graph.Node.Add(Enumerable.Repeat(model.Graph.Node[0], 1_000_000)),
            "has more than 250000 nodes, which is the most that is read"),
        ["many attributes"] = (
            static model => model.Graph.Node[1].Attribute.Add(
                Enumerable.Repeat(new AttributeProto { Name = "a" }, 2_000_001)),
            "has more than 2000000 attributes, which is the most that is read"),
        ["a function that calls itself"] = (
            static model => model.Functions.Add([Function("f", "g"), Function("g", "f")]),
            "has the function 'f', which calls itself"),
        ["functions that double"] = (
            static model =>
            {
                model.Graph.Node[1].OpType = "f0";
                model.Graph.Node[1].Domain = "own";
                model.Functions.Add(Enumerable.Range(0, 60).Select(
                    static i => Function($"f{i}", $"f{i + 1}", $"f{i + 1}")));
            },
            "nodes once its functions are put in place; at most 250000 are read"),
        ["functions in a long chain"] = (
            static model => model.Functions.Add(
                Enumerable.Range(0, 10_000).Select(static i => Function($"f{i}", $"f{i + 1}"))),
            "has functions that call each other more than 64 deep, which is the most that is read"),
    };

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Wrong))]
    public void What_is_wrong_is_named(string what, string reason)
    {
        var model = Model();
        Broken[what].Break(model);
        var error = Assert.Throws<OnnxGraphException>(() => Graph.Parse(model.ToByteArray()));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_model_that_is_broken_above_is_whole() =>
        Assert.Equal(2, Graph.Parse(Model().ToByteArray()).Nodes.Count);

    [Fact]
    public void Bodies_in_bodies_have_an_end()
    {
        // Built from the inside, as bytes: graphs are the fields 7 and 6, nodes 1, attributes 5.
        var heads = new Stack<byte[]>();
        var size = 0;
        foreach (var field in Enumerable.Repeat<int[]>([6, 5, 1], 10_000).SelectMany(static fields => fields).Append(7))
        {
            heads.Push(Head(field, size));
            size += heads.Peek().Length;
        }

        var error = Assert.Throws<OnnxGraphException>(() => Graph.Parse([.. heads.SelectMany(static head => head)]));
        Assert.Contains("nests its messages deeper than 100 levels", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pipe_is_not_waited_for()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "pipes in folders are made on Linux");
        var pipe = Path.Combine(_folder, "model.onnx");
        Process.Start("mkfifo", [pipe]).WaitForExit();
        var error = Assert.Throws<OnnxGraphException>(() => Graph.Load(pipe));
        Assert.Contains("no plain file", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void External_data_in_a_pipe_is_not_waited_for()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "pipes in folders are made on Linux");
        Process.Start("mkfifo", [Path.Combine(_folder, "weights")]).WaitForExit();
        var error = Assert.Throws<OnnxGraphException>(() => Graph.Load(WithExternal(1)));
        Assert.Contains("'weights', which is empty, or no plain file", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Bytes_that_many_tensors_share_count_for_each()
    {
        File.WriteAllBytes(Path.Combine(_folder, "weights"), new byte[16]);
        var path = WithExternal(tensors: 1000);
        var size = new FileInfo(path).Length;
        Assert.Equal(1000, Graph.Load(path, size + 16_000).Initializers.Count);
        var error = Assert.Throws<OnnxGraphException>(() => Graph.Load(path, size + 15_999));
        Assert.Contains("more than the 15999 bytes that are read", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_too_large_is_not_read()
    {
        var path = Path.Combine(_folder, "model.onnx");
        File.WriteAllBytes(path, Model().ToByteArray());
        var size = new FileInfo(path).Length;
        Assert.NotNull(Graph.Load(path, size));
        var error = Assert.Throws<OnnxGraphException>(() => Graph.Load(path, size - 1));
        Assert.Equal($"'model.onnx' has {size} bytes; at most {size - 1} are read.", error.Message);
    }

    private static ModelProto Model()
    {
        var g = new GraphBuilder();
        var x = g.Input("x", ElementType.Float, 2, 2);
        var m = g.Mul(x, g.Constant(Tensor.Of([1f, 2, 3, 4], 2, 2), "w"));
        var model = ModelProto.Parser.ParseFrom(g.Output("y", g.Relu(m), ElementType.Float, 2, 2).Build().ToBytes());
        var times = model.Graph.Node[0];
        model.Graph.Node[1].Input[0] = times.Output[0] = "m";
        times.Name = "times";
        return model;
    }

    private static AttributeProto Body(NodeProto node) =>
        new() { Name = "body", Type = AttributeProto.Types.AttributeType.Graph, G = new() { Node = { node } } };

    private static FunctionProto Function(string name, params string[] calls) => new()
    {
        Name = name,
        Domain = "own",
        Input = { "a" },
        Node =
        {
            calls.Select((call, i) => new NodeProto
            {
                OpType = call, Domain = "own", Input = { "a" }, Output = { $"b{i}" },
            }),
        },
    };

    /// <summary>What stands before a message that is a field of another.</summary>
    private static byte[] Head(int field, int size)
    {
        using var stream = new MemoryStream();
        using (var output = new CodedOutputStream(stream))
        {
            output.WriteTag(field, WireFormat.WireType.LengthDelimited);
            output.WriteLength(size);
        }

        return stream.ToArray();
    }

    /// <summary>A model of tensors that all lie in the same 16 bytes of the file "weights".</summary>
    private string WithExternal(int tensors)
    {
        var model = Model();
        var first = model.Graph.Initializer[0];
        first.ClearRawData();
        first.DataLocation = TensorProto.Types.DataLocation.External;
        first.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = "weights" });
        for (var i = 1; i < tensors; i++)
        {
            model.Graph.Initializer.Add(new TensorProto(first) { Name = $"w{i}" });
        }

        var path = Path.Combine(_folder, "model.onnx");
        File.WriteAllBytes(path, model.ToByteArray());
        return path;
    }
}
