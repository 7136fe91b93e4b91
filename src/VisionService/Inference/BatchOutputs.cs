using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace VisionService.Inference;

/// <summary>The outputs of one run, shared by its items; the native memory is freed when the last item is done with
/// it.</summary>
internal sealed class BatchOutputs
{
    private readonly IDisposable _values;
    private int _readers;

    /// <param name="items">How many items read these outputs; each calls <see cref="Release"/> once.</param>
    /// <param name="rows">The run's batch size, padding included: what the first axis of an output is divided
    /// by.</param>
    public BatchOutputs(
        IReadOnlyList<string> names, IDisposableReadOnlyCollection<OrtValue> values, int items, int rows, bool isRaw = false)
    {
        (_values, _readers) = (values, items);
        Outputs = new BatchOutput[values.Count];
        for (var i = 0; i < Outputs.Length; i++)
        {
            Outputs[i] = new BatchOutput(names[i], values[i], rows, isRaw);
        }
    }

    public BatchOutput[] Outputs { get; }

    /// <summary>What the outputs are like for one item.</summary>
    public IReadOnlyList<OutputShape> Shapes =>
        [.. Outputs.Select(static output => new OutputShape(output.Name, [.. output.ItemShape], output.IsFloat))];

    public void Release()
    {
        if (Interlocked.Decrement(ref _readers) == 0)
        {
            _values.Dispose();
        }
    }
}

/// <summary>One output tensor of a run and how its rows divide among the items.</summary>
internal sealed class BatchOutput
{
    private readonly OrtValue _value;
    private readonly float[]? _floats;
    private readonly long[]? _integers;
    private readonly TensorElementType _type;
    private readonly int _itemLength;

    /// <param name="isRaw">Whether it is read as it is: by its bytes or texts, scalars as scalars.</param>
    public BatchOutput(string name, OrtValue value, int rows, bool isRaw)
    {
        Name = name;
        _value = value;
        var info = value.GetTensorTypeAndShape();
        _type = info.ElementDataType;
        ItemShape = info.Shape.Length == 0 && !isRaw ? [1] : info.Shape;
        if (rows > 1)
        {
            if (ItemShape.Length == 0 || ItemShape[0] % rows != 0)
            {
                throw new InvalidOperationException(
                    $"Output '{name}' has {(ItemShape.Length == 0 ? 1 : ItemShape[0])} rows for a batch of {rows}: it has no batch axis.");
            }

            ItemShape[0] /= rows;
        }

        _itemLength = checked((int)(info.ElementCount / rows));
        (_floats, _integers) = isRaw ? (null, null) : Widen(value, _type);
    }

    public string Name { get; }

    public long[] ItemShape { get; }

    public Datatype Type => Datatypes.Of((int)_type);

    public bool IsFloat => _floats is not null || _type == TensorElementType.Float;

    public ReadOnlySpan<float> Floats(int item) => Row(
        _floats is not null ? _floats
        : _type == TensorElementType.Float ? _value.GetTensorDataAsSpan<float>()
        : throw new InvalidOperationException($"Output '{Name}' holds {_type}, not floating-point numbers."),
        item);

    public ReadOnlySpan<long> Integers(int item) => Row(
        _integers is not null ? _integers
        : _type == TensorElementType.Int64 ? _value.GetTensorDataAsSpan<long>()
        : throw new InvalidOperationException($"Output '{Name}' holds {_type}, not integers."),
        item);

    public ReadOnlySpan<byte> Bytes(int item)
    {
        var length = _itemLength * (TensorShape.ElementBytes(_type)
            ?? throw new InvalidOperationException($"Output '{Name}' holds {_type}, which has no bytes."));
        return _value.GetTensorMutableRawData().Slice(item * length, length);
    }

    public ReadOnlySpan<string> Texts(int item) => Row<string>(_value.GetStringTensorAsArray(), item);

    private ReadOnlySpan<T> Row<T>(ReadOnlySpan<T> all, int item) => all.Slice(item * _itemLength, _itemLength);

    /// <summary>The rarer element types, converted once, on the runner's thread.</summary>
    private static (float[]? Floats, long[]? Integers) Widen(OrtValue value, TensorElementType type)
    {
        switch (type)
        {
            case TensorElementType.Float16:
                var halves = MemoryMarshal.Cast<Float16, Half>(value.GetTensorDataAsSpan<Float16>());
                var floats = new float[halves.Length];
                TensorPrimitives.ConvertToSingle(halves, floats);
                return (floats, null);
            case TensorElementType.Double:
                return (Convert<double, float>(value, static v => (float)v), null);
            case TensorElementType.Int32:
                return (null, Convert<int, long>(value, static v => v));
            case TensorElementType.UInt8:
                return (null, Convert<byte, long>(value, static v => v));
            case TensorElementType.Int8:
                return (null, Convert<sbyte, long>(value, static v => v));
            case TensorElementType.Bool:
                return (null, Convert<bool, long>(value, static v => v ? 1 : 0));
            default:
                return (null, null);
        }
    }

    private static TTo[] Convert<TFrom, TTo>(OrtValue value, Func<TFrom, TTo> convert)
        where TFrom : unmanaged
    {
        var from = value.GetTensorDataAsSpan<TFrom>();
        var to = new TTo[from.Length];
        for (var i = 0; i < to.Length; i++)
        {
            to[i] = convert(from[i]);
        }

        return to;
    }
}
