using System.Text;

namespace VisionService.Segmentation;

/// <content>The compressed string of COCO's JSON.</content>
internal sealed partial record RleMask
{
    private const char Zero = '0';
    private const int More = 0x20;
    private const int Sign = 0x10;

    /// <summary>The counts as COCO's compressed string.</summary>
    /// <remarks>From the fourth on each count is the difference to the one before the last; five bits a character,
    /// lowest first, bit 5 says that more follow, the last one's bit 4 is the sign.</remarks>
    public string ToCompressedString()
    {
        var text = new StringBuilder(Counts.Length * 2);
        for (var i = 0; i < Counts.Length; i++)
        {
            var value = i > 2 ? Counts[i] - Counts[i - 2] : Counts[i];
            bool more;
            do
            {
                var bits = value & 0x1F;
                value >>= 5;
                more = value != ((bits & Sign) != 0 ? -1 : 0);
                text.Append((char)(Zero + (bits | (more ? More : 0))));
            }
            while (more);
        }

        return text.ToString();
    }

    /// <summary>Reads COCO's compressed string.</summary>
    /// <exception cref="FormatException">It is no such string, or its runs do not fill the image.</exception>
    public static RleMask Parse(string text, int width, int height)
    {
        var counts = new List<int>(text.Length);
        for (var i = 0; i < text.Length;)
        {
            var (value, shift, bits) = (0L, 0, More);
            for (; (bits & More) != 0; shift += 5)
            {
                bits = i < text.Length && shift < 40 ? text[i++] - Zero : -1;
                value |= bits is >= 0 and < 64
                    ? (long)(bits & 0x1F) << shift
                    : throw new FormatException($"Character {i} does not belong into a compressed run-length string.");
            }

            value -= (bits & Sign) != 0 ? 1L << shift : 0;
            value += counts.Count > 2 ? counts[^2] : 0;
            counts.Add(value is >= 0 and <= int.MaxValue
                ? (int)value
                : throw new FormatException($"Run {counts.Count} has a length of {value}."));
        }

        return Of(counts, width, height);
    }

    /// <summary>Takes counts as COCO writes them uncompressed.</summary>
    /// <exception cref="FormatException">The runs do not fill the image.</exception>
    public static RleMask Of(IReadOnlyList<int> counts, int width, int height)
    {
        var sum = counts.Sum(count =>
            count < 0 ? throw new FormatException($"A run has a length of {count}.") : (long)count);
        return sum == (long)width * height
            ? new RleMask(width, height, [.. counts])
            : throw new FormatException($"The runs add up to {sum} pixels; the image has {width} x {height}.");
    }
}
