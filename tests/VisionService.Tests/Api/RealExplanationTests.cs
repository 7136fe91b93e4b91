using System.Net;
using System.Text.Json;
using VisionService.Tests.Imaging;

namespace VisionService.Tests.Api;

/// <summary>Other people's models explained on photos, where both lie beside the checkout: the heat must be where a person
/// sees the thing. Boxes are set by hand, in pixels of the photo.</summary>
public sealed class RealExplanationTests(RealExplanationTests.Fixture fixture) : IClassFixture<RealExplanationTests.Fixture>
{
    private const string Both = "gradcam-both-cat-dog.png";
    private static readonly int[] Dog = [60, 0, 175, 150];
    private static readonly int[] Cat = [45, 115, 200, 224];
    private static readonly int[] DogBesideBicycle = [125, 205, 325, 545];
    private static readonly string[] Edges = ["xmin", "ymin", "xmax", "ymax"];

    private TestService Service
    {
        get
        {
            Assert.SkipUnless(fixture.Service is not null, "../shared/data/models is not there.");
            return fixture.Service!;
        }
    }

    public static TheoryData<string> Pointing => ["cam", "gradcam", "gradcam++", "hirescam", "layercam", "xgradcam", "scorecam", "occlusion"];

    public static TheoryData<string> Classifiers =>
        ["mobilenet", "squeeze", "resnet20", "mnist", "light_bvlc_alexnet", "light_densenet121", "light_inception_v1", "light_resnet50"];

    /// <summary>The pointing game: the hottest place lies on the thing.</summary>
    [Theory]
    [MemberData(nameof(Pointing))]
    public async Task MobileNet_points_at_the_dog_for_the_dog_and_at_the_cat_for_the_cat(string method)
    {
        foreach (var (classId, box) in new[] { (242, Dog), (243, Dog), (282, Cat) })
        {
            var map = await MapAsync("mobilenet", Both, $"class={classId}&method={Uri.EscapeDataString(method)}");
            Assert.True(map.PointsInto(box), $"{method}, class {classId}: {map.Hottest} is not in [{string.Join(", ", box)}].");
        }
    }

    // The strongest pixel is often on the dog whatever the class: what moves is where the energy lies.
    [Theory]
    [InlineData("saliency")]
    [InlineData("integrated_gradients")]
    [InlineData("smoothgrad")]
    public async Task Gradients_of_pixels_move_to_the_animal_of_the_class(string method)
    {
        var dog = await MapAsync("mobilenet", Both, $"method={method}&class=242");
        var cat = await MapAsync("mobilenet", Both, $"method={method}&class=282");
        Assert.True(dog.ShareIn(Dog) / dog.ShareIn(Cat) > 1.1 * cat.ShareIn(Dog) / cat.ShareIn(Cat));
    }

    [Theory]
    [InlineData("mobilenet", "goldfish-ort.jpg")]
    [InlineData("mobilenet", Both)]
    [InlineData("squeeze", "dog-winml.jpg")]
    [InlineData("resnet20", "cat-winml.jpg")]
    public async Task What_is_explained_is_what_classify_answers(string model, string photo)
    {
        var best = (await Service.PostAsync($"/classify?model={model}&top_k=1", SharedFiles.Bytes($"images/{photo}"), null))
            .MustBe(HttpStatusCode.OK).Json.GetProperty("predictions")[0];
        foreach (var method in new[] { "cam", "gradcam", "saliency" })
        {
            var target = (await MapAsync(model, photo, $"method={method}")).Answer.GetProperty("target");
            Assert.Equal(best.GetProperty("class_id").GetInt32(), target.GetProperty("class_id").GetInt32());
            Assert.Equal(best.GetProperty("score").GetDouble(), target.GetProperty("score").GetDouble(), 4);
        }
    }

