using Microsoft.Extensions.Options;

namespace VisionService.Inference;

/// <summary>One place where sessions run.</summary>
/// <param name="CudaId">The device's number among those that the driver shows this process; null for the CPU.</param>
internal sealed record InferenceDevice(string Name, int? CudaId)
{
    public static InferenceDevice Cpu { get; } = new("CPU", null);

    /// <summary>ONNX Runtime's name of the memory that inputs and outputs should lie in: page-locked, so that copies to
    /// and from the device run at full speed; null where managed memory is as good.</summary>
    public string? BufferAllocator { get; init; } = CudaId is null ? null : "CudaPinned";

    /// <summary>The CUDA devices that a list such as "0,2" names, in its order; all of them without one.</summary>
    /// <param name="count">How many there are.</param>
    /// <exception cref="OptionsValidationException">It names a device that is not there.</exception>
    public static IReadOnlyList<InferenceDevice> ChooseCuda(string? list, int count)
    {
        var ids = string.IsNullOrEmpty(list)
            ? [.. Enumerable.Range(0, count)]
            : list.Split(',').Select(int.Parse).Distinct().ToArray();
        return Array.FindIndex(ids, id => id >= count) is var wrong and >= 0
            ? throw new OptionsValidationException(
                "Inference",
                typeof(InferenceOptions),
                [$"Inference:CudaDevices names device {ids[wrong]}, but the driver shows {count}, numbered from 0."])
            : Array.ConvertAll(ids, static id => new InferenceDevice($"CUDA {id}", id));
    }

    public override string ToString() => Name;
}
