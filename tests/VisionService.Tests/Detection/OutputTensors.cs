using Microsoft.ML.OnnxRuntime;
using VisionService.Detection;
using VisionService.Detection.Decoders;
using VisionService.Inference;

namespace VisionService.Tests.Detection;

/// <summary>The outputs of a run that never was: tensors by hand, read as a model's.</summary>
internal sealed class OutputTensors : IDisposable
{
    private readonly List<string> _names = [];
    private readonly OrtValues _values = [];

    public ModelOutputs Read() => new(new BatchOutputs(_names, _values, items: 1, rows: 1), 0);

    public OutputTensors Add(string name, long[] shape, params float[] values) => AddValue(name, shape, values);

    public OutputTensors Add(string name, long[] shape, params long[] values) => AddValue(name, shape, values);

    /// <summary>What a decoder finds at a least score.</summary>
    public List<DetectedObject> Decode(IDetectionDecoder decoder, float minScore = 0.25f)
    {
        using var candidates = Candidates.Rent(new ScoreFilter(minScore), keyPointCount: decoder.KeyPointCount);
        decoder.Decode(Read(), candidates);
        return candidates.ToObjects();
    }

    public void Dispose() => _values.Dispose();

    private OutputTensors AddValue<T>(string name, long[] shape, T[] values)
        where T : unmanaged
    {
        _names.Add(name);
        _values.Add(OrtValue.CreateTensorValueFromMemory(values, shape));
        return this;
    }
}

internal sealed class OrtValues : List<OrtValue>, IDisposableReadOnlyCollection<OrtValue>
{
    public void Dispose() => ForEach(static value => value.Dispose());
}
