using System.Text;
using VisionService.Inference;
using VisionService.Repository;

namespace VisionService.Api.OpenInference;

/// <summary>What a request for inference is answered with, before a transport gives it a form. Its tensors live until
/// disposal.</summary>
internal sealed class InferAnswer(ModelEntry model, string? id, IReadOnlyList<InferOutput> outputs, IDisposable? run = null) : IDisposable
{
    public ModelEntry Model => model;

    public string? Id => id;

    public IReadOnlyList<InferOutput> Outputs => outputs;

    public void Dispose() => run?.Dispose();
}

/// <summary>A tensor that is answered.</summary>
/// <param name="Parameters">What the request said of it.</param>
internal abstract record InferOutput(string Name, Datatype Datatype, long[] Shape, InferParameters? Parameters)
{
    /// <summary>The elements as they lie in memory; not of texts.</summary>
    public abstract ReadOnlySpan<byte> Bytes { get; }

    /// <summary>The elements of a tensor of texts.</summary>
    public abstract IReadOnlyList<ReadOnlyMemory<byte>> Texts { get; }
}

/// <summary>An output of a run.</summary>
internal sealed record RunOutput(string Name, Datatype Datatype, long[] Shape, InferParameters? Parameters, ItemOutputs Run, int Index)
    : InferOutput(Name, Datatype, Shape, Parameters)
{
    public override ReadOnlySpan<byte> Bytes => Run.Outputs.Bytes(Index);

    public override IReadOnlyList<ReadOnlyMemory<byte>> Texts { get; } = Datatype != Datatype.BYTES ? []
        : [.. Run.Outputs.Texts(Index).ToArray().Select(static text => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(text))];
}
