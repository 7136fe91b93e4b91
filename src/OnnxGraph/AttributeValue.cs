using Google.Protobuf;
using OnnxGraph.Proto;
using static OnnxGraph.Proto.AttributeProto.Types;

namespace OnnxGraph;

/// <summary>The value of a node's attribute; every type that ONNX knows converts to it implicitly.</summary>
public readonly struct AttributeValue
{
    private readonly AttributeProto _proto;

    private AttributeValue(AttributeProto proto)
    {
        _proto = proto;
    }

    /// <summary>An integer.</summary>
    public static implicit operator AttributeValue(long value) => new(new() { Type = AttributeType.Int, I = value });

    /// <summary>A flag, stored as the integer 0 or 1.</summary>
    public static implicit operator AttributeValue(bool value) => value ? 1 : 0;

    /// <summary>A float.</summary>
    public static implicit operator AttributeValue(float value) => new(new() { Type = AttributeType.Float, F = value });

    /// <summary>Text.</summary>
    public static implicit operator AttributeValue(string value) =>
        new(new() { Type = AttributeType.String, S = ByteString.CopyFromUtf8(value) });

    /// <summary>A list of integers.</summary>
    public static implicit operator AttributeValue(long[] values) =>
        new(new() { Type = AttributeType.Ints, Ints = { values } });

    /// <summary>A list of floats.</summary>
    public static implicit operator AttributeValue(float[] values) =>
        new(new() { Type = AttributeType.Floats, Floats = { values } });

    /// <summary>A list of texts.</summary>
    public static implicit operator AttributeValue(string[] values) =>
        new(new() { Type = AttributeType.Strings, Strings = { values.Select(ByteString.CopyFromUtf8) } });

    /// <summary>A tensor.</summary>
    public static implicit operator AttributeValue(Tensor value) =>
        new(new() { Type = AttributeType.Tensor, T = value.Proto });

    /// <summary>The body of an <c>If</c>, <c>Loop</c> or <c>Scan</c>; it is copied.</summary>
    public static implicit operator AttributeValue(Graph body) =>
        new(new() { Type = AttributeType.Graph, G = body.ToBody() });

    internal AttributeProto Named(string name)
    {
        var proto = _proto.Clone();
        proto.Name = name;
        return proto;
    }
}
