namespace OnnxGraph.Tests;

public class InputNormalizationTests
{
    private static readonly PixelNormalization ImageNet = new()
    {
        Scale = 1 / 255f,
        Mean = [0.485f, 0.456f, 0.406f],
        Std = [0.229f, 0.224f, 0.225f],
    };

    [Fact]
    public void Bytes_are_scaled_shifted_and_divided_per_channel()
    {
        var graph = Passing(13, 1, 3, 1, 1);
        InputNormalization.Fuse(graph, "x", new() { Scale = 0.5f, Mean = [1, 2, 3], Std = [1, 2, 4] });
        Assert.Equal(ElementType.UInt8, graph.Inputs.Single().Type);
        Assert.Equal([4f, 4f, 3f], Run(graph, [10, 20, 30]));                   // (5-1)/1, (10-2)/2, (15-3)/4
    }

    [Fact]
    public void Bgr_takes_mean_and_std_in_its_own_order()
    {
        var graph = Passing(13, 1, 3, 1, 1);
        InputNormalization.Fuse(graph, "x", new() { Order = ChannelOrder.Bgr, Mean = [1, 2, 3] });
        Assert.Equal([29f, 18f, 7f], Run(graph, [10, 20, 30]));                 // blue 30-1, green 20-2, red 10-3
    }

    [Fact]
    public void Inverted_bytes_are_turned_before_all_else()
    {
        var graph = Passing(13, 1, 1, 1, 2);
        InputNormalization.Fuse(graph, "x", new() { Invert = true, Scale = 0.5f, Mean = [1] });
        Assert.Equal([126.5f, -1f], Run(graph, [0, 255]));                      // 255/2 - 1, 0/2 - 1
    }

    [Fact]
    public void An_identity_adds_nothing_but_the_cast()
    {
        var graph = Passing(13, "N", 3, "H", "W");
        InputNormalization.Fuse(graph, "x", new());
        Assert.Equal(["Cast", "Identity"], graph.Nodes.Select(node => node.OpType));
        Assert.Equal("x: UInt8 [N, 3, H, W]", graph.Inputs.Single().ToString());
    }

    [Theory]
    [InlineData(7)]
    [InlineData(12)]
    [InlineData(13)]
    [InlineData(17)]
    public void An_interleaved_picture_without_batch_axis_works_in_every_opset(int opset)
    {
        var graph = Passing(opset, 1, 2, 3);                                    // [H, W, C]
        InputNormalization.Fuse(graph, "x", new() { Scale = 2 });
        Assert.Equal("x: UInt8 [1, 3, 1, 2]", graph.Inputs.Single().ToString());
        Assert.Equal([2f, 6f, 10f, 4f, 8f, 12f], Run(graph, [1, 2, 3, 4, 5, 6]));
    }

    [Fact]
    public void An_input_of_bytes_only_changes_order_and_layout()
    {
        var g = new GraphBuilder(13);
        g.Output("y", g.Node("Identity", [g.Input("x", ElementType.UInt8, 1, 1, 2, 3)]), ElementType.UInt8);
        var graph = g.Build();
        InputNormalization.Fuse(graph, "x", ImageNet with { Order = ChannelOrder.Bgr });
        Assert.Equal([5f, 3f, 1f, 6f, 4f, 2f], Run(graph, [1, 2, 3, 4, 5, 6]));
    }

