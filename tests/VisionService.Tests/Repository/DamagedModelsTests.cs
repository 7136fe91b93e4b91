using System.Globalization;
using System.Net;
using OnnxGraph;
using VisionService.Tests.Detection;
using VisionService.Tests.Segmentation;

namespace VisionService.Tests.Repository;

/// <summary>Models with flipped bytes, cut off, put together from two, or with a field that is wrong.</summary>
public class DamagedModelsTests
{
    private const int Usual = 500;

    /// <summary>The environment's <c>VISION_FUZZ</c> asks for more or fewer; the same seeds come first.</summary>
    private static int Count => int.Parse(
        Environment.GetEnvironmentVariable("VISION_FUZZ") ?? $"{Usual}", CultureInfo.InvariantCulture);

    [Fact]
    public async Task A_damaged_model_is_ready_or_says_why_not()
    {
        var sources = Sources();
        var models = ModelFolder.WithColors("whole");
        for (var seed = 0; seed < Count; seed++)
        {
            var random = new Random(seed);
            var name = $"m{seed:000}";
            models.Add(name, null, seed % 3 == 0 ? "input: {preset: unit}" : null);
            var source = sources[random.Next(sources.Count)];
            await File.WriteAllBytesAsync(
                models.File($"{name}/model.onnx"),
                Damage(source.Model, sources, random),
                TestContext.Current.CancellationToken);
            if (source.Data is not null)
            {
                await File.WriteAllBytesAsync(
                    models.File($"{name}/model.onnx.data"),
                    random.Next(2) == 0 ? source.Data : source.Data[..random.Next(source.Data.Length)],
                    TestContext.Current.CancellationToken);
            }
        }

        await using var service = await TestService.StartAsync(
            models, "--Repository:TrialLoads", "true", "--Repository:LoadTimeout", "00:00:10");
        var wrong = new List<string>();
        foreach (var entry in service.Models.Entries)
        {
            var answer = (await service.GetAsync($"/models/{entry.Name}")).MustBe(HttpStatusCode.OK).Json;
            var isReady = answer.GetProperty("state").GetString() == "ready";
            var problem = entry.Problem ?? "";
            TestContext.Current.SendDiagnosticMessage($"{entry.Name} {entry.State}: {problem.Split('\n')[0]}");
            if (isReady ? problem != "" : problem == "" || problem.StartsWith("an internal error", StringComparison.Ordinal))
            {
                wrong.Add($"{entry.Name} {entry.State}: {problem}");
            }
        }

        Assert.Empty(wrong);
        Assert.Equal("red .8", (await service.PostAsync("/classify?model=whole&top_k=1", Photos.Red)).Predictions);
    }

    private static byte[] Damage(byte[] model, List<(byte[] Model, byte[]? Data)> others, Random random)
    {
        switch (random.Next(8))
        {
            case 0:
                return model[..random.Next(model.Length)];
            case 1:
                var other = others[random.Next(others.Count)].Model;
                return [.. model[..random.Next(model.Length)], .. other[random.Next(other.Length)..]];
            case 2 or 3:
                var damaged = (byte[])model.Clone();
                for (var flips = random.Next(1, 9); flips > 0; flips--)
                {
                    damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
                }

                return damaged;
            default:
                // Most of the above is no protobuf any more; this always is.
                var message = new ProtobufTree(model);
                for (var changes = random.Next(1, 5); changes > 0; changes--)
                {
                    message.Change(random);
                }

                return message.ToBytes();
        }
    }

    private static List<(byte[] Model, byte[]? Data)> Sources()
    {
        using var folder = new ModelFolder();
        var sources = new Graph[]
        {
            TinyModels.Colors(),
            TinyModels.Colors(batch: 1, softmax: true),
            TinyModels.Slow(2), // which has a body
            TinyModels.FeatureMap(),
            TinyModels.ColorsInterleaved(),
            TinyDetectors.Fixed((0, 0.9f, 8, 8, 24, 24), (1, 0.8f, 30, 30, 60, 60)),
            TinyDetectors.Colors(16, 16).Build(),
            TinyDetectors.Spots(),
            SegmentationModels.Yolo(),
            SegmentationModels.Indices(),
            Quantized(),
        }.Select(static graph => (graph.ToBytes(), (byte[]?)null)).ToList();
        TinyModels.Colors().Save(folder.File("model.onnx"), maxFileBytes: 1);
        sources.Add((File.ReadAllBytes(folder.File("model.onnx")), File.ReadAllBytes(folder.File("model.onnx.data"))));
        TinyDetectors.Fixed([.. Enumerable.Range(0, 64).Select(static i => (i % 3, 0.5f, i, i, i + 9f, i + 9f))])
            .Save(folder.File("model.onnx"), maxFileBytes: 1);
        sources.Add((File.ReadAllBytes(folder.File("model.onnx")), File.ReadAllBytes(folder.File("model.onnx.data"))));
        foreach (var real in new[]
        {
            "mnist-8", "superres-subpixel-cnn-zoo", "yunet_n_dynamic", "selfie-segmentation-landscape",
        })
        {
            var path = Path.Combine(Checkout.Root, "..", "shared", "data", "models", $"{real}.onnx");
            if (File.Exists(path))
            {
                sources.Add((File.ReadAllBytes(path), null));
            }
        }

        return sources;
    }

    /// <summary>The means of the channels through bytes and back.</summary>
    private static Graph Quantized()
    {
        var g = new GraphBuilder(opset: 13);
        var x = g.Input("pixels", ElementType.Float, "N", 3, 4, 4);
        string[] scale = [g.Constant(Tensor.Scalar(1 / 255f)), g.Constant(Tensor.Of(new byte[] { 0 }, 1))];
        scale[1] = g.Reshape(scale[1]);
        var bytes = g.Node("QuantizeLinear", [x, .. scale]);
        return g.Output("scores", TinyModels.Means(g, g.Node("DequantizeLinear", [bytes, .. scale]), 1)).Build();
    }
}
