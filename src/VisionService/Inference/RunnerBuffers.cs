using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;

namespace VisionService.Inference;

/// <summary>The memory that one runner gathers the rows of its inputs in, one buffer an input; it grows to the largest
/// batch met and stays.</summary>
/// <param name="memory">Where from; null for managed memory.</param>
internal sealed class RunnerBuffers(int inputs, DeviceBuffers? memory) : IDisposable
{
    private readonly Buffer[] _buffers = new Buffer[inputs];

    /// <summary>One input of all items, row after row, and zeros up to the number of rows. Valid until the next call
    /// for this input.</summary>
    public unsafe OrtValue Gather(IReadOnlyList<ModelItem> items, int input, int rows)
    {
        var shape = items[0].Shapes[input];
        var itemBytes = shape.Bytes;
        var length = checked(rows * itemBytes);
        ref var buffer = ref _buffers[input];
        if (buffer.Owner is null || buffer.Length < length)
        {
            buffer.Free();
            buffer = Allocate(length);
        }

        var bytes = new Span<byte>((void*)buffer.Address, length);
        for (var i = 0; i < items.Count; i++)
        {
            items[i].Bytes(input).CopyTo(bytes[(i * itemBytes)..]);
        }

        bytes[(items.Count * itemBytes)..].Clear();
        return OrtValue.CreateTensorValueWithData(
            memory?.Memory ?? OrtMemoryInfo.DefaultInstance,
            shape.Type,
            [rows, .. shape.Dimensions],
            buffer.Address,
            length);
    }

    public void Dispose()
    {
        for (var i = 0; i < _buffers.Length; i++)
        {
            _buffers[i].Free();
        }
    }

    private Buffer Allocate(int length)
    {
        if (memory is not null)
        {
            var allocation = memory.Allocate(Math.Max(length, 1));
            return new Buffer(allocation.DangerousGetHandle(), length, allocation);
        }

        var array = GC.AllocateUninitializedArray<byte>(Math.Max(length, 1), pinned: true);
        return new Buffer(Marshal.UnsafeAddrOfPinnedArrayElement(array, 0), length, array);
    }

    /// <param name="Owner">Keeps the memory: a pinned array, or an allocation to be given back.</param>
    private readonly record struct Buffer(nint Address, int Length, object? Owner)
    {
        public void Free() => (Owner as IDisposable)?.Dispose();
    }
}
