namespace VisionService.Segmentation;

/// <summary>Which classes a map shows, and what stands where it shows none.</summary>
/// <param name="Unassigned">The id of pixels whose class was not asked for, or that a crop hid from the network: the
/// model's background class where it has one (default 0), else <see cref="LabelMap.Void"/>.</param>
/// <param name="Classes">The class ids to show; null: all. The others still compete for each pixel.</param>
internal readonly record struct ClassChoice(ushort Unassigned = 0, IReadOnlySet<int>? Classes = null)
{
    /// <summary>What stands in the map for a pixel of this class.</summary>
    public ushort Id(long classId) =>
        classId is < 0 or >= LabelMap.Void ? LabelMap.Void
        : Classes is null || Classes.Contains((int)classId) ? (ushort)classId
        : Unassigned;

    /// <summary><see cref="Id"/> of the classes from 0 on.</summary>
    public void WriteIds(Span<ushort> ids)
    {
        for (var c = 0; c < ids.Length; c++)
        {
            ids[c] = Id(c);
        }
    }
}
