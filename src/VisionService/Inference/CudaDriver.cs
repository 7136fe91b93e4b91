using System.Runtime.InteropServices;

namespace VisionService.Inference;

/// <summary>NVIDIA's driver, asked before ONNX Runtime's provider is loaded: it says quickly, and without a log of
/// errors, whether there is a device.</summary>
internal static unsafe class CudaDriver
{
    private const string Library = "libcuda.so.1";

    /// <summary>How many devices this process may use (CUDA_VISIBLE_DEVICES respected), and why none.</summary>
    public static (int Count, string Reason) CountDevices()
    {
        // Never freed: the provider uses the same copy.
        if (!NativeLibrary.TryLoad(Library, out var library))
        {
            return (0, $"there is no NVIDIA driver ({Library})");
        }

        if (!NativeLibrary.TryGetExport(library, "cuInit", out var init)
            || !NativeLibrary.TryGetExport(library, "cuDeviceGetCount", out var getCount))
        {
            return (0, $"{Library} is not NVIDIA's driver");
        }

        var count = 0;
        var error = ((delegate* unmanaged<uint, int>)init)(0);
        if (error == 0)
        {
            error = ((delegate* unmanaged<int*, int>)getCount)(&count);
        }

        return error != 0 ? (0, $"the NVIDIA driver finds no device (cuInit: error {error})")
            : count == 0 ? (0, "the NVIDIA driver shows this process no device")
            : (count, $"{count} found");
    }
}
