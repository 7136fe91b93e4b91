using VisionService.Inference;

namespace VisionService.Explanation;

/// <summary>Areas under the curve of the score against the share of pixels changed.</summary>
/// <param name="Deletion">While the hottest pixels go first: the lower, the truer the map.</param>
/// <param name="Insertion">While the hottest pixels come first: the higher, the truer the map.</param>
/// <param name="RandomDeletion">The same for a map of random numbers: what a map that means anything undercuts.</param>
/// <param name="RandomInsertion">The same for a map of random numbers: what such a map exceeds.</param>
internal readonly record struct FaithfulnessScores(
    double Deletion, double Insertion, double RandomDeletion, double RandomInsertion);

/// <summary>
/// Whether a heat map names the pixels that the score hangs on: they are replaced by the mean colour, the hottest
/// first, and restored onto a blurred copy, the hottest first.
/// </summary>
/// <remarks>
/// Source: Petsiuk, Das, Saenko, "RISE", 2018. Pixels of the same heat go in an order drawn by lot, the same each
/// time: row by row, a flat map would look like one that names the top. The random map has as many cells as the map
/// judged and is enlarged like it: to lose a patch is not the same to a network as to lose as many scattered pixels.
/// </remarks>
internal sealed class Faithfulness : Perturbation<FaithfulnessScores>
{
    /// <summary>Default number of steps of each curve.</summary>
    public const int DefaultSteps = 28;

    private readonly byte[] _mean;
    private readonly byte[] _blurred;
    private readonly int[] _ranks;
    private readonly int[] _randomRanks;
    private readonly int _steps;

    /// <param name="map">Of any size; it covers the input, and is taken with its sign.</param>
    /// <param name="planes">[C, H, W], as <see cref="Write"/> gets them.</param>
    /// <param name="steps">Each curve takes so many copies.</param>
    /// <param name="seed">Of the random map.</param>
    public Faithfulness(
        ModelInput shape, HeatMap map, ReadOnlySpan<byte> planes, int steps = DefaultSteps, ulong seed = 0)
        : base(shape)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(steps);
        _steps = steps;
        _mean = MeanColor.Of(shape, planes);
        _blurred = Blurred(shape, planes);
        _ranks = Ranks(map.Resized(shape.Width, shape.Height).Values);
        _randomRanks = Ranks(Random(map, seed).Resized(shape.Width, shape.Height).Values);
    }

    // Deletion, insertion, random deletion, random insertion: all steps of one curve, then the next.
    public override int Count => 4 * _steps;

    public override void Write(int index, ReadOnlySpan<byte> planes, Span<byte> perturbed)
    {
        Check(index, planes, perturbed);
        var (curve, step) = (index / _steps, index % _steps);
        var ranks = curve < 2 ? _ranks : _randomRanks;
        var isDeletion = curve % 2 == 0;
        var changed = (int)((long)(isDeletion ? step + 1 : step) * Shape.Area / _steps);
        for (var c = 0; c < Shape.Channels; c++)
        {
            var from = planes.Slice(c * Shape.Area, Shape.Area);
            var to = perturbed.Slice(c * Shape.Area, Shape.Area);
            var blurred = _blurred.AsSpan(c * Shape.Area, Shape.Area);
            for (var i = 0; i < to.Length; i++)
            {
                var isChanged = ranks[i] < changed;
                to[i] = isDeletion ? (isChanged ? _mean[c] : from[i]) : (isChanged ? from[i] : blurred[i]);
            }
        }
    }

    public override FaithfulnessScores Combine(float baseScore, ReadOnlySpan<float> scores)
    {
        Check(scores);
        // The end that all curves share, the input unchanged, was no copy.
        return new FaithfulnessScores(
            Auc([baseScore, .. scores[.._steps]]),
            Auc([.. scores.Slice(_steps, _steps), baseScore]),
            Auc([baseScore, .. scores.Slice(2 * _steps, _steps)]),
            Auc([.. scores.Slice(3 * _steps, _steps), baseScore]));
    }

    /// <summary>The area under scores at equal distances from 0 to 1, by trapezoids: the mean score. One that is not
    /// finite counts as 0.</summary>
    public static double Auc(ReadOnlySpan<float> scores)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(scores.Length, 2);
        var sum = 0.0;
        for (var i = 0; i < scores.Length; i++)
        {
            var weight = i == 0 || i == scores.Length - 1 ? 0.5 : 1;
            sum += float.IsFinite(scores[i]) ? weight * scores[i] : 0;
        }

        return sum / (scores.Length - 1);
    }

    /// <summary>For each pixel how many come before it, from hot to cold.</summary>
    private static int[] Ranks(ReadOnlySpan<float> heat)
    {
        var keys = new ulong[heat.Length];
        var pixels = new int[heat.Length];
        for (var i = 0; i < pixels.Length; i++)
        {
            // The bits of floats are in the floats' order once the sign of positive ones and all bits of negative ones
            // are turned.
            var bits = BitConverter.SingleToUInt32Bits(heat[i] + 0f); // -0 becomes 0
            var ascending = (bits & 0x80000000) != 0 ? ~bits : bits | 0x80000000;
            (keys[i], pixels[i]) = ((ulong)~ascending << 32 | Lot((uint)i), i);
        }

        Array.Sort(keys, pixels);
        var ranks = new int[heat.Length];
        for (var rank = 0; rank < pixels.Length; rank++)
        {
            ranks[pixels[rank]] = rank;
        }

        return ranks;
    }

    // MurmurHash3's finish: no two pixels draw the same.
    private static uint Lot(uint pixel)
    {
        pixel = (pixel ^ (pixel >> 16)) * 0x85EBCA6B;
        pixel = (pixel ^ (pixel >> 13)) * 0xC2B2AE35;
        return pixel ^ (pixel >> 16);
    }

    private static HeatMap Random(HeatMap like, ulong seed)
    {
        var random = new SplitMix64(seed, stream: 0);
        var values = new float[like.Values.Length];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = (float)random.NextDouble();
        }

        return new HeatMap(like.Width, like.Height, values);
    }

    private static byte[] Blurred(ModelInput shape, ReadOnlySpan<byte> planes)
    {
        var blurred = new byte[shape.Length];
        var plane = new float[shape.Area];
        for (var start = 0; start < blurred.Length; start += shape.Area)
        {
            for (var i = 0; i < plane.Length; i++)
            {
                plane[i] = planes[start + i];
            }

            // A thirty-second of the shorter side: 7 pixels at 224, where outlines are gone and colours are left.
            BoxBlur.Apply(plane, shape.Width, shape.Height, Math.Max(1, Math.Min(shape.Width, shape.Height) / 32));
            for (var i = 0; i < plane.Length; i++)
            {
                blurred[start + i] = (byte)(plane[i] + 0.5f);
            }
        }

        return blurred;
    }
}
