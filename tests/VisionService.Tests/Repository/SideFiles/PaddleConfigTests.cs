using VisionService.Imaging;
using VisionService.Repository;
using VisionService.Repository.SideFiles;

namespace VisionService.Tests.Repository.SideFiles;

public class PaddleConfigTests
{
    [Fact]
    public void An_export_of_PaddleDetection_is_read()
    {
        var manifest = PaddleConfig.Read("""
            mode: paddle
            draw_threshold: 0.45
            metric: COCO
            use_dynamic_shape: false
            arch: YOLO
            min_subgraph_size: 3
            Preprocess:
            - interp: 2
              keep_ratio: false
              target_size:
              - 480
              - 640
              type: Resize
            - is_scale: true
              mean: [0.485, 0.456, 0.406]
              std: [0.229, 0.224, 0.225]
              type: NormalizeImage
            - type: Permute
            label_list:
            - person
            - 'driver''s cab, left: a'
            - on
            NMS: {keep_top_k: 300, name: MultiClassNMS, nms_threshold: 0.7, score_threshold: 0.01}
            """);
        Assert.Equal(("detect", 0.45, "infer_cfg.yml"), (manifest.Task, manifest.Output.MinScore, manifest.Source));
        Assert.Equal(["person", "driver's cab, left: a", "on"], manifest.Labels!.Names!);
        var input = manifest.Input;
        Assert.Equal(((640, 480), ResizeMode.Stretch), (input.Size, input.Resize)); // target_size is height, width
        Assert.Equal((Interpolation.Bicubic, false, null), (input.Interpolation, input.Antialias, input.Color));
        Seen.Is(input, x => ((x / 255) - 0.406) / 0.225, channel: 2);
        Assert.Empty(manifest.Warnings);
    }

    [Theory]
    [InlineData("{type: NormalizeImage, is_scale: true, norm_type: none, mean: [0.5], std: [0.5]}", 1.0 / 255, 0, 1)]
    [InlineData("{type: NormalizeImage, is_scale: false, mean: [103.53], std: [57.375]}", 1, 103.53, 57.375)] // in units of 0..255
    [InlineData("{type: NormalizeImage, mean: [0.5], std: [0.25]}", 1.0 / 255, 0.5, 0.25)]
    public void Means_are_in_units_of_what_is_scale_leaves(string step, double scale, double mean, double std) =>
        Seen.Is(PaddleConfig.Read($"Preprocess: [{step}]").Input, x => ((x * scale) - mean) / std);

    [Fact]
    public void A_kept_ratio_bounds_both_sides_and_pads_to_the_stride()
    {
        var input = PaddleConfig.Read("""
            Preprocess:
            - {type: Resize, target_size: [800, 1333], keep_ratio: true, interp: 1}
            - {type: PadStride, stride: 32}
            """).Input;
        Assert.Equal((ResizeMode.Letterbox, LetterboxAlign.TopLeft, 800, 1333, 32), (input.Resize, input.Align, input.Shortest, input.Longest, input.MultipleOf));
    }

    [Fact]
    public void A_step_that_is_not_known_is_warned_of() => Assert.Equal(
        ["ignored: the step 'WarpAffine'", "ignored: the step 'without a type'"],
        PaddleConfig.Read("Preprocess: [{type: WarpAffine}, {size: 5}]").Warnings);

    [Theory]
    [InlineData("Preprocess: [{type: Resize}]", "infer_cfg.yml: Preprocess[0]: 'target_size' must be a side, or height and width, not nothing.")]
    [InlineData("draw_threshold: 3", "infer_cfg.yml: 'draw_threshold' must be a number from 0 to 1, not \"3\".")]
    [InlineData("label_list: [[a]]", "infer_cfg.yml: 'label_list' must be a list of texts, not [[\"a\"]].")]
    [InlineData("", "infer_cfg.yml is not one YAML mapping (key: value).")]
    public void What_is_malformed_is_refused_with_the_way_to_it(string text, string problem) =>
        Assert.Equal(problem, Assert.Throws<ModelLoadException>(() => PaddleConfig.Read(text)).Message);
}
