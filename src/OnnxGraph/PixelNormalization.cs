namespace OnnxGraph;

/// <summary>The order of a picture's colour channels.</summary>
public enum ChannelOrder
{
    /// <summary>Red, green, blue.</summary>
    Rgb,

    /// <summary>Blue, green, red: OpenCV's order.</summary>
    Bgr,
}

/// <summary>Where a model's input keeps its channels.</summary>
public enum TensorLayout
{
    /// <summary>Planes: <c>[N, C, H, W]</c>, or <c>[C, H, W]</c>.</summary>
    Planar,

    /// <summary>Pixels: <c>[N, H, W, C]</c>, or <c>[H, W, C]</c>.</summary>
    Interleaved,
}

/// <summary>What a model wants done to a picture's bytes: <c>(byte * Scale - Mean) / Std</c>, per channel.</summary>
public sealed record PixelNormalization
{
    /// <summary>The factor that bytes (0-255) are multiplied by first, such as 1/255. Default 1.</summary>
    public float Scale { get; init; } = 1;

    /// <summary>Subtracted after scaling; one value for all channels, or one each in the order of
    /// <see cref="Order"/>.</summary>
    public IReadOnlyList<float> Mean { get; init; } = [0];

    /// <summary>Divides the difference; one value for all channels, or one each in the order of
    /// <see cref="Order"/>.</summary>
    public IReadOnlyList<float> Std { get; init; } = [1];

    /// <summary>The order in which the model wants the channels. Default RGB.</summary>
    public ChannelOrder Order { get; init; } = ChannelOrder.Rgb;

    /// <summary>Whether bytes are turned into 255 - byte before all else: for models that learnt white on
    /// black.</summary>
    public bool Invert { get; init; }

    /// <summary>Where the model keeps the channels; null (the default) reads it from the declared shape.</summary>
    public TensorLayout? Layout { get; init; }

    /// <summary>The same arithmetic as one factor and one bias: <c>byte * factor + bias</c>, worked out in
    /// double.</summary>
    internal (float Factor, float Bias) ForChannel(int channel)
    {
        var (mean, std) = (At(Mean, channel, nameof(Mean)), At(Std, channel, nameof(Std)));
        if (std == 0)
        {
            throw new ArgumentException("Std is 0 for a channel; the difference is divided by it.");
        }

        var (factor, bias) = (Scale / std, -mean / std);
        return Invert ? ((float)-factor, (float)((255 * factor) + bias)) : ((float)factor, (float)bias);
    }

    private static double At(IReadOnlyList<float> values, int channel, string name)
    {
        return values.Count == 1 ? values[0]
            : channel < values.Count ? values[channel]
            : throw new ArgumentException($"{name} has {values.Count} values and needs one for channel {channel}.");
    }
}
