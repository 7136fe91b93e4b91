namespace OnnxGraph;

/// <summary>How an input holds a picture: which axis is which, and how many channels.</summary>
internal readonly record struct PictureShape(
    TensorLayout Layout, bool HasBatch, int Channels, Dimension Batch, Dimension Height, Dimension Width)
{
    /// <summary>The shape of the same picture as planes with a batch axis.</summary>
    public Dimension[] AsPlanes => [Batch, Channels, Height, Width];

    /// <summary>Reads an input's declared shape.</summary>
    /// <param name="input">The input.</param>
    /// <param name="layout">The layout where it is known; null reads it from where 3 or 1 channels stand.</param>
    public static PictureShape Of(Value input, TensorLayout? layout)
    {
        if (input.Shape is not { Count: 3 or 4 } shape)
        {
            throw new OnnxGraphException($"The input '{input}' is no picture: it needs a shape of 3 or 4 dimensions.");
        }

        var hasBatch = shape.Count == 4;
        var first = hasBatch ? 1 : 0;
        var found = layout
            ?? (Likelihood(shape[^1]) > Likelihood(shape[first]) ? TensorLayout.Interleaved : TensorLayout.Planar);
        var (channels, height, width) = found == TensorLayout.Planar
            ? (shape[first], shape[first + 1], shape[first + 2])
            : (shape[^1], shape[first], shape[first + 1]);
        return channels.Size is null or 1 or 3
            ? new(found, hasBatch, (int)(channels.Size ?? 3), hasBatch ? shape[0] : 1, height, width)
            : throw new OnnxGraphException($"The input '{input}' has {channels} channels; a picture has 3, or 1.");
    }

    /// <summary>How much a dimension looks like the channels: 3 more than 1, as a side of one pixel is rare but
    /// exists.</summary>
    private static int Likelihood(Dimension dimension) => dimension.Size switch { 3 => 2, 1 => 1, _ => 0 };
}
