using System.Net;
using System.Text.Json;
using SixLabors.ImageSharp.PixelFormats;
using VisionService.Imaging;

namespace VisionService.Tests.Models;

/// <summary>The way from photos to a served model: two epochs of each script, on a few frames.</summary>
[Trait("Category", "Slow")]
public sealed class TrainingTests : IDisposable
{
    private static readonly string[] CifarClasses = File.ReadAllLines(Path.Combine(Checkout.Root, "models", "cifar10-resnet20", "labels.txt"));

    private readonly string _work = Directory.CreateTempSubdirectory("vision-train-").FullName;

    public void Dispose() => Directory.Delete(_work, recursive: true);

    [Fact]
    public async Task The_classifier_trains_again_and_an_interruption_changes_nothing()
    {
        // Ten classes of thirteen drawn photos: one batch, which is one step an epoch.
        foreach (var (split, count) in new[] { ("train", 13), ("test", 1) })
        {
            for (var i = 0; i < CifarClasses.Length * count; i++)
            {
                var folder = Directory.CreateDirectory(Path.Combine(_work, "cifar", split, CifarClasses[i % CifarClasses.Length]));
                var color = new Rgb24((byte)(i * 25), (byte)(i * 7), (byte)(255 - i));
                await File.WriteAllBytesAsync(
                    Path.Combine(folder.FullName, $"{i}.png"), Photos.Of(color, width: 32, height: 32), TestContext.Current.CancellationToken);
            }
        }

        await MustResumeAsync("cifar10_resnet20.py", "cifar10-resnet20", Path.Combine(_work, "cifar"));
        await MustAnswerAsync("cifar10-resnet20", "classify", Photos.Of(new Rgb24(9, 9, 9), width: 32, height: 32));
    }

    [Fact]
    public async Task The_street_models_train_again_and_an_interruption_changes_nothing()
    {
        var frame = Directory.GetFiles(Path.Combine(Scripts.CamVid, "test", "images"))[0];
        var photo = await File.ReadAllBytesAsync(frame, TestContext.Current.CancellationToken);
        await MustResumeAsync("street_segmentation.py", "street-segmentation", Scripts.CamVid, "--limit", "8");
        await MustAnswerAsync("street-segmentation", "segment", photo);

        // The detector begins where segmentation ended.
        var trunk = Path.Combine(_work, "street-segmentation", "whole", "checkpoint.pt");
        await MustResumeAsync("street_detection.py", "street-detection", Scripts.CamVid, "--limit", "8", "--trunk", trunk);
        await MustAnswerAsync("street-detection", "detect", photo);
    }

    [Fact]
    public async Task A_checkpoint_of_another_plan_is_not_gone_on_from()
    {
        var work = Path.Combine(_work, "work");
        string[] arguments = [Scripts.CamVid, work, Path.Combine(_work, "model.onnx"), "--limit", "8", "--threads", "1"];
        await Scripts.KillAtAsync("epoch 1/2", "street_segmentation.py", [.. arguments, "--epochs", "2"]);
        var exception = await Assert.ThrowsAnyAsync<Xunit.Sdk.XunitException>(
            () => Scripts.RunAsync("street_segmentation.py", [.. arguments, "--epochs", "3"]));
        Assert.Contains("is of another plan, {'epochs': 2, 'steps': 1} and not {'epochs': 3, 'steps': 1}: move it away.", exception.Message);
    }