    [Theory]
    [InlineData("yolo11n", "bus.jpg")]
    [InlineData("yolox", "bus.jpg")]
    [InlineData("nanodet", "bus.jpg")]
    public async Task Each_box_that_detect_lists_is_explained_by_what_is_in_it(string model, string photo)
    {
        var found = (await Service.PostAsync($"/detect?model={model}&score_threshold=0.5", SharedFiles.Bytes($"images/{photo}"), null))
            .MustBe(HttpStatusCode.OK).Json.GetProperty("predictions").EnumerateArray().ToArray();
        Assert.NotEmpty(found);
        for (var i = 0; i < found.Length; i++)
        {
            var map = await MapAsync(model, photo, $"detection={i}&score_threshold=0.5");
            int[] EdgesOf(JsonElement one) => [.. Edges.Select(edge => (int)(one.GetProperty("box").GetProperty(edge).GetDouble() * map.Scale))];
            var box = EdgesOf(found[i]);
            Assert.Equal(box, EdgesOf(map.Answer.GetProperty("target")));
            Assert.True(map.PointsInto(box), $"{i}: {map.Hottest} is not in [{string.Join(", ", box)}].");
            Assert.InRange(map.ShareIn(box), 0.75, 1);
        }
    }

    [Theory]
    [InlineData("mobilenet", "goldfish-ort.jpg", 1, 0.12, 0.2, 0.8, 0.85)]
    [InlineData("mobilenet", "dog-winml.jpg", 207, 0.15, 0.08, 0.7, 0.95)]
    [InlineData("squeeze", "dog-winml.jpg", 207, 0.15, 0.08, 0.7, 0.95)]
    public async Task A_classifier_points_at_what_it_names(
        string model, string photo, int classId, double left, double top, double right, double bottom)
    {
        foreach (var method in new[] { "auto", "gradcam" })
        {
            var map = await MapAsync(model, photo, $"class={classId}&method={method}");
            int[] box = [(int)(left * map.Width), (int)(top * map.Height), (int)(right * map.Width), (int)(bottom * map.Height)];
            Assert.True(map.PointsInto(box), $"{method}: {map.Hottest} is not in [{string.Join(", ", box)}].");
        }
    }

    /// <summary>Why this box: most of the heat lies inside it, though it is a small part of the photo.</summary>
    [Theory]
    [InlineData("yolo11n", "darknet-dog.jpg", "dog", 0.7)]
    [InlineData("yolo11n", "darknet-dog.jpg", "bicycle", 0.7)]
    [InlineData("yolo11n", "bus.jpg", "bus", 0.7)]
    [InlineData("yolo11n", "bus.jpg", "person", 0.7)]
    [InlineData("yolox", "darknet-dog.jpg", "dog", 0.7)]
    [InlineData("nanodet", "darknet-dog.jpg", "dog", 0.7)]
    [InlineData("deimv2", "darknet-dog.jpg", "dog", 0.5)]
    public async Task A_box_is_explained_by_what_is_in_it(string model, string photo, string label, double least)
    {
        var map = await MapAsync(model, photo, $"class={label}");
        var box = map.Answer.GetProperty("target").GetProperty("box");
        int[] edges = [.. Edges.Select(edge => (int)(box.GetProperty(edge).GetDouble() * map.Scale))];
        Assert.Equal("hirescam", map.Answer.GetProperty("method").GetString());
        Assert.True(map.PointsInto(edges), $"{map.Hottest} is not in [{string.Join(", ", edges)}].");
        Assert.InRange(map.ShareIn(edges), least, 1);
    }

    [Fact]
    public async Task DeepLab_looks_at_the_dog_for_the_dog()
    {
        var map = await MapAsync("deeplab", "darknet-dog.jpg", "class=dog");
        Assert.Equal("gradcam", map.Answer.GetProperty("method").GetString());
        Assert.True(map.PointsInto([.. DogBesideBicycle.Select(edge => (int)(edge * map.Scale))]), $"{map.Hottest}");
    }

    [Theory]
    [MemberData(nameof(Classifiers))]
    public async Task Every_classifier_explains_with_gradients(string model)
    {
        foreach (var method in new[] { "gradcam", "saliency" })
        {
            var map = await MapAsync(model, Both, $"method={method}");
            Assert.NotEmpty(map.Answer.GetProperty("target").GetProperty("label").GetString()!);
        }
    }

