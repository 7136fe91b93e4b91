using VisionService.Detection.Decoders;
using VisionService.Inference;

namespace VisionService.Detection;

/// <summary>One output as the file declares it.</summary>
/// <param name="Shape">Batch axis included; -1 where a side is dynamic.</param>
internal sealed record OutputSignature(string Name, IReadOnlyList<long> Shape, bool IsInteger = false)
{
    public int Rank => Shape.Count;

    public int Last => Rank == 0 ? -1 : (int)Shape[^1];

    public int Side(int axis) => axis < Rank ? (int)Shape[axis] : -1;
}

/// <summary>What is known of a model before it has run: all that recognising a detector and building its decoder
/// need.</summary>
internal sealed record DetectorSignature(
    ModelInput Input, IReadOnlyList<string> InputNames, IReadOnlyList<OutputSignature> Outputs)
{
    /// <summary>How many labels there are; null where none are known.</summary>
    public int? ClassCount { get; init; }

    /// <summary>The <c>model_type</c> of a Hugging Face <c>config.json</c>.</summary>
    public string? ModelType { get; init; }

    /// <summary>The file's custom metadata, as Ultralytics writes it.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();

    public DecoderParameters Parameters { get; init; } = new();

    public bool IsUltralytics => Metadata.GetValueOrDefault("author") == "Ultralytics";

    public string? Task => Metadata.GetValueOrDefault("task");

    public bool HasInput(string name) => InputNames.Any(input => Bare(input) == name);

    /// <summary>Index of the output of that name, TensorFlow's <c>:0</c> left aside; -1 where there is none.</summary>
    public int Find(string name) => FindWhere(output => Bare(output.Name) == name);

    public int FindWhere(Func<OutputSignature, bool> predicate)
    {
        for (var i = 0; i < Outputs.Count; i++)
        {
            if (predicate(Outputs[i]))
            {
                return i;
            }
        }

        return -1;
    }

    public bool HasAll(params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
        {
            if (Find(name) < 0)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>An output of whole numbers by index.</summary>
    public NumericOutput Numbers(int output) => new(output, Outputs[output].IsInteger);

    /// <summary>How many cells feature maps of these strides have in all.</summary>
    public int Cells(params ReadOnlySpan<int> strides) => AnchorPoints.CountIn(Input, strides);

    /// <summary>The sets of strides whose cells number <paramref name="count"/>: what heads without anchors use; null
    /// where none.</summary>
    public int[]? StridesOf(int count, int perCell = 1)
    {
        int[][] usual = [[8, 16, 32], [8, 16, 32, 64], [4, 8, 16, 32], [8, 16, 32, 64, 128], [16, 32]];
        return Array.Find(usual, strides => Cells(strides) * perCell == count);
    }

    private static string Bare(string name) => name.EndsWith(":0", StringComparison.Ordinal) ? name[..^2] : name;
}
