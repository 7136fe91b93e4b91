using VisionService.Imaging;
using VisionService.Repository.Recognition;

namespace VisionService.Repository;

/// <summary>What a task or a family is used to, where the manifest says nothing.</summary>
/// <param name="Source">Where this is known from, for the evidence.</param>
internal sealed record InputDefaults(string Source, InputPreset Preset, ResizeMode Resize)
{
    /// <summary>The normalisations that it may be instead, <see cref="Preset"/> among them; empty: it is that one.</summary>
    public IReadOnlyList<InputPreset> Readings { get; init; } = [];

    /// <summary>Whether one of <see cref="Readings"/> must be shown to be right, or else the manifest must name
    /// it.</summary>
    public bool MustTell { get; init; }

    /// <summary>Tells the readings apart by what the model makes of pictures; null where it does not tell. Without, nothing
    /// does.</summary>
    public Func<InputTrial, IReadOnlyList<InputPreset>, InputPreset?>? Tell { get; init; }

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