    [Fact]
    public async Task A_U_Net_is_explained_at_its_bottleneck()
    {
        var map = await MapAsync("unet", Both, "class=1");
        Assert.Equal("/m/bt/bt.1/bt.1.2/Relu_output_0", map.Answer.GetProperty("layer").GetString());
        Assert.Equal("gradcam", map.Answer.GetProperty("method").GetString());
    }

    private async Task<Map> MapAsync(string model, string photo, string query) => new(
        (await Service.PostAsync($"/explain?model={model}&{query}", SharedFiles.Bytes($"images/{photo}"))).MustBe(HttpStatusCode.OK).Json);

    /// <summary>The heat map of an answer, as its picture has it.</summary>
    private sealed class Map(JsonElement answer)
    {
        private readonly PngValues _png = PngValues.Read(answer.GetProperty("heatmap").GetProperty("png").GetBytesFromBase64());

        public JsonElement Answer => answer;

        public int Width => _png.Width;

        public int Height => _png.Height;

        /// <summary>From the photo's pixels to the map's.</summary>
        public double Scale => _png.Width / answer.GetProperty("image").GetProperty("width").GetDouble();

        public (int X, int Y) Hottest
        {
            get
            {
                var at = Array.IndexOf(_png.Values, _png.Values.Max());
                return (at % Width, at / Width);
            }
        }

        /// <param name="box">Left, top, right, bottom.</param>
        public bool PointsInto(int[] box) => Hottest is var (x, y) && x >= box[0] && y >= box[1] && x < box[2] && y < box[3];

        public double ShareIn(int[] box)
        {
            var (inside, all) = (0L, 0L);
            for (var i = 0; i < _png.Values.Length; i++)
            {
                var heat = Math.Max(0, _png.Values[i] - 1);
                var (x, y) = (i % Width, i / Width);
                all += heat;
                inside += x >= box[0] && y >= box[1] && x < box[2] && y < box[3] ? heat : 0;
            }

            return (double)inside / all;
        }
    }

    public sealed class Fixture : IAsyncLifetime
    {
        internal TestService? Service { get; private set; }

        public async ValueTask InitializeAsync()
        {
            if (!SharedFiles.AreThere)
            {
                return;
            }

            const string Classify = "task: classify\n";
            var folder = new ModelFolder();
            Add("mobilenet", "models/mobilenetv2-int8-static-d", Classify, "imagenet_classes_torchvision.txt");
            Add("squeeze", "models/squeezenet1.0-fp16-winml", $"{Classify}input: {{color: bgr, mean: [104, 117, 123], scale: 1}}", "imagenet_classes_torchvision.txt");
            Add("resnet20", "models/resnet20-onnc", "{task: classify, input: {scale: 1/255, mean: [.4914, .4822, .4465], std: [.2023, .1994, .2010]}}", "cifar10.txt");
            Add("mnist", "models/mnist-8", Classify, null);
            foreach (var light in new[] { "light_bvlc_alexnet", "light_densenet121", "light_inception_v1", "light_resnet50" })
            {
                Add(light, $"models/light/{light}", "{task: classify, input: {preset: torchvision}}", null);
            }

            Add("yolo11n", "models/yolo11n-int8", null, null);
            Add("yolox", "models/yolox-nano-kazuhito", "family: yolox\n", "coco80.names");
            Add("nanodet", "models/nanodet-m-416", null, "coco80.names");
            Add("deimv2", "models/deimv2-atto-coco", null, "coco80.names");
            Add("deeplab", "models/deeplabv3-mobilenetv2-voc", "task: segment\ninput: {preset: keras-tf, resize: stretch}", null);
            Add("unet", "explain/unet/unet_op17_folded", "task: segment\ninput: {preset: unit, resize: stretch}", null);
            Service = await TestService.StartAsync(folder);

            void Add(string name, string model, string? manifest, string? labels)
            {
                Directory.CreateDirectory(folder.File(name));
                File.CreateSymbolicLink(folder.File($"{name}/model.onnx"), SharedFiles.Path($"{model}.onnx"));
                folder.Write($"{name}/vision.yaml", manifest)
                    .Write($"{name}/labels.txt", labels is null ? null : File.ReadAllText(SharedFiles.Path($"labels/{labels}")));
            }
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
