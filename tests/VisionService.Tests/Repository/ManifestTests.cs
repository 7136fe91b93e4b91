using VisionService.Detection;
using VisionService.Imaging;
using VisionService.Inference;
using VisionService.Repository;

namespace VisionService.Tests.Repository;

public class ManifestTests
{
    [Fact]
    public void An_empty_file_says_nothing()
    {
        var manifest = Parse("");
        Assert.Equal((null, null, null, null), (manifest.Name, manifest.Task, manifest.Family, manifest.Labels));
        Assert.Equivalent(Manifest.Empty.Input, manifest.Input, strict: true);
        Assert.Equivalent(Manifest.Empty.Output, manifest.Output, strict: true);
        Assert.Equal(Manifest.Empty.Batching, manifest.Batching);
        Assert.Equal((null, null), (manifest.File, manifest.Versions));
    }

    [Fact]
    public void Every_key_is_read()
    {
        var manifest = Parse("""
            name: doors
            task: classify
            family: resnet
            labels: doors.txt
            input:
              preset: keras-caffe
              size: [640, 480]
              resize: letterbox
              shortest: 256
              longest: 512
              pad: 114
              align: topleft
              interpolation: cubic
              antialias: false
              color: bgr
              invert: true
              scale: 1/255
              mean: [0.5, 1/4, 0]
              std: 2
              layout: nhwc
            output: {scores: prob, activation: sigmoid, background: first, conf: 0.3, iou: 0.6, nms: diou, label_offset: 1,
              per_class_conf: {door: 0.4}}
            batching: {max: 8, max_delay_ms: 2.5, max_queue: 64, max_wait_ms: 1500, max_run_ms: 20000}
            instances: {cpu: 2, cuda: auto}
            file: doors_fp16.onnx
            version_policy: {latest: 2}
            """);
        Assert.Equal(("doors", "classify", "resnet", "doors.txt"), (manifest.Name, manifest.Task, manifest.Family, manifest.Labels!.File));
        Assert.Equal(("doors_fp16.onnx", new VersionPolicy(2, null)), (manifest.File, manifest.Versions));
        var input = manifest.Input;
        Assert.Equal("keras-caffe", input.Preset?.Name);
        Assert.Equal((640, 480), input.Size);
        Assert.Equal((ResizeMode.Letterbox, 256, 512, 114), (input.Resize, input.Shortest, input.Longest, input.Pad));
        Assert.Equal((LetterboxAlign.TopLeft, Interpolation.Bicubic, false), (input.Align, input.Interpolation, input.Antialias));
        Assert.Equal((InputColor.Bgr, true, true), (input.Color, input.Invert, input.Layout));
        Assert.Equal(1.0 / 255, input.Scale);
        Assert.Equal([0.5, 0.25, 0], input.Mean!);
        Assert.Equal([2.0], input.Std!);
        var output = manifest.Output;
        Assert.Equal(("prob", ScoreActivation.Sigmoid, true, 1), (output.Scores, output.Activation, output.Background, output.LabelOffset));
        Assert.Equal((0.3, 0.6, SuppressionMethod.DIoU), (output.MinScore, output.MaxIoU, output.Suppression));
        Assert.Equal([new("door", 0.4)], output.MinScoreByLabel);
        Assert.Equal(new ManifestBatching(
                8,
                TimeSpan.FromMilliseconds(2.5),
                64,
                MaxQueueWait: TimeSpan.FromSeconds(1.5),
                MaxRunTime: TimeSpan.FromSeconds(20),
                CpuInstances: 2,
                CudaInstances: null), manifest.Batching);
    }

    [Theory]
    [InlineData("letterbox", ResizeMode.Letterbox)]
    [InlineData("stretch", ResizeMode.Stretch)]
    [InlineData("shortest-crop", ResizeMode.ShortestCrop)]
    [InlineData("none", ResizeMode.None)]
    internal void Every_resize_has_its_name(string name, ResizeMode mode) => Assert.Equal(mode, Parse($"input: {{resize: {name}}}").Input.Resize);

    [Theory]
    [InlineData("linear", Interpolation.Bilinear)]
    [InlineData("cubic", Interpolation.Bicubic)]
    [InlineData("area", Interpolation.Area)]
    [InlineData("nearest", Interpolation.Nearest)]
    [InlineData("lanczos", Interpolation.Lanczos3)]
    internal void Every_interpolation_has_its_name(string name, Interpolation interpolation) =>
        Assert.Equal(interpolation, Parse($"input: {{interpolation: {name}}}").Input.Interpolation);

    [Fact]
    public void One_number_is_a_square() => Assert.Equal((224, 224), Parse("input: {size: 224}").Input.Size);