    [Fact]
    public void What_is_no_picture_is_refused()
    {
        var error = Assert.Throws<OnnxGraphException>(() => InputNormalization.Fuse(Passing(13, 1, 80), "x", ImageNet));
        Assert.Contains("no picture", error.Message, StringComparison.Ordinal);
        error = Assert.Throws<OnnxGraphException>(() => InputNormalization.Fuse(Passing(13, 1, 4, 8, 8), "x", ImageNet));
        Assert.Contains("4 channels", error.Message, StringComparison.Ordinal);
        error = Assert.Throws<OnnxGraphException>(() => InputNormalization.Fuse(Passing(13, 1, 3, 8, 8), "z", ImageNet));
        Assert.Contains("no input 'z'", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mobilenetv2-int8-static-d.onnx", "imagenet")]
    [InlineData("squeezenet1.0-fp16-winml.onnx", "caffe")]
    [InlineData("resnet20-onnc.onnx", "imagenet")]
    [InlineData("deeplabv3-mobilenetv2-voc.onnx", "tf")]
    [InlineData("road-segmentation-adas-0001.onnx", "bgr")]
    [InlineData("selfie-segmentation-landscape.onnx", "unit")]
    [InlineData("mnist-8.onnx", "invert")]
    [InlineData("superres-subpixel-cnn-zoo.onnx", "unit")]
    [InlineData("yunet_n_dynamic.onnx", "bgr")]
    [InlineData("ultraface-version-RFB-640.onnx", "tf")]
    [InlineData("yolox-nano-kazuhito.onnx", "bgr")]
    [InlineData("nanodet-m-416.onnx", "caffe")]
    [InlineData("style-mosaic-winml.onnx", "bgr")]
    public void A_real_model_answers_bytes_as_it_answered_floats(string file, string family)
    {
        var normalization = family switch
        {
            "imagenet" => ImageNet,
            "caffe" => new() { Order = ChannelOrder.Bgr, Mean = [103.939f, 116.779f, 123.68f] },
            "tf" => new() { Scale = 1 / 127.5f, Mean = [1] },
            "bgr" => new() { Order = ChannelOrder.Bgr },
            "unit" => new() { Scale = 1 / 255f },
            _ => new PixelNormalization { Invert = true },
        };
        var original = Graph.Load(RealModels.Path(file));
        var input = original.Inputs[0];
        var shape = input.Shape!.Select((dimension, axis) => dimension.Size ?? (axis == 0 ? 1 : 64)).ToArray();
        var rewritten = original.Clone();
        InputNormalization.Fuse(rewritten, input.Name, normalization);
        var planes = rewritten.Inputs[0].Shape!.Select((dimension, axis) => dimension.Size ?? (axis == 0 ? 1 : 64)).ToArray();
        var bytes = new byte[planes.Aggregate(1L, (product, size) => product * size)];
        new Random(1).NextBytes(bytes);

        var floats = Normalize(bytes, planes, interleaved: shape[1] != planes[1], normalization);
        var expected = Onnx.Run(original, input.Type == ElementType.Float16
            ? Onnx.Array.Of(input.Type, Array.ConvertAll(floats, value => (Half)value), shape)
            : Onnx.Array.Of(floats, shape));
        var actual = Onnx.Run(rewritten, Onnx.Array.Of(bytes, planes));

        var tolerance = input.Type == ElementType.Float16 ? 1e-2 : 1e-5;
        for (var output = 0; output < expected.Length; output++)
        {
            var scale = Math.Max(1, expected[output].Floats.Max(Math.Abs));
            var error = expected[output].Floats.Zip(actual[output].Floats, (a, b) => Math.Abs(a - b)).Max() / scale;
            Assert.True(error <= tolerance, $"output {output} differs by {error}, relative to the largest value {scale}");
        }
    }

    private static Graph Passing(int opset, params Dimension[] shape)
    {
        var g = new GraphBuilder(opset);
        g.Output("y", g.Node("Identity", [g.Input("x", ElementType.Float, shape)]));
        return g.Build();
    }

    private static float[] Run(Graph graph, byte[] bytes) =>
        Onnx.Run(graph, Onnx.Array.Of(bytes, [.. graph.Inputs[0].Shape!.Select(dimension => dimension.Size!.Value)]))[0].Floats;

    /// <summary>The plain way, pixel by pixel, from RGB planes to what the model was made for.</summary>
    private static float[] Normalize(byte[] planes, long[] shape, bool interleaved, PixelNormalization normalization)
    {
        var (channels, area) = ((int)shape[1], (int)(shape[2] * shape[3]));
        var result = new float[planes.Length];
        for (var channel = 0; channel < channels; channel++)
        {
            var source = channels == 3 && normalization.Order == ChannelOrder.Bgr ? 2 - channel : channel;
            for (var i = 0; i < area; i++)
            {
                float pixel = planes[(source * area) + i];
                pixel = normalization.Invert ? 255 - pixel : pixel;
                var mean = normalization.Mean[normalization.Mean.Count == 1 ? 0 : channel];
                var std = normalization.Std[normalization.Std.Count == 1 ? 0 : channel];
                result[interleaved ? (i * channels) + channel : (channel * area) + i] =
                    ((pixel * normalization.Scale) - mean) / std;
            }
        }

        return result;
    }
}
