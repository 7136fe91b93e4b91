using OnnxGraph.Proto;

namespace OnnxGraph;

/// <summary>A named tensor of a graph and what the file declares about it.</summary>
/// <param name="Name">The name by which nodes refer to it.</param>
/// <param name="Type">The type of its elements; <see cref="ElementType.Undefined"/> for a sequence or a map.</param>
/// <param name="Shape">Its dimensions, outermost first; null where not even the rank is declared.</param>
public sealed record Value(string Name, ElementType Type, IReadOnlyList<Dimension>? Shape)
{
    internal static Value From(ValueInfoProto info)
    {
        var tensor = info.Type?.TensorType;
        return new(info.Name, (ElementType)(tensor?.ElemType ?? 0), tensor?.Shape?.Dim.Select(ToDimension).ToArray());
    }

    internal ValueInfoProto ToProto()
    {
        var info = new ValueInfoProto { Name = Name };
        WriteTypeTo(info);
        return info;
    }

    internal void WriteTypeTo(ValueInfoProto info)
    {
        var tensor = new TypeProto.Types.Tensor { ElemType = (int)Type };
        if (Shape is not null)
        {
            tensor.Shape = new() { Dim = { Shape.Select(ToProto) } };
        }

        info.Type = new() { TensorType = tensor };
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Name}: {Type}{(Shape is null ? "" : $" [{string.Join(", ", Shape)}]")}";

    private static Dimension ToDimension(TensorShapeProto.Types.Dimension dimension)
    {
        return dimension.ValueCase switch
        {
            TensorShapeProto.Types.Dimension.ValueOneofCase.DimValue => dimension.DimValue,
            TensorShapeProto.Types.Dimension.ValueOneofCase.DimParam when dimension.DimParam != "" => dimension.DimParam,
            _ => Dimension.Unknown,
        };
    }

    private static TensorShapeProto.Types.Dimension ToProto(Dimension dimension)
    {
        return dimension switch
        {
            { Size: { } size } => new() { DimValue = size },
            { Symbol: { } symbol } => new() { DimParam = symbol },
            _ => new(),
        };
    }
}