    [Fact]
    public void Labels_can_stand_in_the_manifest() => Assert.Equal(["open", "shut"], Parse("labels: [open, shut]").Labels!.Names!);

    [Theory]
    [InlineData("tsak: classify", "vision.yaml: unknown key 'tsak' (did you mean 'task'?). Known: name, task, family, labels, input, output, batching, instances, file, version_policy, golden.")]
    [InlineData("input: {sise: 4}", "vision.yaml: input: unknown key 'sise' (did you mean 'size'?). Known: preset, size, ")]
    [InlineData("output: {treshold: 4}", "vision.yaml: output: unknown key 'treshold'. Known: scores, activation, background, label_offset, conf, per_class_conf, iou, nms, ")]
    [InlineData("batching: {maximum: 4}", "vision.yaml: batching: unknown key 'maximum'. Known: max, max_delay_ms, max_queue, max_wait_ms, max_run_ms.")]
    [InlineData("instances: {gpus: 4}", "vision.yaml: instances: unknown key 'gpus'. Known: cpu, cuda.")]
    [InlineData("input: {preset: keras}", "vision.yaml: input: 'preset' must be one of torchvision, unit, raw, keras-tf, keras-caffe, keras-torch, not 'keras'.")]
    [InlineData("input: {pad: 256}", "vision.yaml: input: 'pad' must be a whole number from 0 to 255, not '256'.")]
    [InlineData("input: {invert: yes}", "vision.yaml: input: 'invert' must be true or false, not 'yes'.")]
    [InlineData("input: {scale: 1/0}", "vision.yaml: input: 'scale' must be a number from 0 to 1000000, or a fraction such as 1/255, not '1/0'.")]
    [InlineData("input: {mean: [0, x]}", "vision.yaml: input: 'mean' must be a number from -1000000 to 1000000, or a fraction such as 1/255, not 'x'.")]
    [InlineData("input: {std: 0}", "vision.yaml: input: 'std' must be a number from 1E-09 to 1000000, or a fraction such as 1/255, not '0'.")]
    [InlineData("input: {size: [1, 2, 3]}", "vision.yaml: input: 'size' must be a side, or [width, height].")]
    [InlineData("input: {size: 22.5}", "vision.yaml: input: 'size' must be a side, or [width, height].")]
    [InlineData("input: 5", "vision.yaml: 'input' must be a mapping (key: value).")]
    [InlineData("labels: []", "vision.yaml: 'labels' must be a file or a list of names.")]
    [InlineData("labels: [[a]]", "vision.yaml: 'labels' must be a list of texts.")]
    [InlineData("task: [classify]", "vision.yaml: 'task' must be a text.")]
    [InlineData("batching: {max: 0}", "vision.yaml: batching: 'max' must be a whole number from 1 to 256, not '0'.")]
    [InlineData("instances: {cpu: many}", "vision.yaml: instances: 'cpu' must be a whole number from 1 to 256, not 'many'.")]
    [InlineData("output: {conf: 2}", "vision.yaml: output: 'conf' must be a number from 0 to 1, or a fraction such as 1/255, not '2'.")]
    [InlineData("version_policy: latest", "vision.yaml: 'version_policy' must be {latest: n}, all, or a list of versions such as [1, 3].")]
    [InlineData("version_policy: [01]", "vision.yaml: 'version_policy' must be {latest: n}, all, or a list of versions such as [1, 3].")]
    [InlineData("version_policy: {newest: 1}", "vision.yaml: 'version_policy' must be {latest: n}, all, or a list of versions such as [1, 3].")]
    [InlineData("version_policy: {latest: 0}", "vision.yaml: version_policy: 'latest' must be a whole number from 1 to 1000, not '0'.")]
    [InlineData("- a list", "vision.yaml is not one YAML mapping (key: value).")]
    [InlineData("task: classify\ninput: {size: [1, 2\n", "vision.yaml, line ")]
    [InlineData("task: classify\ntask: classify", "vision.yaml, line 2: ")]
    [InlineData("task: 'classify", "vision.yaml, line 1: ")]
    public void What_is_wrong_is_said_with_its_key_and_what_it_may_be(string text, string message) =>
        Assert.StartsWith(message, Assert.Throws<ModelLoadException>(() => Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_text_of_brackets_alone_is_refused_and_ends_nothing() => Assert.Equal(
        "vision.yaml, line 1: more than 64 levels.",
        Assert.Throws<ModelLoadException>(() => Parse($"mean: {new string('[', 100_000)}")).Message);

    private static Manifest Parse(string text) => Manifest.Parse(text, "vision.yaml");
}
