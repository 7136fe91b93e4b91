using System.Globalization;

namespace VisionService.Inference;

/// <summary>What ONNX Runtime's providers are told, by their own keys.</summary>
internal static class ProviderSettings
{
    /// <param name="isExact">Full float32: TensorFloat-32 makes gradients jump at every ReLU near zero.</param>
    public static Dictionary<string, string> Cuda(int deviceId, bool isExact, InferenceOptions options)
    {
        var settings = new Dictionary<string, string>
        {
            ["device_id"] = Text(deviceId),

            // EXHAUSTIVE searches again for each new shape: hundreds of milliseconds in the middle of traffic.
            ["cudnn_conv_algo_search"] = "HEURISTIC",

            // The default doubles the arena. Once every bucket has run, nothing more is asked for; and nothing is given
            // back after a run ("memory.enable_memory_arena_shrinkage"): freeing waits for all work on the device.
            ["arena_extend_strategy"] = "kSameAsRequested",
            ["use_tf32"] = isExact ? "0" : "1",

            // The fastest convolutions want room to work in; where room is short, the small ones must do.
            ["cudnn_conv_use_max_workspace"] = options.GpuMemoryLimit > 0 ? "0" : "1",
        };
        if (options.GpuMemoryLimit > 0)
        {
            settings["gpu_mem_limit"] = Text(options.GpuMemoryLimit);
        }

        return settings;
    }

    /// <summary>For the operators that TensorRT takes; those that it leaves run on CUDA.</summary>
    public static Dictionary<string, string> TensorRt(int deviceId, InferenceOptions options)
    {
        var settings = new Dictionary<string, string>
        {
            ["device_id"] = Text(deviceId),
            ["trt_fp16_enable"] = options.Fp16 ? "1" : "0",
        };
        if (options.TensorRtCache is { Length: > 0 } folder)
        {
            (settings["trt_engine_cache_enable"], settings["trt_engine_cache_path"]) = ("1", folder);
            (settings["trt_timing_cache_enable"], settings["trt_timing_cache_path"]) = ("1", folder);
        }

        return settings;
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
