using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace VisionService.Inference;

/// <summary>A model's ONNX Runtime session on one device. Where the device has page-locked memory, outputs come back in
/// it, and <see cref="Buffers"/> gives of it for inputs.</summary>
internal sealed class DeviceSession : IDisposable
{
    private readonly string[] _inputNames;

    /// <param name="session">Owned from here on.</param>
    public DeviceSession(InferenceSession session, InferenceDevice device)
    {
        Session = session;
        _inputNames = [.. session.InputNames];
        Buffers = device.BufferAllocator is { } allocator
            ? DeviceBuffers.TryOpen(session, allocator, device.CudaId ?? 0)
            : null;
    }

    public InferenceSession Session { get; }

    /// <summary>Null on the CPU, and where the provider has no such memory.</summary>
    public DeviceBuffers? Buffers { get; }

    public IDisposableReadOnlyCollection<OrtValue> Run(RunOptions options, OrtValue[] inputs, string[] outputNames)
    {
        if (Buffers is null)
        {
            return Session.Run(options, _inputNames, inputs, outputNames);
        }

        // A binding is good for one run: inputs are copied to the device when they are bound, not when the session
        // runs, and a second run would write into the outputs of the first, which somebody still reads.
        using var binding = Session.CreateIoBinding();
        for (var i = 0; i < inputs.Length; i++)
        {
            binding.BindInput(_inputNames[i], inputs[i]);
        }

        foreach (var name in outputNames)
        {
            var output = Session.OutputMetadata[name];
            var holdsBytes = output.IsTensor && output.ElementDataType != TensorElementType.String;
            binding.BindOutputToDevice(name, holdsBytes ? Buffers.Memory : OrtMemoryInfo.DefaultInstance);
        }

        return Session.RunWithBoundResults(options, binding);
    }

    public void Dispose()
    {
        Buffers?.Dispose();
        Session.Dispose();
    }
}

/// <summary>A kind of memory that a session can allocate.</summary>
internal sealed class DeviceBuffers : IDisposable
{
    private readonly OrtAllocator _allocator;

    private DeviceBuffers(OrtAllocator allocator, OrtMemoryInfo memory) => (_allocator, Memory) = (allocator, memory);

    public OrtMemoryInfo Memory { get; }

    /// <summary>Null where the session has no allocator of that name.</summary>
    public static DeviceBuffers? TryOpen(InferenceSession session, string allocator, int deviceId)
    {
        var memory = new OrtMemoryInfo(allocator, OrtAllocatorType.DeviceAllocator, deviceId, OrtMemType.CpuOutput);
        try
        {
            return new DeviceBuffers(new OrtAllocator(session, memory), memory);
        }
        catch (OnnxRuntimeException)
        {
            memory.Dispose();
            return null;
        }
    }

    public OrtMemoryAllocation Allocate(int length) => _allocator.Allocate((uint)length);

    public void Dispose()
    {
        _allocator.Dispose();
        Memory.Dispose();
    }
}
