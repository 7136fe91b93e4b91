using System.Net;
using System.Text.Json;
using VisionService.Tests.Imaging;

namespace VisionService.Tests.Api;

/// <summary>
/// Other people's models and photos: the heat map lies on what the answer names. Boxes were set by hand on the upright
/// photos, to the pixel of what is named.
/// </summary>
public sealed class RealExplanationTests(RealExplanationTests.Fixture fixture) : IClassFixture<RealExplanationTests.Fixture>
{
    private const string CatAndDog = "gradcam-both-cat-dog.png";

    // Left, top, right, bottom.
    private static readonly int[] Dog = [74, 12, 166, 150];
    private static readonly int[] Cat = [38, 118, 208, 224];
    private static readonly int[] Goldfish = [72, 47, 300, 212];
    private static readonly int[] Puppy = [200, 135, 720, 990];

    private TestService Service
    {
        get
        {
            Assert.SkipUnless(fixture.Service is not null, "../shared/data/models is not there.");
            return fixture.Service!;
        }
    }

    [Theory]
    [InlineData("cam")]
    [InlineData("gradcam")]
    [InlineData("gradcam%2B%2B")]
    [InlineData("hirescam")]
    [InlineData("layercam")]
    [InlineData("xgradcam")]
    [InlineData("scorecam")]
    [InlineData("occlusion")]
    public async Task The_hottest_place_is_on_the_animal_of_the_class(string method)
    {
        foreach (var (classId, box) in new[] { (242, Dog), (243, Dog), (282, Cat) }) // boxer, bull mastiff, tiger cat
        {
            AssertHottestIn(box, await ExplainAsync("mobilenet", CatAndDog, $"method={method}&class={classId}"));
        }
    }

    // The strongest pixel is often the dog's nose whatever the class: what moves is where the energy lies.
    [Theory]
    [InlineData("saliency")]
    [InlineData("integrated_gradients")]
    [InlineData("smoothgrad")]
    public async Task Gradients_of_pixels_move_to_the_animal_of_the_class(string method)
    {
        var dog = await ExplainAsync("mobilenet", CatAndDog, $"method={method}&class=242");
        var cat = await ExplainAsync("mobilenet", CatAndDog, $"method={method}&class=282");
        Assert.True(EnergyIn(Dog, dog) / EnergyIn(Cat, dog) > 1.1 * EnergyIn(Dog, cat) / EnergyIn(Cat, cat));
    }

    [Theory]
    [InlineData("mobilenet", "goldfish-ort.jpg", "auto")]
    [InlineData("mobilenet", "goldfish-ort.jpg", "gradcam")]
    [InlineData("mobilenet", "goldfish-ort.jpg", "saliency")]
    [InlineData("mobilenet", "dog-winml.jpg", "gradcam")]
    [InlineData("squeezenet", "dog-winml.jpg", "auto")]
    [InlineData("squeezenet", "dog-winml.jpg", "gradcam")]
    [InlineData("squeezenet", "dog-winml.jpg", "saliency")]
    public async Task What_the_photo_shows_is_lit(string model, string photo, string method)
    {
        var box = photo.StartsWith("gold", StringComparison.Ordinal) ? Goldfish : Puppy;
        var answer = await ExplainAsync(model, photo, $"method={method}");
        AssertHottestIn(box, answer);
        Assert.InRange(EnergyIn(box, answer) / Share(box, answer), 1.2, 10);
    }

    [Theory]
    [InlineData("yolo11n", "darknet-dog.jpg")]
    [InlineData("yolo11n", "bus.jpg")]
    [InlineData("yolox-nano", "darknet-dog.jpg")]
    [InlineData("yolox-nano", "bus.jpg")]
    [InlineData("nanodet-m", "darknet-dog.jpg")]
    [InlineData("nanodet-m", "bus.jpg")]
    public async Task Why_this_box_is_inside_the_box(string model, string photo)
    {
        var found = (await Service.PostAsync($"/detect?model={model}&score_threshold=0.5", SharedFiles.Bytes($"images/{photo}"), null))
            .MustBe(HttpStatusCode.OK).Json.GetProperty("predictions").EnumerateArray().ToArray();
        Assert.NotEmpty(found);
        for (var i = 0; i < found.Length; i++)
        {
            var answer = await ExplainAsync(model, photo, $"detection={i}&score_threshold=0.5");
            Assert.Equal("hirescam", answer.GetProperty("method").GetString());
            var box = Grown(found[i].GetProperty("box"));
            Assert.Equal(box, Grown(answer.GetProperty("target").GetProperty("box")));
            AssertHottestIn(box, answer);
            Assert.InRange(EnergyIn(box, answer), 0.75, 1);
        }
    }

    [Fact]
    public async Task DeepLab_looks_at_the_dog_for_the_dog()
    {
        int[] box = [130, 207, 312, 542];
        var answer = await ExplainAsync("deeplab", "darknet-dog.jpg", "class=dog");
        AssertHottestIn(box, answer);
        Assert.InRange(EnergyIn(box, answer) / Share(box, answer), 1.5, 10);
    }

    [Fact]
    public async Task A_network_that_answers_with_a_map_is_explained_at_its_bottleneck()
    {
        var answer = await ExplainAsync("unet", "darknet-dog.jpg", "");
        Assert.Equal("/m/bt/bt.1/bt.1.2/Relu_output_0", answer.GetProperty("layer").GetString());
        Assert.Contains(HeatAnswer.Of(answer).Values, value => value > 0);
    }

