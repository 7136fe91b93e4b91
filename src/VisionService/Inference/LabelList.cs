namespace VisionService.Inference;

/// <summary>What the class ids of a model mean.</summary>
/// <param name="Names">By class id.</param>
/// <param name="Synsets">WordNet ids by class id (<c>n02099601</c>); null where the labels carry none.</param>
internal sealed record LabelList(IReadOnlyList<string> Names, IReadOnlyList<string>? Synsets = null)
{
    public int Count => Names.Count;

    /// <summary>Names for a model that came without labels: <c>class 0</c>, <c>class 1</c>, ...</summary>
    /// <param name="count">0: nobody knows how many, and any number may be one.</param>
    public static LabelList Numbered(int count) => new([.. Enumerable.Range(0, count).Select(id => $"class {id}")]);

    /// <summary>The name of a class, or its number where the list does not reach it.</summary>
    public string NameOf(int classId) => classId >= 0 && classId < Names.Count ? Names[classId] : $"class {classId}";

    /// <summary>
    /// The class ids that a caller named, each by label (in any case) or by id. A text that is no label is taken for
    /// several, comma separated: labels may contain commas themselves.
    /// </summary>
    /// <exception cref="VisionException">A name or id that the model does not have.</exception>
    public IReadOnlySet<int> Resolve(IEnumerable<string> texts)
    {
        var ids = new HashSet<int>();
        foreach (var text in texts)
        {
            if (Find(text) is { } id)
            {
                ids.Add(id);
                continue;
            }

            foreach (var part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            {
                ids.Add(Find(part) ?? throw new VisionException(
                    VisionError.InvalidRequest,
                    Count == 0
                        ? $"The model has no class '{part}': its classes are numbers from 0 on."
                        : $"The model has no class '{part}'{Nearest.Hint(part, Names)}; it has {Count}, ids 0 to {Count - 1}."));
            }
        }

        return ids.Count > 0 ? ids : throw new VisionException(
            VisionError.InvalidRequest, "Parameter 'classes' names no class; leave it out for all of them.");
    }

    private int? Find(string text)
    {
        for (var id = 0; id < Names.Count; id++)
        {
            if (Names[id].Equals(text, StringComparison.OrdinalIgnoreCase)
                || (Synsets is not null && Synsets[id].Equals(text, StringComparison.OrdinalIgnoreCase)))
            {
                return id;
            }
        }

        return int.TryParse(text, out var number) && number >= 0 && (Count == 0 || number < Count) ? number : null;
    }
}
