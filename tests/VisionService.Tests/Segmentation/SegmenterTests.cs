using System.Net;
using Microsoft.ML.OnnxRuntime;
using OnnxGraph;
using VisionService.Imaging;
using VisionService.Segmentation;
using VisionService.Tests.Detection;
using VisionService.Tests.Imaging;
using PngEncoder = SixLabors.ImageSharp.Formats.Png.PngEncoder;

namespace VisionService.Tests.Segmentation;

public sealed class SegmenterTests
{
    [Fact]
    public async Task The_textbook_encoder_decoder_gives_the_best_class_of_each_pixel() =>
        await AssertServedAsync(SegmentationModels.EncoderDecoder(), 3, 200, 200);

    [Fact]
    public async Task A_fully_convolutional_net_with_skip_connections_gives_the_best_class_of_each_pixel() =>
        await AssertServedAsync(SegmentationModels.SkipConnections(), 5, 96, 96);

    [Theory]
    [InlineData("unet_op11_folded")]
    [InlineData("unet_op13_bn")]
    [InlineData("unet_op17_folded")]
    public async Task The_reference_UNet_gives_the_best_class_of_each_pixel(string file) =>
        await AssertServedAsync(Graph.Load(SharedFiles.Path($"explain/unet/{file}.onnx")), null, 64, 48);

    [Fact]
    public void Twelve_megapixels_and_twenty_one_classes_need_little_memory()
    {
        const int Classes = 21, Cells = 65;
        var scores = Scores.Smooth(Classes, Cells, Cells, seed: 3);
        var geometry = new InputGeometry(520, 520, ResizeMode.Stretch);
        var segmenter = new Segmenter(geometry, 3, new OutputReading(SegmentationForm.Scores, 0), background: 0, null);
        long Measure(int width, int height)
        {
            using var photo = new RgbImage(width, height);
            using var tensors = new OutputTensors().Add("scores", [1, Classes, Cells, Cells], scores);
            var outputs = tensors.Read();
            var request = new SegmentRequest(photo, null, null, null, 100);
            var before = GC.GetAllocatedBytesForCurrentThread();
            var result = segmenter.Postprocess(request, outputs);
            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.Equal((long)width * height, result.Map!.CountPixels(Classes).Sum());
            return allocated;
        }

        // The map itself is 24 MB.
        Measure(40, 30);
        Assert.InRange(Measure(4000, 3000), 24_000_000, 40_000_000);
    }

    /// <summary>Sends noise of the network's own size and holds the map against ONNX Runtime's own scores.</summary>
    private static async Task AssertServedAsync(Graph graph, int? classes, int width, int height)
    {
        using var photo = Encoded.Scene(width, height);
        using var folder = new ModelFolder().Add(
            "model", graph, $"{{task: segment, input: {{preset: unit, size: [{width}, {height}], resize: stretch}}}}");
        await using var service = await TestService.StartAsync([folder.Path], null);
        var answer = await service.PostAsync("/segment?mask=png", Encoded.Encode(photo, new PngEncoder()));
        var mask = answer.MustBe(HttpStatusCode.OK).Json.GetProperty("mask").GetProperty("png").GetBytesFromBase64();
        var map = new LabelMap(width, height);
        PngValues.Read(mask).Values.CopyTo(map.Ids, 0);

        var placement = new InputGeometry(width, height, ResizeMode.Stretch).Place(width, height);
        var (scores, shape) = Run(folder.File("model/model.onnx"), photo);
        Assert.Equal(classes ?? shape[1], shape[1]);
        Assert.True(map.Ids.Distinct().Count() > 1, "One class everywhere shows nothing.");
        Scores.AssertBest(scores, (int)shape[1], (int)shape[2], (int)shape[3], placement, map);
    }

    private static (float[] Scores, long[] Shape) Run(string file, RgbImage photo)
    {
        using var session = new InferenceSession(file);
        var area = photo.Width * photo.Height;
        var batch = Math.Max(1, session.InputMetadata.Values.First().Dimensions[0]);
        var values = new float[batch * 3 * area];
        for (var i = 0; i < 3 * area; i++)
        {
            values[i] = photo.Pixels[(i % area * 3) + (i / area)] / 255f;
        }

        using var input = OrtValue.CreateTensorValueFromMemory(values, [batch, 3, photo.Height, photo.Width]);
        using var options = new RunOptions();
        using var outputs = session.Run(options, [session.InputNames[0]], [input], session.OutputNames);
        var shape = outputs[0].GetTensorTypeAndShape().Shape;
        var length = (int)(shape[1] * shape[2] * shape[3]);
        return (outputs[0].GetTensorDataAsSpan<float>()[..length].ToArray(), shape);
    }
}