    [Fact]
    public async Task Boxes_are_drawn_around_what_hangs_together_and_what_cannot_be_told_is_a_crowd()
    {
        // Cars: one of 10 x 10, one of 40 x 10 that must be several, one of 7 x 9 that is too small, and two that touch at a corner.
        var map = new byte[100 * 60];
        Array.Fill(map, (byte)3);
        Fill(map, 5, 5, 10, 10, 8);
        Fill(map, 30, 5, 40, 10, 8);
        Fill(map, 80, 5, 7, 9, 8);
        Fill(map, 5, 30, 8, 8, 8);
        Fill(map, 13, 38, 8, 8, 8);

        // A pedestrian upright, and one wider than high.
        Fill(map, 50, 30, 6, 20, 9);
        Fill(map, 70, 30, 21, 20, 9);
        foreach (var folder in new[] { "images", "labels" })
        {
            Directory.CreateDirectory(Path.Combine(_work, "set", "test", folder));
        }

        await File.WriteAllBytesAsync(
            Path.Combine(_work, "set", "test", "labels", "a.png"),
            PngEncoder.Encode(map, 100, 60, PngColor.Grey),
            TestContext.Current.CancellationToken);
        await File.WriteAllBytesAsync(
            Path.Combine(_work, "set", "test", "images", "a.jpg"), Photos.Of(default, width: 100, height: 60), TestContext.Current.CancellationToken);

        var truth = Path.Combine(_work, "truth.json");
        Assert.Equal(
            "car 2, pedestrian 1, bicyclist 0 and 3 crowds on 1 frames",
            await Scripts.RunAsync("street_boxes.py", Path.Combine(_work, "set"), "test", truth));
        var annotations = JsonDocument.Parse(await File.ReadAllBytesAsync(truth, TestContext.Current.CancellationToken))
            .RootElement.GetProperty("annotations").EnumerateArray()
            .Select(static one => $"{one.GetProperty("category_id")} {one.GetProperty("bbox").GetRawText()} {one.GetProperty("area")} {one.GetProperty("iscrowd")}");
        Assert.Equal(
            [
                "1 [5, 5, 10, 10] 100 0", "1 [30, 5, 40, 10] 400 1", "1 [80, 5, 7, 9] 63 1", "1 [5, 30, 16, 16] 128 0",
                "2 [50, 30, 6, 20] 120 0", "2 [70, 30, 21, 20] 420 1",
            ],
            annotations);
    }

    private static void Fill(byte[] map, int left, int top, int width, int height, byte label)
    {
        for (var y = top; y < top + height; y++)
        {
            map.AsSpan((y * 100) + left, width).Fill(label);
        }
    }

    /// <summary>Trains in one go, and again with the process killed in the second epoch: both must write the same file.</summary>
    private async Task MustResumeAsync(string script, string model, string data, params string[] more)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_work, model)).FullName;
        string[] Arguments(string name) =>
            [data, Path.Combine(folder, name), Path.Combine(folder, $"{name}.onnx"), "--epochs", "2", "--threads", "1", .. more];

        var whole = await Scripts.RunAsync(script, Arguments("whole"));
        await Scripts.KillAtAsync("epoch 1/2", script, Arguments("parts"));
        var rest = await Scripts.RunAsync(script, Arguments("parts"));
        Assert.Contains("epoch 1/2", whole);
        Assert.DoesNotContain("epoch 1/2", rest);
        Assert.Equal(
            await File.ReadAllBytesAsync(Path.Combine(folder, "whole.onnx"), TestContext.Current.CancellationToken),
            await File.ReadAllBytesAsync(Path.Combine(folder, "parts.onnx"), TestContext.Current.CancellationToken));
    }

    /// <summary>What was just trained is served with the files that ship beside the model of that name.</summary>
    private async Task MustAnswerAsync(string model, string task, byte[] photo)
    {
        using var models = new ModelFolder();
        models.Add(model, null);
        foreach (var file in new[] { "vision.yaml", "labels.txt" })
        {
            File.Copy(Path.Combine(Checkout.Root, "models", model, file), models.File($"{model}/{file}"));
        }

        File.Copy(Path.Combine(_work, model, "whole.onnx"), models.File($"{model}/model.onnx"));
        await using var service = await TestService.StartAsync([models.Path], null);
        var answer = await service.PostAsync($"/{task}", photo, null);
        Assert.Equal(model, answer.MustBe(HttpStatusCode.OK).Json.GetProperty("model").GetProperty("name").GetString());
    }
}
