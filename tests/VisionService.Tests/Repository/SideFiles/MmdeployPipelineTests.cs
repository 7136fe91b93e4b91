using VisionService.Imaging;
using VisionService.Repository;
using VisionService.Repository.SideFiles;

namespace VisionService.Tests.Repository.SideFiles;

public class MmdeployPipelineTests
{
    [Fact]
    public void A_detectors_steps_are_read()
    {
        var manifest = Read("""
            {"type": "LoadImageFromFile", "backend_args": null},
            {"type": "Resize", "keep_ratio": true, "size": [640, 480]},
            {"type": "Pad", "size": [640, 480], "pad_val": {"img": [114, 114, 114]}},
            {"type": "Normalize", "mean": [103.53, 116.28, 123.675], "std": [57.375, 57.12, 58.395], "to_rgb": false},
            {"type": "Pad", "size_divisor": 32},
            {"type": "DefaultFormatBundle"},
            {"type": "Collect", "keys": ["img"], "meta_keys": ["ori_shape"]}
            """);
        var input = manifest.Input;
        Assert.Equal(((640, 480), ResizeMode.Letterbox, LetterboxAlign.TopLeft), (input.Size, input.Resize, input.Align));
        Assert.Equal((114, 32, InputColor.Bgr, false), (input.Pad, input.MultipleOf, input.Color, input.Antialias));
        Seen.Is(input, x => (x - 103.53) / 57.375, channel: 0);
        Assert.Empty(manifest.Warnings);
    }

    [Fact]
    public void A_classifiers_steps_are_torchvisions_numbers_in_other_units()
    {
        var input = Read("""
            {"type": "Resize", "size": [256, -1], "keep_ratio": true, "edge": "short", "backend": "pillow", "interpolation": "bicubic"},
            {"type": "CenterCrop", "crop_size": 224},
            {"type": "Normalize", "mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375], "to_rgb": true}
            """).Input;
        Assert.Equal(((224, 224), ResizeMode.ShortestCrop, 256), (input.Size, input.Resize, input.Shortest));
        Assert.Equal((Interpolation.Bicubic, true, null), (input.Interpolation, input.Antialias, input.Color));

        // 123.675 = .485 * 255 and 58.395 = .229 * 255
        Seen.Is(input, x => ((x / 255) - 0.485) / 0.229, channel: 0);
        Seen.Is(input, x => ((x / 255) - 0.406) / 0.225, channel: 2);
    }

    [Theory]
    [InlineData("[320, 240]", 320, 240)] // width, height
    [InlineData("320", 320, 320)]
    public void A_size_without_a_kept_ratio_stretches(string size, int width, int height)
    {
        var input = Read($$"""{"type": "Resize", "size": {{size}}, "keep_ratio": false}""").Input;
        Assert.Equal(((width, height), ResizeMode.Stretch), (input.Size, input.Resize));
    }

    [Fact]
    public void What_is_not_known_is_warned_of() => Assert.Equal(
        ["'interpolation' is 'sinc', which is not known here", "ignored: the step 'TenCrop'"],
        Read("""{"type": "Resize", "size": 8, "interpolation": "sinc"}, {"type": "TenCrop"}""").Warnings);

    [Fact]
    public void Labels_may_lie_with_the_postprocessing() => Assert.Equal(
        ["a", "b, c"],
        MmdeployPipeline.Read("""{"pipeline": {"tasks": [{"name": "postprocess", "params": {"labels": ["a", "b, c"]}}]}}""").Labels!.Names!);

    [Theory]
    [InlineData("""{"version": "1.3.1", "task": "Detector", "models": [{"name": "rtmdet"}]}""", "detect")]
    [InlineData("""{"version": "1.3.1", "codebase_config": {"type": "mmpretrain", "task": "Classification"}}""", "classify")]
    [InlineData("""{"codebase_config": {"type": "mmdet", "task": "InstanceSegmentation"}}""", "segment")]
    [InlineData("""{"task": "TextDetection"}""", null)]
    [InlineData("{}", null)]
    public void The_task_is_in_the_files_beside_it(string json, string? task) =>
        Assert.Equal((task, task), (MmdeployPipeline.ReadDeploy(json).Task, MmdeployPipeline.ReadDetail(json).Task));

    [Fact]
    public void A_pipeline_of_another_tool_is_left_aside_with_a_warning() =>
        Assert.Equal(["ignored: it has no 'pipeline' as mmdeploy writes it"], MmdeployPipeline.Read("""{"stages": []}""").Warnings);

    [Theory]
    [InlineData("""{"type": "Resize", "size": [1, 2, 3]}""", "pipeline.json: pipeline: tasks[1]: transforms[0]: 'size' must be one side or two, not [1, 2, 3].")]
    [InlineData("""{"type": "Resize", "size": "large"}""", "pipeline.json: pipeline: tasks[1]: transforms[0]: 'size' must be a number from -1 to 16384, not \"large\".")]
    public void What_is_malformed_is_refused_with_the_way_to_it(string step, string problem) =>
        Assert.Equal(problem, Assert.Throws<ModelLoadException>(() => Read(step)).Message);

    private static Manifest Read(string steps) => MmdeployPipeline.Read($$"""
        {"pipeline": {"input": ["img"], "output": ["post_output"], "tasks": [
          {"type": "Task", "module": "Net", "name": "net", "input_map": {"img": "input"} },
          {"type": "Task", "module": "Transform", "name": "Preprocess", "input": ["img"], "transforms": [{{steps}}] }
        ] } }
        """);
}
