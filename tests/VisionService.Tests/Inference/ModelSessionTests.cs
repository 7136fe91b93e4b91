using System.Collections;
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
        var outputs = session.Run(0, [Item(session, 5), Item(session, 100)], Stop);
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
            var outputs = session.Run(0, [Item(session, 5)], Stop);
            Assert.Equal([expected, expected], new ModelOutputs(outputs, 0).Integers(0).ToArray());
            outputs.Release();
        }
    }

    [Fact]
    public void A_view_knows_names_and_shapes_of_one_item()
    {
        using var session = Open(batch: "N", cast: null);
        var outputs = session.Run(0, [Item(session, 1), Item(session, 2)], Stop);
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
        Assert.Throws<InvalidOperationException>(() => session.Run(0, [Colored(), Colored()], Stop));

        ModelItem Colored() => new(session, new ModelInput(3, 4, 4));
    }

    [Fact]
    public void Each_input_of_a_session_gets_its_own_rows()
    {
        var g = new GraphBuilder(opset: 13);
        var (x, index) = (g.Input("x", ElementType.Float, "N", 2), g.Input("index", ElementType.Int64, "N"));
        g.Output("sum", g.Add(x, g.Node("Unsqueeze", [g.Node("Cast", [index], ("to", 1)), g.Constant([1L])])));
        using var session = new ModelSession(g.Build().ToBytes(), new SessionOptions(), runners: 1);

        var outputs = session.Run(0, [Row(1, 2, 10), Row(3, 4, 20)], Stop);

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

    [Fact]
    public void Runners_take_the_devices_in_turn()
    {
        using var session = OnDevices(Pixels(), runners: 5, InferenceDevice.Cpu, InferenceDevice.Cpu);
        Assert.Equal([0, 1, 0, 1, 0], Enumerable.Range(0, 5).Select(session.DeviceOf));
        foreach (var runner in Enumerable.Range(0, 5))
        {
            Assert.Equal([[(float)runner, runner]], Run(session, runner, [(byte)runner]));
        }
    }

    [Fact]
    public void A_device_that_cannot_be_opened_closes_those_before_it()
    {
        ClosingSession? first = null;
        Assert.Throws<OnnxRuntimeException>(() => new ModelSession(
            [InferenceDevice.Cpu, InferenceDevice.Cpu],
            _ => first is null ? first = new ClosingSession(Pixels()) : new InferenceSession(new byte[] { 1, 2, 3 }),
            runners: 1));
        Assert.True(first!.IsClosed);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 4)]
    [InlineData(5, 6)]
    [InlineData(7, 7)]
    public void A_batch_is_padded_to_its_size_and_the_padding_is_never_seen(int items, int size)
    {
        using var session = new ModelSession(RowCount(), new SessionOptions(), runners: 1, padUpTo: 6);
        byte[] values = [200, 201, 202, 203, 204, 205, 206];
        Run(session, values); // leaves its values in the buffer
        var expected = values[..items].Select(value => new[] { value, (float)size });
        Assert.Equal(expected, Run(session, values[..items]));
    }

    [Fact]
    public void A_padded_batch_answers_as_each_item_alone()
    {
        using var padded = new ModelSession(Bytes(TinyModels.Colors()), new SessionOptions(), runners: 1, padUpTo: 8);
        Assert.True(BatchProbe.RowsAreIndependent(padded, new ModelInput(3, 4, 4)));
    }

    [Fact]
    public void Items_of_other_sizes_are_padded_in_the_same_buffers()
    {
        using var session = new ModelSession(Sums(), new SessionOptions(), runners: 1, padUpTo: 8);
        Assert.Equal([9f * 7, 9 * 8, 9 * 9], Sum(new ModelInput(1, 3, 3), 7, 8, 9));
        Assert.Equal([2f * 1, 2 * 2, 2 * 3, 2 * 4, 2 * 5], Sum(new ModelInput(1, 1, 2), 1, 2, 3, 4, 5));
        Assert.Equal([9f * 4, 9 * 5], Sum(new ModelInput(1, 3, 3), 4, 5));

        float[] Sum(ModelInput shape, params byte[] values)
        {
            var outputs = session.Run(0, [.. values.Select(value => Filled(session, shape, value))], Stop);
            var sums = values.Select((_, i) => new ModelOutputs(outputs, i).Floats(0)[0]).ToArray();
            Array.ForEach(values, _ => outputs.Release());
            return sums;
        }
    }

    [Fact]
    public void A_whole_item_is_never_padded()
    {
        using var session = new ModelSession(
            [InferenceDevice.Cpu], _ => new InferenceSession(RowCount()), runners: 1, padUpTo: 8, isRaw: true);
        var shape = new TensorShape(TensorElementType.UInt8, 3, 1, 1, 1);
        using var whole = new ModelItem(session, shape) { IsWhole = true };
        ((byte[])[7, 8, 9]).CopyTo(whole.Bytes(0));
        var outputs = session.Run(0, [whole], Stop);
        Assert.Equal([7f, 3, 8, 3, 9, 3], new ModelOutputs(outputs, 0).Floats(0).ToArray());
        outputs.Release();
    }

    [Fact]
    public void Warming_up_runs_every_size_and_leaves_the_session_usable()
    {
        using var session = OnDevices(RowCount(), runners: 4, InferenceDevice.Cpu, InferenceDevice.Cpu);
        session.WarmUp(OnePixel, 6);
        Assert.Equal([[5f, 4], [6, 4], [7, 4]], Run(session, 3, [5, 6, 7]));
    }

    [Fact]
    public void Memory_of_the_device_takes_inputs_and_outputs_of_run_after_run()
    {
        // The CPU's own allocator goes the way of page-locked memory.
        using var session = OnDevices(RowCount(), runners: 2, InferenceDevice.Cpu with { BufferAllocator = "Cpu" });
        Assert.True(session.HasDeviceBuffers);
        var first = session.Run(0, [Item(session, 1), Item(session, 2)], Stop);
        Assert.Equal([[3f, 4], [4, 4], [5, 4]], Run(session, 0, [3, 4, 5])); // grows the buffers
        Assert.Equal([[6f, 1]], Run(session, 0, [6]));
        Assert.Equal([[7f, 1]], Run(session, 1, [7]));
        Assert.Equal([2f, 2], new ModelOutputs(first, 1).Floats(0).ToArray()); // still those of its own run
        first.Release();
        first.Release();
    }

    [Fact]
    public void Texts_come_back_where_outputs_lie_in_memory_of_the_device()
    {
        var g = new GraphBuilder(opset: 13);
        var x = g.Input("texts", (ElementType)8, "N");
        g.Output("same", g.Node("Identity", [x]), (ElementType)8);
        var model = g.Build().ToBytes();
        using var session = new ModelSession(
            [InferenceDevice.Cpu with { BufferAllocator = "Cpu" }],
            _ => new InferenceSession(model),
            runners: 1,
            isRaw: true);
        using var item = new ModelItem(session, new TensorShape(TensorElementType.String, 2)) { IsWhole = true };
        item.SetTexts(0, ["a"u8.ToArray(), "bc"u8.ToArray()]);

        var outputs = session.Run(0, [item], Stop);

        Assert.Equal(["a", "bc"], outputs.Outputs[0].Texts(0).ToArray());
        outputs.Release();
    }

    [Fact]
    public void Memory_that_the_provider_lacks_is_done_without()
    {
        using var session = OnDevices(RowCount(), runners: 1, new InferenceDevice("CUDA 0", 0));
        Assert.False(session.HasDeviceBuffers);
        Assert.Equal([[5f, 2], [6, 2]], Run(session, 5, 6));
    }

    [Fact]
    public async Task A_run_is_ended_by_its_token_and_the_next_one_runs()
    {
        // Some ten seconds of products, unless it is ended.
        using var session = new ModelSession(Bytes(TinyModels.Slow(rounds: 100_000)), new SessionOptions(), runners: 1);
        using var cancellation = new CancellationTokenSource();
        using var item = Filled(session, new ModelInput(3, 4, 4), 255);
        using var items = new WatchedItems(item);

        var run = Task.Run(() => session.Run(0, items, cancellation.Token), Stop);
        items.WaitUntilGathered();
        items.MayGoOn();
        await cancellation.CancelAsync();

        var cancelled = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
        Assert.Equal(cancellation.Token, cancelled.CancellationToken);
        Assert.IsType<OnnxRuntimeException>(cancelled.InnerException); // it did not end before it began
        item.Planes.Clear();
        session.Run(0, [item], Stop).Release();
    }

    [Fact]
    public void A_token_that_has_fired_begins_no_run()
    {
        using var session = Open(batch: "N", cast: null);
        var fired = new CancellationToken(canceled: true);
        var cancelled = Assert.Throws<OperationCanceledException>(() => session.Run(0, [Item(session, 5)], fired));
        Assert.Null(cancelled.InnerException);
    }

    [Fact]
    public async Task A_token_that_fires_after_its_run_ends_no_other()
    {
        using var session = Open(batch: "N", cast: null);
        using var cancellation = new CancellationTokenSource();
        var outputs = session.Run(0, [Item(session, 5)], cancellation.Token);
        await cancellation.CancelAsync();
        Assert.Equal([5f, 5], new ModelOutputs(outputs, 0).Floats(0).ToArray());
        outputs.Release();
        Assert.Equal([[6f, 6]], Run(session, 6));
    }

    [Fact]
    public async Task A_session_that_is_closed_ends_its_runs_well_and_begins_none()
    {
        var session = Open(batch: "N", cast: null);
        using var item = Item(session, 5);
        using var items = new WatchedItems(item);
        var run = Task.Run(() => session.Run(0, items, Stop), Stop);
        items.WaitUntilGathered();

        session.Dispose();
        session.Dispose();

        Assert.Throws<ObjectDisposedException>(() => session.Run(0, [item], Stop));
        items.MayGoOn();
        var outputs = await run;
        Assert.Equal([5f, 5], new ModelOutputs(outputs, 0).Floats(0).ToArray());
        outputs.Release();
        Assert.Throws<ObjectDisposedException>(() => session.Run(0, [item], Stop));
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static ModelSession OnDevices(byte[] model, int runners, params InferenceDevice[] devices) =>
        new(devices, _ => new InferenceSession(model), runners, padUpTo: 8);

    private static byte[] Pixels()
    {
        var g = new GraphBuilder(opset: 13);
        var x = g.Flatten(g.Node("Cast", [g.Input("pixels", ElementType.UInt8, "N", 1, 1, 1)], ("to", 1)));
        return g.Output("scores", g.Concat(1, x, x)).Build().ToBytes();
    }

    /// <summary>The value of the one pixel, and how many rows the run had.</summary>
    private static byte[] RowCount()
    {
        var g = new GraphBuilder(opset: 13);
        var x = g.Flatten(g.Node("Cast", [g.Input("pixels", ElementType.UInt8, "N", 1, 1, 1)], ("to", 1)));
        var rows = g.Node("Cast", [g.Node("Gather", [g.Node("Shape", [x]), g.Constant([0L])])], ("to", 1));
        var counts = g.Add(g.Mul(x, g.Constant([0f])), rows);
        return g.Output("scores", g.Concat(1, x, counts)).Build().ToBytes();
    }

    /// <summary>The sum of all pixels, for images of any size.</summary>
    private static byte[] Sums()
    {
        var g = new GraphBuilder(opset: 13);
        var x = g.Node("Cast", [g.Input("pixels", ElementType.UInt8, "N", 1, "H", "W")], ("to", 1));
        return g.Output("sum", g.Node("ReduceSum", [x, g.Constant([1L, 2, 3])], ("keepdims", 0))).Build().ToBytes();
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

    private static ModelItem Filled(ModelSession session, ModelInput shape, byte value)
    {
        var item = new ModelItem(session, shape);
        item.Planes.Fill(value);
        return item;
    }

    private static float[][] Run(ModelSession session, params byte[] values) => Run(session, 0, values);

    private static float[][] Run(ModelSession session, int runner, byte[] values)
    {
        var outputs = session.Run(runner, [.. values.Select(value => Item(session, value))], Stop);
        var rows = new float[values.Length][];
        for (var i = 0; i < rows.Length; i++)
        {
            rows[i] = new ModelOutputs(outputs, i).Floats(0).ToArray();
        }

        Array.ForEach(rows, _ => outputs.Release());
        return rows;
    }

    private sealed class ClosingSession(byte[] model) : InferenceSession(model)
    {
        public bool IsClosed { get; private set; }

        protected override void Dispose(bool disposing)
        {
            IsClosed = true;
            base.Dispose(disposing);
        }
    }

    /// <summary>One item; stops the run that reads it until it may go on.</summary>
    private sealed class WatchedItems(ModelItem item) : IReadOnlyList<ModelItem>, IDisposable
    {
        private readonly ManualResetEventSlim _isGathered = new();
        private readonly ManualResetEventSlim _mayGoOn = new();

        public int Count => 1;

        public ModelItem this[int index]
        {
            get
            {
                _isGathered.Set();
                _mayGoOn.Wait(Stop);
                return item;
            }
        }

        public void WaitUntilGathered() => _isGathered.Wait(Stop);

        public void MayGoOn() => _mayGoOn.Set();

        public IEnumerator<ModelItem> GetEnumerator() => Enumerable.Repeat(item, 1).GetEnumerator();

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

        public void Dispose()
        {
            _isGathered.Dispose();
            _mayGoOn.Dispose();
        }
    }
}
