using VisionService.Repository;
using VisionService.Repository.SideFiles;

namespace VisionService.Tests.Repository.SideFiles;

public class TritonConfigTests
{
    [Fact]
    public void A_config_in_Tritons_manner_is_read()
    {
        var manifest = TritonConfig.Read("""
            name: "densenet_onnx"
            platform: "onnxruntime_onnx"
            max_batch_size: 8
            default_model_filename: "densenet.onnx"
            input [
              {
                name: "data_0"
                data_type: TYPE_FP32
                format: FORMAT_NCHW
                dims: [ 3, 224, 320 ]
              }
            ]
            output [
              { name: "features" data_type: TYPE_FP32 dims: [ 1024 ] },
              { name: "fc6_1" data_type: TYPE_FP32 dims: [ 1000 ] label_filename: "densenet_labels.txt" }
            ]
            instance_group [ { count: 2 kind: KIND_GPU gpus: [ 0 ] }, { count: 3 kind: KIND_CPU } ]
            dynamic_batching {
              preferred_batch_size: [ 4, 8 ]
              max_queue_delay_microseconds: 500
              default_queue_policy { timeout_action: REJECT default_timeout_microseconds: 250000 max_queue_size: 64 }
            }
            version_policy: { latest { num_versions: 2 } }
            model_warmup [ { name: "zero" batch_size: 1 } ]
            """);
        Assert.Equal(("densenet_onnx", "densenet.onnx", "config.pbtxt"), (manifest.Name, manifest.File, manifest.Source));
        Assert.Equal(new ManifestLabels(null, "densenet_labels.txt", "label_filename"), manifest.Labels);
        Assert.Equal(((int, int)?)(320, 224), manifest.Input.Size); // dims are C, H, W; the batch axis goes before them
        Assert.False(manifest.Input.Layout);
        Assert.Equal("fc6_1", manifest.Output.Scores);
        Assert.Equal(new VersionPolicy(2, null), manifest.Versions);
        Assert.Equal(["data_0"], manifest.Tensors!.Inputs);
        Assert.Equal(["features", "fc6_1"], manifest.Tensors.Outputs);
        Assert.Equal(
            new ManifestBatching(8, TimeSpan.FromMilliseconds(0.5), 64, TimeSpan.FromSeconds(0.25), null, CpuInstances: 3, CudaInstances: 2),
            manifest.Batching);
        Assert.Equal(
            ["ignored: dynamic_batching.preferred_batch_size, since any size up to the largest is taken when it pays"],
            manifest.Warnings);
    }

    [Theory]
    [InlineData("", 1)]
    [InlineData("max_batch_size: 0", 1)]
    [InlineData("max_batch_size: 32", 32)]
    [InlineData("max_batch_size: 256", 256)]
    public void Batches_are_as_large_as_it_says_and_single_where_it_says_none(string text, int size) =>
        Assert.Equal(size, TritonConfig.Read(text).Batching.MaxBatchSize);

    [Fact]
    public void Larger_batches_than_there_are_here_are_cut_with_a_warning()
    {
        var manifest = TritonConfig.Read("max_batch_size: 1024");
        Assert.Equal(256, manifest.Batching.MaxBatchSize);
        Assert.Equal(["'max_batch_size' is 1024; batches here hold at most 256"], manifest.Warnings);
    }

    [Theory]
    [InlineData("max_batch_size: 0 input { dims: [ 1, 3, 224, 320 ] }", 320, 224, null)]
    [InlineData("max_batch_size: 4 input { dims: [ 3, 224, 320 ] }", 320, 224, null)]
    [InlineData("max_batch_size: 4 input { dims: [ 224, 320, 3 ] }", 320, 224, null)]
    [InlineData("max_batch_size: 4 input { dims: [ 224, 320, 3 ] format: FORMAT_NHWC }", 320, 224, true)]
    [InlineData("max_batch_size: 4 input { dims: [ 3, -1, -1 ] }", null, null, null)]
    [InlineData("max_batch_size: 4 input { dims: [ 2 ] } input { dims: [ 3, 8, 9 ] }", 9, 8, null)]
    [InlineData("max_batch_size: 4 input { dims: [ 5, 3, 8, 9 ] }", null, null, null)]
    public void The_size_is_that_of_the_input_that_has_the_form_of_an_image(string text, int? width, int? height, bool? isInterleaved)
    {
        var input = TritonConfig.Read(text).Input;
        Assert.Equal((width, height, isInterleaved), (input.Size?.Width, input.Size?.Height, input.Layout));
    }

    [Fact]
    public void Groups_of_one_kind_add_up_and_automatic_ones_count_for_both()
    {
        var batching = TritonConfig.Read("instance_group { count: 2 kind: KIND_CPU } instance_group { kind: KIND_CPU } instance_group { count: 4 }").Batching;
        Assert.Equal((7, 4), (batching.CpuInstances, batching.CudaInstances));
    }

    [Theory]
    [InlineData("version_policy { all { } }", null, null)]
    [InlineData("version_policy { latest { } }", 1, null)]
    [InlineData("version_policy: { specific: { versions: [1, 3] } }", null, "1 3")]
    public void The_policies_of_versions_are_Tritons(string text, int? latest, string? only)
    {
        var policy = TritonConfig.Read(text).Versions!;
        Assert.Equal((latest, only), (policy.Latest, policy.Only is null ? null : string.Join(' ', policy.Only)));
    }

    [Fact]
    public void No_limits_in_Tritons_manner_are_the_services_own()
    {
        var batching = TritonConfig.Read("dynamic_batching { default_queue_policy { max_queue_size: 0 default_timeout_microseconds: 0 } }").Batching;
        Assert.Equal((null, null, null), (batching.MaxQueueSize, batching.MaxQueueWait, batching.MaxQueueDelay));
    }

    [Fact]
    public void What_there_is_not_here_is_named_in_one_warning() => Assert.Equal(
        ["ignored: an instance_group of KIND_MODEL", "ignored: optimization, parameters, dynamic_batching.priority_levels"],
        TritonConfig.Read("""
            backend: "onnxruntime"
            optimization { graph { level: 1 } }
            parameters { key: "intra_op_thread_count" value: { string_value: "4" } }
            parameters { key: "x" value: { string_value: "y" } }
            dynamic_batching { priority_levels: 2 }
            instance_group { kind: KIND_MODEL }
            """).Warnings);

    [Theory]
    [InlineData("backend: \"tensorrt\"", "config.pbtxt: 'backend' is 'tensorrt'; served here are ONNX models, 'onnxruntime'.")]
    [InlineData("platform: \"pytorch_libtorch\"", "config.pbtxt: 'platform' is 'pytorch_libtorch'; served here are ONNX models, 'onnxruntime_onnx'.")]
    [InlineData("max_batch_size: -1", "config.pbtxt: 'max_batch_size' must be a whole number from 0 to 2147483647, not '-1'.")]
    [InlineData(
        "dynamic_batching { max_queue_delay_microseconds: 2000000 }",
        "config.pbtxt: dynamic_batching: 'max_queue_delay_microseconds' must be a whole number from 0 to 1000000, not '2000000'.")]
    [InlineData("dynamic_batching: 5", "config.pbtxt: 'dynamic_batching' must be a message { }, not '5'.")]
    public void What_cannot_be_served_is_refused(string text, string problem) =>
        Assert.Equal(problem, Assert.Throws<ModelLoadException>(() => TritonConfig.Read(text)).Message);
}
