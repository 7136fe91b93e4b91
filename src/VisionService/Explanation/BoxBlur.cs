namespace VisionService.Explanation;

/// <summary>Three running means along each axis: near a Gaussian blur of deviation <c>radius + 0.5</c>, at a price that
/// does not depend on the radius.</summary>
internal static class BoxBlur
{
    private const int Passes = 3;

    /// <summary>Blurs in place. Beyond the edges the outermost values go on.</summary>
    /// <param name="plane">[H, W].</param>
    /// <param name="radius">Each mean takes <c>2 * radius + 1</c> values; 0 changes nothing.</param>
    public static void Apply(Span<float> plane, int width, int height, int radius)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(radius);
        ArgumentOutOfRangeException.ThrowIfNotEqual(plane.Length, width * height);
        var line = new float[Math.Max(width, height)];
        for (var pass = 0; pass < Passes && radius > 0; pass++)
        {
            for (var y = 0; y < height; y++)
            {
                Mean(plane.Slice(y * width, width), 1, line.AsSpan(0, width), radius);
            }

            for (var x = 0; x < width; x++)
            {
                Mean(plane[x..], width, line.AsSpan(0, height), radius);
            }
        }
    }

    private static void Mean(Span<float> values, int stride, Span<float> line, int radius)
    {
        for (var i = 0; i < line.Length; i++)
        {
            line[i] = values[i * stride];
        }

        var last = line.Length - 1;
        var sum = 0.0;
        for (var i = -radius; i <= radius; i++)
        {
            sum += line[Math.Clamp(i, 0, last)];
        }

        for (var i = 0; i <= last; i++)
        {
            values[i * stride] = (float)(sum / ((2 * radius) + 1));
            sum += line[Math.Min(i + radius + 1, last)] - (double)line[Math.Max(i - radius, 0)];
        }
    }
}
