using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using OnnxGraph;
using VisionService.Inference;

namespace VisionService.Tests.Inference;

public class ModelSessionTests
{
    private static readonly ModelInput OnePixel = new(1, 1, 1);

    [Fact]
    public void Each_item_reads_its_own_rows()
    {
        using var session = Open(batch: "N", cast: null);
        Assert.Null(session.FixedBatch);
        Assert.Equal([[5f, 5], [6, 6], [7, 7]], Run(session, 5, 6, 7));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(4)]
    public void A_fixed_batch_is_filled_up_and_only_the_items_are_read(int items)
    {
        using var session = Open(batch: 4, cast: null);
        Assert.Equal(4, session.FixedBatch);
        byte[] values = [200, 201, 202, 203];
        Run(session, values); // leaves its values in the buffer
        Assert.Equal(values[..items].Select(value => new[] { (float)value, value }), Run(session, values[..items]));
    }

    [Theory]
    [InlineData(10)] // float16
    [InlineData(11)] // double
    public void Every_floating_point_type_is_read_as_float(int type)
    {
        using var session = Open(batch: "N", cast: type);
        Assert.Equal([[5f, 5], [255, 255]], Run(session, 5, 255));
    }

    [Theory]
    [InlineData(2)] // uint8
    [InlineData(6)] // int32
    [InlineData(7)] // int64
    public void Every_integer_type_is_read_as_long(int type)
    {
        using var session = Open(batch: "N", cast: type);
        var outputs = session.Run(0, [Item(session, 5), Item(session, 100)], TestContext.Current.CancellationToken);
        Assert.Equal([100L, 100], new ModelOutputs(outputs, 1).Integers(0).ToArray());
        Assert.False(new ModelOutputs(outputs, 1).IsFloat(0));
        Assert.Throws<InvalidOperationException>(() => new ModelOutputs(outputs, 1).Floats(0).ToArray());
        outputs.Release();
        outputs.Release();
    }

    [Fact]
    public void Bytes_signed_and_truth_values_are_integers_too()
    {
        foreach (var (type, expected) in new[] { (3, 5L), (9, 1L) })
        {
            using var session = Open(batch: "N", cast: type);
            var outputs = session.Run(0, [Item(session, 5)], TestContext.Current.CancellationToken);
            Assert.Equal([expected, expected], new ModelOutputs(outputs, 0).Integers(0).ToArray());
            outputs.Release();
        }
    }

    [Fact]
    public void A_view_knows_names_and_shapes_of_one_item()
    {
        using var session = Open(batch: "N", cast: null);
        var outputs = session.Run(0, [Item(session, 1), Item(session, 2)], TestContext.Current.CancellationToken);
        var view = new ModelOutputs(outputs, 1);
        Assert.Equal((1, "scores", true), (view.Count, view.Name(0), view.IsFloat(0)));
        Assert.Equal([1L, 2], view.Shape(0).ToArray());
        outputs.Release();
        outputs.Release();
    }

    [Fact]
    public void A_probe_tells_the_shapes_of_one_item()
    {
        using var session = Open(batch: 4, cast: null);
        var output = Assert.Single(session.Probe(OnePixel));
        Assert.Equal(("scores", true), (output.Name, output.IsFloat));
        Assert.Equal([1L, 2], output.Shape);
    }

    [Fact]
    public void An_output_without_a_batch_axis_is_refused_for_several_items()
    {
        using var session = new ModelSession(Bytes(TinyModels.OneRowForAll()), new SessionOptions(), runners: 1);
        Assert.Throws<InvalidOperationException>(() => session.Run(0, [Colored(), Colored()], TestContext.Current.CancellationToken));

        ModelItem Colored() => new(session, new ModelInput(3, 4, 4));
    }

    [Fact]
    public void Each_input_of_a_session_gets_its_own_rows()
    {
        var g = new GraphBuilder(opset: 13);
        var (x, index) = (g.Input("x", ElementType.Float, "N", 2), g.Input("index", ElementType.Int64, "N"));
        g.Output("sum", g.Add(x, g.Node("Unsqueeze", [g.Node("Cast", [index], ("to", 1)), g.Constant([1L])])));
        using var session = new ModelSession(g.Build().ToBytes(), new SessionOptions(), runners: 1);

        var outputs = session.Run(0, [Row(1, 2, 10), Row(3, 4, 20)], TestContext.Current.CancellationToken);

        Assert.Equal([11, 12], new ModelOutputs(outputs, 0).Floats(0).ToArray());
        Assert.Equal([23, 24], new ModelOutputs(outputs, 1).Floats(0).ToArray());
        outputs.Release();
        outputs.Release();

        ModelItem Row(float a, float b, long index)
        {
            var item = new ModelItem(session, new(TensorElementType.Float, 2), new(TensorElementType.Int64));
            (item.Elements<float>(0)[0], item.Elements<float>(0)[1], item.Elements<long>(1)[0]) = (a, b, index);
            return item;
        }
    }

    [Fact]
    public void Rows_that_depend_on_their_batch_are_noticed()
    {
        using var alone = new ModelSession(Bytes(TinyModels.Colors()), new SessionOptions(), runners: 1);
        Assert.True(BatchProbe.RowsAreIndependent(alone, new ModelInput(3, 4, 4)));
        using var mixed = new ModelSession(Bytes(TinyModels.OneRowForAll()), new SessionOptions(), runners: 1);
        Assert.False(BatchProbe.RowsAreIndependent(mixed, new ModelInput(3, 4, 4)));
    }

    /// <summary>The value of the one pixel, twice, in any type.</summary>
    private static ModelSession Open(Dimension batch, int? cast)
    {
        var g = new GraphBuilder(opset: 13);
        var x = g.Flatten(g.Node("Cast", [g.Input("pixels", ElementType.UInt8, batch, 1, 1, 1)], ("to", 1)));
        var twice = g.Concat(1, x, x);
        var output = cast is { } type ? g.Node("Cast", [twice], ("to", type)) : twice;
        return new ModelSession(
            g.Output("scores", output, (ElementType)(cast ?? 1)).Build().ToBytes(), new SessionOptions(), runners: 1);
    }

    private static byte[] Bytes(Graph graph)
    {
        InputNormalization.Fuse(graph, "pixels", new PixelNormalization());
        return graph.ToBytes();
    }

    private static ModelItem Item(ModelSession session, byte value)
    {
        var item = new ModelItem(session, OnePixel);
        item.Planes[0] = value;
        return item;
    }

    private static float[][] Run(ModelSession session, params byte[] values)
    {
        var outputs = session.Run(0, [.. values.Select(value => Item(session, value))], TestContext.Current.CancellationToken);
        var rows = new float[values.Length][];
        for (var i = 0; i < rows.Length; i++)
        {
            rows[i] = new ModelOutputs(outputs, i).Floats(0).ToArray();
        }

        Array.ForEach(rows, _ => outputs.Release());
        return rows;
    }
}