    [Theory]
    [InlineData("mobilenet")]
    [InlineData("squeezenet")]
    [InlineData("resnet20")]
    [InlineData("mnist")]
    [InlineData("alexnet")]
    [InlineData("densenet121")]
    [InlineData("inception")]
    [InlineData("resnet50")]
    public async Task Every_classifier_has_gradients(string model)
    {
        foreach (var method in new[] { "gradcam", "saliency" })
        {
            Assert.Equal(method, (await ExplainAsync(model, "cat-winml.jpg", $"method={method}")).GetProperty("method").GetString());
        }
    }

    [Theory]
    [InlineData("mobilenet", "goldfish-ort.jpg")]
    [InlineData("mobilenet", CatAndDog)]
    [InlineData("squeezenet", "dog-winml.jpg")]
    [InlineData("resnet20", "cat-winml.jpg")]
    public async Task What_is_explained_is_what_classify_answers(string model, string photo)
    {
        var best = (await Service.PostAsync($"/classify?model={model}&top_k=1", SharedFiles.Bytes($"images/{photo}"), null))
            .MustBe(HttpStatusCode.OK).Json.GetProperty("predictions")[0];
        foreach (var method in new[] { "cam", "gradcam", "saliency" })
        {
            var target = (await ExplainAsync(model, photo, $"method={method}")).GetProperty("target");
            Assert.Equal(best.GetProperty("class_id").GetInt32(), target.GetProperty("class_id").GetInt32());
            Assert.Equal(best.GetProperty("score").GetDouble(), target.GetProperty("score").GetDouble(), 4);
        }
    }

    private static void AssertHottestIn(int[] box, JsonElement answer)
    {
        var image = answer.GetProperty("image");
        var (x, y) = HeatAnswer.Of(answer).Hottest;
        Assert.InRange(x * image.GetProperty("width").GetInt32(), box[0], box[2]);
        Assert.InRange(y * image.GetProperty("height").GetInt32(), box[1], box[3]);
    }

    private static double EnergyIn(int[] box, JsonElement answer)
    {
        var image = answer.GetProperty("image");
        var (width, height) = (image.GetProperty("width").GetDouble(), image.GetProperty("height").GetDouble());
        return HeatAnswer.Of(answer).EnergyIn(box[0] / width, box[1] / height, box[2] / width, box[3] / height);
    }

    /// <summary>Of the picture, which is what a map without a meaning would give the box.</summary>
    private static double Share(int[] box, JsonElement answer)
    {
        var image = answer.GetProperty("image");
        return (box[2] - box[0]) * (box[3] - box[1]) / (image.GetProperty("width").GetDouble() * image.GetProperty("height").GetDouble());
    }

    /// <summary>By a tenth, half of it on each side.</summary>
    private static int[] Grown(JsonElement box)
    {
        double Edge(string name) => box.GetProperty(name).GetDouble();
        var (x, y) = ((Edge("xmax") - Edge("xmin")) / 20, (Edge("ymax") - Edge("ymin")) / 20);
        return [(int)(Edge("xmin") - x), (int)(Edge("ymin") - y), (int)(Edge("xmax") + x), (int)(Edge("ymax") + y)];
    }

    private async Task<JsonElement> ExplainAsync(string model, string photo, string query) =>
        (await Service.PostAsync($"/explain?model={model}&{query}", SharedFiles.Bytes($"images/{photo}"), null)).MustBe(HttpStatusCode.OK).Json;

    /// <summary>One service with all of them; none where the shared folder is missing.</summary>
    public sealed class Fixture : IAsyncLifetime
    {
        internal TestService? Service { get; private set; }

        public async ValueTask InitializeAsync()
        {
            if (!SharedFiles.AreThere)
            {
                return;
            }

            const string Torchvision = "input: {preset: torchvision}";
            var folder = new ModelFolder();
            foreach (var (name, file, manifest, labels) in new[]
            {
                ("mobilenet", "models/mobilenetv2-int8-static-d", Torchvision, null),
                ("squeezenet", "models/squeezenet1.0-fp16-winml", "input: {color: bgr, scale: 1, mean: [104, 117, 123], shortest: 256}", null),
                ("resnet20", "models/resnet20-onnc", "input: {scale: 1/255, mean: [.4914, .4822, .4465], std: [.2023, .1994, .2010]}", "cifar10.txt"),
                ("mnist", "models/mnist-8", "input: {preset: raw, invert: true}", null),
                ("alexnet", "models/light/light_bvlc_alexnet", "task: classify", null),
                ("densenet121", "models/light/light_densenet121", "task: classify", null),
                ("inception", "models/light/light_inception_v1", "task: classify", null),
                ("resnet50", "models/light/light_resnet50", "task: classify", null),
                ("yolo11n", "models/yolo11n-int8", null, null),
                ("yolox-nano", "models/yolox-nano-kazuhito", "family: yolox", null),
                ("nanodet-m", "models/nanodet-m-416", null, null),
                ("deeplab", "models/deeplabv3-mobilenetv2-voc", "{task: segment, input: {preset: keras-tf, resize: stretch}}", null),
                ("unet", "explain/unet/unet_op17_folded", "{task: segment, input: {preset: unit}}", null),
            })
            {
                folder.Add(name, null, manifest, labels is null ? null : File.ReadAllText(SharedFiles.Path($"labels/{labels}")));
                File.Copy(SharedFiles.Path($"{file}.onnx"), folder.File($"{name}/model.onnx"));
            }

            Service = await TestService.StartAsync(folder);
        }

        public async ValueTask DisposeAsync()
        {
            if (Service is not null)
            {
                await Service.DisposeAsync();
            }
        }
    }
}
