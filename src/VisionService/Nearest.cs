namespace VisionService;

/// <summary>The known name that a misspelt one most likely meant.</summary>
internal static class Nearest
{
    /// <summary>" (did you mean 'x'?)", or nothing where no known name is near.</summary>
    public static string Hint(string name, IEnumerable<string> known) =>
        Find(name, known) is { } nearest ? $" (did you mean '{nearest}'?)" : "";

    /// <summary>The known name with the fewest edits, at most a third of its length; null where there is
    /// none.</summary>
    public static string? Find(string name, IEnumerable<string> known) => known
        .Select(candidate => (Name: candidate, Edits: Edits(name.ToLowerInvariant(), candidate.ToLowerInvariant())))
        .Where(candidate => candidate.Edits <= Math.Max(1, candidate.Name.Length / 3))
        .OrderBy(candidate => candidate.Edits)
        .Select(candidate => candidate.Name)
        .FirstOrDefault();

    /// <summary>Levenshtein's distance, where two swapped neighbours count once (optimal string alignment).</summary>
    private static int Edits(string a, string b)
    {
        int[] before = [];
        var previous = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var current = new int[b.Length + 1];
            current[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var substitution = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                current[j] = Math.Min(substitution, 1 + Math.Min(previous[j], current[j - 1]));
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                {
                    current[j] = Math.Min(current[j], before[j - 2] + 1);
                }
            }

            (before, previous) = (previous, current);
        }

        return previous[b.Length];
    }
}
