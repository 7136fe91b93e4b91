using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using VisionService.Inference;

namespace VisionService.Tests.Inference;

public class ExecutionProviderTests
{
    private readonly List<string> _warnings = [];

    [Fact]
    public void The_cpu_is_one_device_and_nothing_warns_of_what_was_chosen()
    {
        var provider = Provider(new() { Provider = ProviderChoice.Cpu, Instances = 3 });
        Assert.Equal(("CPU", false, "configured"), (provider.Name, provider.IsCuda, provider.Reason));
        Assert.Equal(InferenceDevice.Cpu, Assert.Single(provider.Devices));
        Assert.Equal(3, provider.Batching(new() { Instances = 3 }).Runners);
        Assert.Empty(_warnings);
    }

    [Fact]
    public void Cuda_that_cannot_be_used_falls_back_with_the_reason()
    {
        var provider = Provider(new() { Provider = ProviderChoice.Cuda });
        Assert.SkipWhen(provider.IsCuda, "CUDA is there");
        Assert.Equal("CPU", provider.Name);
        Assert.Equal(InferenceDevice.Cpu, Assert.Single(provider.Devices));
        Assert.Equal([$"CUDA cannot be used, falling back to the CPU: {provider.Reason}."], _warnings);
    }

    [Fact]
    public void Tensor_rt_that_cannot_be_used_is_told()
    {
        Provider(new() { Provider = ProviderChoice.Cpu, TensorRt = true });
        Assert.Equal(
            ["TensorRT cannot be used, models run on the CPU alone: models run on the CPU."], _warnings);
    }

    [Fact]
    public void A_session_of_the_provider_runs()
    {
        var graph = TinyModels.Colors();
        OnnxGraph.InputNormalization.Fuse(graph, "pixels", new OnnxGraph.PixelNormalization());
        using var session = Provider(new() { Provider = ProviderChoice.Cpu })
            .Open(graph.ToBytes(), new BatchingOptions(2, 4, TimeSpan.Zero, 8));
        Assert.Equal([1L, 3], Assert.Single(session.Probe(new ModelInput(3, 4, 4))).Shape);
    }

    [Fact]
    public void Cuda_is_told_to_search_cheaply_and_to_keep_its_memory_small()
    {
        var settings = ProviderSettings.Cuda(2, isExact: false, new());
        Assert.Equal("2", settings["device_id"]);
        Assert.Equal("HEURISTIC", settings["cudnn_conv_algo_search"]);
        Assert.Equal("kSameAsRequested", settings["arena_extend_strategy"]);
        Assert.Equal(("1", "1"), (settings["use_tf32"], settings["cudnn_conv_use_max_workspace"]));
        Assert.DoesNotContain("gpu_mem_limit", settings);
    }

    [Fact]
    public void Gradients_are_computed_in_full_precision() =>
        Assert.Equal("0", ProviderSettings.Cuda(0, isExact: true, new())["use_tf32"]);

    [Fact]
    public void A_limit_of_memory_leaves_convolutions_little_room_to_work_in()
    {
        var settings = ProviderSettings.Cuda(0, isExact: false, new() { GpuMemoryLimit = 6_000_000_000 });
        Assert.Equal(("6000000000", "0"), (settings["gpu_mem_limit"], settings["cudnn_conv_use_max_workspace"]));
    }

    [Fact]
    public void Tensor_rt_keeps_its_engines_where_a_folder_is_named()
    {
        var plain = ProviderSettings.TensorRt(1, new() { TensorRt = true });
        Assert.Equal(["device_id", "trt_fp16_enable"], plain.Keys.Order());
        Assert.Equal(("1", "0"), (plain["device_id"], plain["trt_fp16_enable"]));

        var cached = ProviderSettings.TensorRt(0, new() { TensorRt = true, Fp16 = true, TensorRtCache = "engines" });
        Assert.Equal("1", cached["trt_fp16_enable"]);
        Assert.Equal(("1", "engines"), (cached["trt_engine_cache_enable"], cached["trt_engine_cache_path"]));
        Assert.Equal(("1", "engines"), (cached["trt_timing_cache_enable"], cached["trt_timing_cache_path"]));
    }

    [Theory]
    [InlineData(null, new[] { 0, 1, 2 })]
    [InlineData("", new[] { 0, 1, 2 })]
    [InlineData("2,0", new[] { 2, 0 })]
    [InlineData("1,1", new[] { 1 })]
    public void Devices_are_all_or_those_that_are_named(string? list, int[] ids)
    {
        var devices = InferenceDevice.ChooseCuda(list, 3);
        Assert.Equal(ids, devices.Select(device => device.CudaId!.Value));
        Assert.Equal(ids.Select(id => $"CUDA {id}"), devices.Select(device => device.Name));
    }

    [Fact]
    public void A_device_that_is_not_there_is_a_wrong_setting()
    {
        var problem = Assert.Throws<OptionsValidationException>(() => InferenceDevice.ChooseCuda("0,2", 2));
        Assert.Equal("Inference:CudaDevices names device 2, but the driver shows 2, numbered from 0.", problem.Message);
    }

    [Theory]
    [InlineData("0,", false)]
    [InlineData("first", false)]
    [InlineData("-1", false)]
    [InlineData("0,12", true)]
    [InlineData("0, 2", true)]
    public void A_list_of_devices_holds_numbers(string list, bool isRight)
    {
        var problems = Validate(new() { CudaDevices = list });
        Assert.Equal(isRight ? [] : ["Inference:CudaDevices is a list of numbers, such as '0,2'."], problems);
    }

    [Fact]
    public void Half_precision_without_tensor_rt_is_a_wrong_setting()
    {
        var problem = Assert.Single(Validate(new() { Fp16 = true }));
        Assert.Equal(
            "Inference:Fp16 needs Inference:TensorRt; without it a model runs in the precision of its file.", problem);
        Assert.Empty(Validate(new() { Fp16 = true, TensorRt = true }));
    }

    private static IEnumerable<string> Validate(InferenceOptions options)
    {
        var problems = new List<ValidationResult>();
        Validator.TryValidateObject(options, new ValidationContext(options), problems, validateAllProperties: true);
        return problems.Select(problem => problem.ErrorMessage!);
    }

    private ExecutionProvider Provider(InferenceOptions options) =>
        new(Options.Create(options), new Warnings(_warnings));

    private sealed class Warnings(List<string> messages) : ILogger<ExecutionProvider>
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        void ILogger.Log<TState>(
            LogLevel level, EventId id, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            messages.Add(formatter(state, exception));
    }
}
