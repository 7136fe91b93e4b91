using VisionService.Imaging;
using VisionService.Inference;
using VisionService.Repository;
using VisionService.Repository.SideFiles;

namespace VisionService.Tests.Repository.SideFiles;

public class HuggingFaceTests
{
    private const string ViT = """
        {
          "do_normalize": true, "do_rescale": true, "do_resize": true, "image_mean": [0.5, 0.5, 0.5], "image_processor_type": "ViTImageProcessor",
          "image_std": [0.5, 0.5, 0.5], "resample": 2, "rescale_factor": 0.00392156862745098, "size": {"height": 224, "width": 320}
        }
        """;

    [Fact]
    public void ViT_stretches_and_maps_to_minus_one_to_one()
    {
        var input = Processor(ViT);
        Assert.Equal(((int, int)?)(320, 224), input.Size);
        Assert.Equal((ResizeMode.Stretch, Interpolation.Bilinear, true, null), (input.Resize, input.Interpolation, input.Antialias, input.Color));

        // (x / 255 - .5) / .5 = x / 127.5 - 1
        Seen.Is(input, x => (x / 127.5) - 1);
    }

    [Theory]
    [InlineData("""{"size": 224, "image_processor_type": "ViTFeatureExtractor"}""", ResizeMode.Stretch, 224, 224, null)]
    [InlineData("""{"size": [192, 224]}""", ResizeMode.Stretch, 224, 192, null)]
    [InlineData("""{"size": 224, "do_center_crop": true, "crop_size": 224, "feature_extractor_type": "CLIPFeatureExtractor"}""", ResizeMode.ShortestCrop, 224, 224, 224)]
    [InlineData("""{"size": {"shortest_edge": 256}, "do_center_crop": true, "crop_size": {"height": 192, "width": 224}}""", ResizeMode.ShortestCrop, 224, 192, 256)]
    [InlineData("""{"size": {"shortest_edge": 256}, "crop_size": 224}""", ResizeMode.ShortestCrop, 224, 224, 256)]
    [InlineData("""{"do_resize": false, "do_center_crop": true, "crop_size": 224}""", ResizeMode.ShortestCrop, 224, 224, null)]

    // int(224 / .875) = 256; from 384 on there is no crop.
    [InlineData("""{"size": {"shortest_edge": 224}, "crop_pct": 0.875, "image_processor_type": "ConvNextImageProcessor"}""", ResizeMode.ShortestCrop, 224, 224, 256)]
    [InlineData("""{"size": {"shortest_edge": 224}, "crop_pct": null, "image_processor_type": "ConvNextImageProcessorFast"}""", ResizeMode.ShortestCrop, 224, 224, 256)]
    [InlineData("""{"size": 288, "crop_pct": 0.95, "image_processor_type": "ConvNextFeatureExtractor"}""", ResizeMode.ShortestCrop, 288, 288, 303)]
    [InlineData("""{"size": {"shortest_edge": 384}, "crop_pct": 0.875, "image_processor_type": "ConvNextImageProcessor"}""", ResizeMode.Stretch, 384, 384, null)]

    // int(256 / 224 * 224) = 256; int(224 / .9) = 248.
    [InlineData("""{"size": {"shortest_edge": 224}, "do_center_crop": true, "crop_size": 224, "image_processor_type": "LevitImageProcessor"}""", ResizeMode.ShortestCrop, 224, 224, 256)]
    [InlineData("""{"size": {"shortest_edge": 224}, "crop_pct": 0.9, "crop_size": 224, "image_processor_type": "PoolFormerImageProcessor"}""", ResizeMode.ShortestCrop, 224, 224, 248)]
    internal void Each_form_of_size_is_read_as_its_processor_reads_it(string json, ResizeMode resize, int width, int height, int? shortest)
    {
        var input = Processor(json);
        Assert.Equal((resize, (width, height), shortest), (input.Resize, input.Size, input.Shortest));
    }

    [Theory]
    [InlineData("""{"size": {"shortest_edge": 800, "longest_edge": 1333}, "image_processor_type": "DetrImageProcessor", "do_pad": true}""")]
    [InlineData("""{"size": 800, "max_size": 1333, "feature_extractor_type": "DetrFeatureExtractor"}""")]
    public void Detr_is_bounded_on_both_sides(string json)
    {
        var input = Processor(json);
        Assert.Equal((ResizeMode.Letterbox, LetterboxAlign.TopLeft, 800, 1333), (input.Resize, input.Align, input.Shortest, input.Longest));
        Assert.Null(input.Size);
    }

