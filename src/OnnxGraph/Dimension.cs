namespace OnnxGraph;

/// <summary>One dimension of a shape: a number, a symbol such as <c>N</c>, or unknown (the default).</summary>
/// <remarks>Numbers and strings convert implicitly, so a shape reads <c>["N", 3, 224, 224]</c>.</remarks>
public readonly record struct Dimension
{
    private Dimension(long? size, string? symbol)
    {
        Size = size;
        Symbol = symbol;
    }

    /// <summary>The fixed size, or null where the dimension is symbolic or unknown.</summary>
    public long? Size { get; }

    /// <summary>The symbol, or null where the dimension is fixed or unknown.</summary>
    public string? Symbol { get; }

    /// <summary>Whether the size is a number in the file, not left open until the run.</summary>
    public bool IsFixed => Size is not null;

    /// <summary>A dimension that nothing is known of.</summary>
    public static Dimension Unknown => default;

    /// <summary>A dimension of a fixed size.</summary>
    public static implicit operator Dimension(long size) => new(size, null);

    /// <summary>A dimension known by a symbol; equal symbols mean equal sizes.</summary>
    public static implicit operator Dimension(string symbol) => new(null, symbol);

    /// <inheritdoc/>
    public override string ToString() => Size?.ToString() ?? Symbol ?? "?";
}
