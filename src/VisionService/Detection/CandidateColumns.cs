namespace VisionService.Detection;

/// <summary>The columns of <see cref="Candidates"/>: entry i of each belongs to candidate i.</summary>
internal sealed class CandidateColumns
{
    public float[] XMin = [];
    public float[] YMin = [];
    public float[] XMax = [];
    public float[] YMax = [];
    public float[] Score = [];
    public int[] ClassId = [];
    public int[] Row = [];

    /// <summary>Ascending keys are descending scores, then arrival, which is the lower half.</summary>
    public ulong[] Key = [];

    public KeyPoint[] KeyPoints = [];

    public int Capacity => Score.Length;

    public void Grow(int capacity, int keyPointCount)
    {
        if (capacity > Capacity)
        {
            Array.Resize(ref XMin, capacity);
            Array.Resize(ref YMin, capacity);
            Array.Resize(ref XMax, capacity);
            Array.Resize(ref YMax, capacity);
            Array.Resize(ref Score, capacity);
            Array.Resize(ref ClassId, capacity);
            Array.Resize(ref Row, capacity);
            Array.Resize(ref Key, capacity);
        }

        if (Capacity * keyPointCount > KeyPoints.Length)
        {
            Array.Resize(ref KeyPoints, Capacity * keyPointCount);
        }
    }

    /// <summary>Copies entry <paramref name="from"/> of <paramref name="source"/> to entry <paramref name="to"/> of
    /// this.</summary>
    public void Copy(CandidateColumns source, int from, int to, int keyPointCount)
    {
        XMin[to] = source.XMin[from];
        YMin[to] = source.YMin[from];
        XMax[to] = source.XMax[from];
        YMax[to] = source.YMax[from];
        Score[to] = source.Score[from];
        ClassId[to] = source.ClassId[from];
        Row[to] = source.Row[from];
        Key[to] = source.Key[from];
        if (keyPointCount > 0)
        {
            source.KeyPoints.AsSpan(from * keyPointCount, keyPointCount)
                .CopyTo(KeyPoints.AsSpan(to * keyPointCount, keyPointCount));
        }
    }

    public static ulong KeyOf(float score, uint arrival)
    {
        // The bits of a float order like the number once negatives are turned round; adding 0 makes -0 and 0 one.
        var bits = BitConverter.SingleToUInt32Bits(score + 0f);
        var ascending = (bits & 0x8000_0000) == 0 ? bits | 0x8000_0000 : ~bits;
        return ((ulong)~ascending << 32) | arrival;
    }
}