    [Fact]
    public void Rt_detr_divides_by_255_and_nothing_else() => Seen.Is(
        Processor("""{"do_normalize": false, "do_rescale": true, "rescale_factor": 0.00392156862745098, "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225], "size": {"height": 640, "width": 640}}"""),
        x => x / 255);

    [Fact]
    public void Pixels_are_not_rescaled_where_it_says_so() => Seen.Is(
        Processor("""{"do_rescale": false, "image_mean": 10, "image_std": 2, "size": 224}"""), x => (x - 10) / 2);

    [Fact]
    public void An_offset_goes_before_mean_and_deviation() => Seen.Is(
        // x / 127.5 - 1, then less .5 by .25
        Processor("""{"rescale_factor": 0.00784313725490196, "rescale_offset": true, "image_mean": 0.5, "image_std": 0.25, "size": 224}"""),
        x => ((x / 127.5) - 1 - 0.5) / 0.25);

    [Theory]
    [InlineData("", 0.04)] // divided by .2 twice
    [InlineData(""", "include_top": false""", 0.2)]
    public void EfficientNet_divides_twice_unless_told_otherwise(string more, double std) => Seen.Is(
        Processor($$"""{"image_processor_type": "EfficientNetImageProcessor", "image_mean": [0.5], "image_std": [0.2], "size": 300{{more}}}"""),
        x => ((x / 255) - 0.5) / std);

    [Theory]
    [InlineData("""{"image_processor_type": "MobileViTImageProcessor", "do_flip_channel_order": true, "size": {"shortest_edge": 288}, "do_center_crop": true, "crop_size": 256}""")]
    [InlineData("""{"feature_extractor_type": "MobileViTFeatureExtractor", "size": 288, "do_center_crop": true, "crop_size": 256}""")]
    public void MobileViT_takes_blue_first_and_no_mean(string json)
    {
        var input = Processor(json);
        Assert.Equal((InputColor.Bgr, ResizeMode.ShortestCrop, 288), (input.Color, input.Resize, input.Shortest));
        Seen.Is(input, x => x / 255);
    }

    [Theory]
    [InlineData(0, Interpolation.Nearest)]
    [InlineData(1, Interpolation.Lanczos3)]
    [InlineData(2, Interpolation.Bilinear)]
    [InlineData(3, Interpolation.Bicubic)]
    [InlineData(4, Interpolation.Area)]
    internal void Filters_are_Pillows(int number, Interpolation interpolation) =>
        Assert.Equal(interpolation, Processor($$"""{"size": 224, "resample": {{number}}}""").Interpolation);

    [Theory]
    [InlineData("""{"size": 224, "resample": 5}""", "'resample' is 5, which is none of Pillow's filters known here")]
    [InlineData("""{"size": {"max_height": 224}}""", "'size' gives no size that an input could have")]
    [InlineData("""{"size": 224, "do_normalize": true}""", "'do_normalize' without 'image_mean' and 'image_std': their defaults are not known here")]
    [InlineData("""{"size": 256, "do_center_crop": true, "crop_size": 224}""", "'size' stretches before 'crop_size' cuts; here the shorter side is resized and the ratio kept")]
    public void What_is_not_known_or_not_quite_so_is_warned_of(string json, string warning) =>
        Assert.Equal([warning], HuggingFaceProcessor.Read(json).Warnings);

