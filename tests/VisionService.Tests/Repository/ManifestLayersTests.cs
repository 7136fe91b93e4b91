using System.Collections;
using System.Reflection;
using VisionService.Imaging;
using VisionService.Repository;

namespace VisionService.Tests.Repository;

/// <summary>One manifest over another.</summary>
public class ManifestLayersTests
{
    private const string Full = """
        name: doors
        task: classify
        family: resnet
        labels: doors.txt
        input: {preset: keras-caffe, size: [640, 480], resize: letterbox, shortest: 256, longest: 512, pad: 114, align: topleft, multiple_of: 32,
          interpolation: cubic, antialias: false, color: bgr, invert: true, scale: 1/255, mean: [0.5, 1/4, 0], std: 2, layout: nhwc}
        output: {scores: prob, activation: sigmoid, background: first, conf: 0.3, iou: 0.6, nms: diou, label_offset: 1, per_class_conf: {door: 0.4},
          argmax: outside, anchors: [[1, 2]], strides: [8], priors: p.json, merge: instance}
        batching: {max: 8, max_delay_ms: 2.5, max_queue: 64, max_wait_ms: 1500, max_run_ms: 20000}
        instances: {cpu: 2, cuda: 3}
        file: doors.onnx
        version_policy: all
        """;

    private static readonly Manifest Whole = Manifest.Parse(Full, "whole") with
    {
        ModelType = "detr",
        Metadata = new Dictionary<string, string> { ["author"] = "x" },
        Tensors = new ManifestTensors(["a"], ["b"]),
    };

    [Fact]
    public void What_one_leaves_open_the_other_says_whichever_lies_above()
    {
        Assert.Empty(Unsaid(Whole)); // the text above names every key
        foreach (var merged in (Manifest[])[Manifest.Empty.Over(Whole), Whole.Over(Manifest.Empty)])
        {
            Assert.Empty(Unsaid(merged));
            Assert.Equal(Whole.Input, merged.Input);
            Assert.Equal(Whole.Output, merged.Output);
            Assert.Equal(Whole.Batching, merged.Batching);
        }
    }

    [Fact]
    public void The_upper_word_holds_and_each_word_has_its_source()
    {
        var merged = Parse("{task: segment, output: {conf: 0.1}}", "top").Over(Parse("{task: detect, output: {conf: 0.2, iou: 0.3}}", "middle"))
            .Over(Parse("{family: detr, task: classify, output: {iou: 0.4}}", "bottom"));
        Assert.Equal(("segment", "detr", 0.1, 0.3), (merged.Task, merged.Family, merged.Output.MinScore, merged.Output.MaxIoU));
        Assert.Equal("top", merged.SourceOf(layer => layer.Task));
        Assert.Equal("middle", merged.SourceOf(layer => layer.Output.MaxIoU));
        Assert.Equal("bottom", merged.SourceOf(layer => layer.Family));
        Assert.Equal("top", merged.SourceOf(layer => layer.Name)); // nobody says it
        Assert.Equal(["top", "middle", "bottom"], merged.Layers.Select(layer => layer.Source));
    }

    [Theory]
    [InlineData("preset: torchvision")]
    [InlineData("scale: 1/128")]
    [InlineData("mean: 5")]
    [InlineData("std: 5")]
    public void A_normalisation_is_not_put_together_from_two_files(string upper)
    {
        var above = Parse($"input: {{{upper}}}", "top").Input;
        var merged = above.Over(Parse("input: {scale: 1/255, mean: [1, 2, 3], std: [4, 5, 6], interpolation: cubic}", "bottom").Input);
        Assert.Equal((above.Preset, above.Scale, above.Mean, above.Std), (merged.Preset, merged.Scale, merged.Mean, merged.Std));
        Assert.Equal(Interpolation.Bicubic, merged.Interpolation);
    }

    [Fact]
    public void A_preset_brings_its_order_of_channels()
    {
        var below = Parse("input: {color: bgr}", "bottom").Input;
        Assert.Null(Parse("input: {preset: torchvision}", "top").Input.Over(below).Color);
        Assert.Equal(InputColor.Bgr, Parse("input: {pad: 3}", "top").Input.Over(below).Color);
    }

    [Theory]
    [InlineData("resize: stretch", null)]
    [InlineData("size: 384", null)]
    [InlineData("resize: shortest-crop", 256)]
    [InlineData("size: 224", 256)]
    [InlineData("pad: 5", 256)]
    [InlineData("shortest: 300", 300)]
    [InlineData("{size: 384, shortest: 400}", 400)]
    public void The_side_before_a_crop_belongs_to_the_crop_it_was_said_for(string upper, int? shortest) => Assert.Equal(
        shortest,
        Parse($"input: {(upper[0] == '{' ? upper : $"{{{upper}}}")}", "top").Input
            .Over(Parse("input: {resize: shortest-crop, size: 224, shortest: 256}", "bottom").Input).Shortest);

    /// <summary>The keys, all the way down, that hold nothing.</summary>
    private static IEnumerable<string> Unsaid(object record) =>
        from property in record.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance)
        where property.GetIndexParameters().Length == 0 && property.Name is not ("Layers" or "Warnings" or "Source" or "OpenSize")
        let value = property.GetValue(record)
        from unsaid in value is null or ICollection { Count: 0 } ? [property.Name]
            : value is ManifestInput or ManifestOutput or ManifestBatching ? Unsaid(value).Select(name => $"{property.Name}.{name}")
            : []
        select unsaid;

    private static Manifest Parse(string text, string file) => Manifest.Parse(text, file);
}
