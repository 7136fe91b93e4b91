using VisionService.Inference;

namespace VisionService.Explanation;

/// <summary>How the elements of a layer lie over the network's input.</summary>
internal enum GridLayout
{
    /// <summary>[K, h, w], as convolutions give it.</summary>
    Planar,

    /// <summary>[h, w, K], as TensorFlow and Swin have it.</summary>
    Interleaved,

    /// <summary>[T, K]: one row for each cell, behind a few rows for none, such as the class token.</summary>
    Tokens,
}

/// <summary>A layer that can be laid over the picture: K channels over h x w cells.</summary>
internal sealed record LayerGrid(GridLayout Layout, int Channels, int Height, int Width)
{
    // Class token, distillation token, registers.
    private const int MaxExtraTokens = 8;

    // The coarsest level of the usual pyramids that still says where something is.
    private const int MaxStride = 64;

    private static readonly int[] PatchSides = [4, 7, 8, 12, 14, 16, 24, 28, 32];

    private static readonly int[] InterleavedStrides = [1, 2, .. PatchSides];

    /// <summary>Tokens in front of those of the cells.</summary>
    public int ExtraTokens { get; private init; }

    /// <summary>The grid that a value of this shape can be; null where it is none.</summary>
    /// <param name="shape">With the batch axis.</param>
    public static LayerGrid? Of(IReadOnlyList<long> shape, ModelInput input) => shape switch
    {
        [_, var k, var h, var w] when h * w > 1 && Covers(h, w, input) => new(GridLayout.Planar, (int)k, (int)h, (int)w),
        [_, var h, var w, var k] when h * w > 1 && k > 1 && CoversExactly(h, w, input) => new(GridLayout.Interleaved, (int)k, (int)h, (int)w),
        [_, var t, var k] when k > 1 => OfTokens((int)t, (int)k, input),
        _ => null,
    };

    /// <summary>The elements of one item as [K, h, w].</summary>
    public float[] ToPlanes(ReadOnlySpan<float> elements)
    {
        if (Layout == GridLayout.Planar)
        {
            return elements.ToArray();
        }

        var cells = Height * Width;
        var planes = new float[Channels * cells];
        var rows = elements[(ExtraTokens * Channels)..];
        for (var cell = 0; cell < cells; cell++)
        {
            for (var k = 0; k < Channels; k++)
            {
                planes[(k * cells) + cell] = rows[(cell * Channels) + k];
            }
        }

        return planes;
    }

    /// <summary>Whether h x w cells are the input at a usual stride: heads reshape to all kinds of axes, which must not
    /// pass for rows and columns.</summary>
    private static bool CoversExactly(long h, long w, ModelInput input) => Array.Exists(
        InterleavedStrides,
        stride => (h, w) == (input.Height / stride, input.Width / stride)
            || (h, w) == ((input.Height + stride - 1) / stride, (input.Width + stride - 1) / stride));

    /// <summary>Whether h x w cells are the input at some stride, a cell more or less at the border.</summary>
    private static bool Covers(long h, long w, ModelInput input)
    {
        var (low, high) = (Math.Max(input.Height / (h + 1.0), input.Width / (w + 1.0)),
            Math.Min(input.Height / Math.Max(h - 1, 0.5), input.Width / Math.Max(w - 1, 0.5)));
        return h <= input.Height && w <= input.Width && low <= high && h * MaxStride >= input.Height && w * MaxStride >= input.Width;
    }

    private static LayerGrid? OfTokens(int tokens, int channels, ModelInput input)
    {
        foreach (var side in PatchSides)
        {
            var (h, w) = (input.Height / side, input.Width / side);
            if (h * w > 1 && tokens - (h * w) is >= 0 and <= MaxExtraTokens and var extra)
            {
                return new LayerGrid(GridLayout.Tokens, channels, h, w) { ExtraTokens = extra };
            }
        }

        return null;
    }
}