    [Theory]
    [InlineData("""{"size": -5}""", "preprocessor_config.json: 'size' must be a number from 1 to 16384, not -5.")]
    [InlineData("""{"do_resize": "maybe"}""", "preprocessor_config.json: 'do_resize' must be true or false, not \"maybe\".")]
    [InlineData("""{"image_mean": [0.5, "x"], "image_std": 1}""", "preprocessor_config.json: 'image_mean' must be a number from -1000000 to 1000000, not [0.5, \"x\"].")]
    [InlineData("""{"image_mean": [1, 2], "image_std": [1, 2, 3]}""", "preprocessor_config.json: 'image_std' must be a list of 2 numbers, as 'image_mean' is, not [1, 2, 3].")]
    [InlineData("""{"image_mean": [1], "image_std": [0]}""", "preprocessor_config.json: 'image_std' must be a number from 1E-09 to 1000000, not [0].")]
    [InlineData("[]", "preprocessor_config.json is not a JSON object.")]
    [InlineData("{", "preprocessor_config.json cannot be read as JSON: ")]
    public void What_is_malformed_is_refused_by_name(string json, string problem) => Assert.StartsWith(
        problem, Assert.Throws<ModelLoadException>(() => HuggingFaceProcessor.Read(json)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_processor_may_lie_in_the_file_of_all_processors()
    {
        var manifest = HuggingFaceProcessor.ReadCombined($$"""{"image_processor": {{ViT}}, "processor_class": "X"}""");
        Assert.Equal(((int, int)?)(320, 224), manifest.Input.Size);
        Assert.Equal("processor_config.json", manifest.Source);
    }

    [Fact]
    public void The_config_names_classes_task_and_type()
    {
        var manifest = HuggingFaceConfig.Read(SideSection.OfJson("""
            {
              "architectures": ["RTDetrV2ForObjectDetection"], "model_type": "rt_detr_v2", "num_labels": 3, "image_size": 640, "_name": null,
              "id2label": {"0": "driver's \"cab\", left", "10": "b", "1": "a: c", "2": "x", "3": "3", "4": "4", "5": "5", "6": "6", "7": "7", "8": "8", "9": "9"}
            }
            """, "config.json"));
        Assert.Equal(("detect", "rt_detr_v2"), (manifest.Task, manifest.ModelType));
        Assert.Equal(["driver's \"cab\", left", "a: c", "x", "3", "4", "5", "6", "7", "8", "9", "b"], manifest.Labels!.Names!);
        Assert.Null(manifest.Input.OpenSize); // 640 says nothing of how pictures of all sizes get there
        Assert.Equal(["'num_labels' is 3, but 'id2label' names 11"], manifest.Warnings);
    }

    [Theory]
    [InlineData("""{"architectures": ["ViTForImageClassification"]}""", "classify")]
    [InlineData("""{"architectures": ["DeiTForImageClassificationWithTeacher"]}""", "classify")]
    [InlineData("""{"architectures": ["SegformerForSemanticSegmentation"]}""", "segment")]
    [InlineData("""{"architectures": ["Mask2FormerForUniversalSegmentation"]}""", "segment")]
    [InlineData("""{"architectures": ["DetrForSegmentation"], "model_type": "detr"}""", "segment")]
    [InlineData("""{"architectures": null, "model_type": "table-transformer"}""", "detect")]
    [InlineData("""{"model_type": "segformer"}""", "segment")]
    [InlineData("""{"architectures": ["ViTModel"], "model_type": "vit"}""", null)]
    public void The_task_is_in_the_name_of_the_architecture_else_in_the_type(string json, string? task) => Assert.Equal(task, Config(json).Task);

    [Theory]
    [InlineData("multi_label_classification", ScoreActivation.Sigmoid)]
    [InlineData("single_label_classification", null)]
    internal void Several_labels_at_once_need_a_sigmoid(string problem, ScoreActivation? activation) =>
        Assert.Equal(activation, Config($$"""{"model_type": "vit", "problem_type": "{{problem}}"}""").Output.Activation);

    [Theory]
    [InlineData("224", 224, 224)]
    [InlineData("[192, 224]", 224, 192)]
    public void A_classifiers_size_holds_where_the_file_leaves_it_open(string size, int width, int height) => Assert.Equal(
        (width, height), Config($$"""{"architectures": ["ViTForImageClassification"], "image_size": {{size}}}""").Input.OpenSize);

    [Fact]
    public void Names_that_nobody_gave_are_no_labels() =>
        Assert.Null(Config("""{"model_type": "vit", "id2label": {"0": "LABEL_0", "1": "LABEL_1"}}""").Labels);

    [Theory]
    [InlineData("""{"id2label": {"0": "a", "2": "b"}}""", "config.json: id2label does not number its 2 classes from 0 to 1.")]
    [InlineData("""{"id2label": {"zero": "a"}}""", "config.json: id2label must be names by class id, not 'zero: \"a\"'.")]
    [InlineData("""{"id2label": {"0": ["a"]}}""", "config.json: id2label must be names by class id, not '0: [\"a\"]'.")]
    public void Names_with_holes_are_refused(string json, string problem) =>
        Assert.Equal(problem, Assert.Throws<ModelLoadException>(() => Config(json)).Message);

    [Fact]
    public void Another_tools_config_is_left_aside_with_a_warning() =>
        Assert.Equal(["ignored: it is not in Hugging Face's form, nor in timm's"], Config("""{"model_config_list": []}""").Warnings);

    private static ManifestInput Processor(string json) => HuggingFaceProcessor.Read(json).Input;

    private static Manifest Config(string json) => HuggingFaceConfig.Read(SideSection.OfJson(json, "config.json"));
}
