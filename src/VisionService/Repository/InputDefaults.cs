using VisionService.Imaging;

namespace VisionService.Repository;

/// <summary>What a task or a family is used to, where the manifest says nothing.</summary>
/// <param name="Source">Where this is known from, for the evidence.</param>
internal sealed record InputDefaults(string Source, InputPreset Preset, ResizeMode Resize)
{
    /// <summary>Width and height where the file leaves them open; null: the manifest must say.</summary>
    public (int Width, int Height)? Size { get; init; }

    /// <summary>Shorter side before a crop, or with <see cref="Longest"/> the scale of a letterbox; 0: the
    /// target's.</summary>
    public int Shortest { get; init; }

    public int Longest { get; init; }

    /// <summary>What the sides are multiples of where the file leaves them open; 0: they are fixed.</summary>
    public int MultipleOf { get; init; }

    public byte Pad { get; init; }

    public LetterboxAlign Align { get; init; }

    public LetterboxRounding Rounding { get; init; }

    public Interpolation Interpolation { get; init; } = Interpolation.Bilinear;

    public bool Antialias { get; init; } = true;
}
