namespace VisionService.Repository;

/// <summary>
/// The names there are, each with its versions in whatever state. Whoever reads sees the table of one moment; whoever writes
/// publishes the next one, so that a model is exchanged for another between two requests.
/// </summary>
internal sealed class ModelTable
{
    private readonly Lock _writing = new();
    private TaskCompletionSource _change = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Versions newest first. Neither the dictionary nor an array changes once it can be seen.
    private volatile Dictionary<string, ModelEntry[]> _names = new(StringComparer.Ordinal);

    /// <summary>By name, the newest version first.</summary>
    public IReadOnlyList<ModelEntry> Entries =>
        [.. _names.OrderBy(static pair => pair.Key, StringComparer.Ordinal).SelectMany(static pair => pair.Value)];

    /// <summary>Ends when any entry changes. Ask for it first and for the entries then, so that no change is
    /// missed.</summary>
    public Task NextChange => Volatile.Read(ref _change).Task;

    /// <summary>The versions of a name, newest first; none where there is no such name.</summary>
    public IReadOnlyList<ModelEntry> Versions(string name) => _names.GetValueOrDefault(name, []);

    /// <summary>One version; null where it is not there.</summary>
    public ModelEntry? Find(string name, string version) =>
        Array.Find(_names.GetValueOrDefault(name, []), entry => entry.Version == version);

    /// <summary>What a reference means now.</summary>
    /// <param name="reference"><c>name</c>: its newest version that can answer, else its newest; or
    /// <c>name:version</c>.</param>
    /// <exception cref="VisionException">There is no such model or version; the message names those there
    /// are.</exception>
    public ModelEntry Find(string reference)
    {
        var (name, version) = Split(reference);
        if (!_names.TryGetValue(name, out var versions))
        {
            throw Unknown(name);
        }

        return (version is null ? Array.Find(versions, static entry => entry.CanAnswer) ?? versions[0] : Find(name, version))
            ?? throw new VisionException(
                VisionError.ModelNotFound,
                $"Model '{name}' has no version '{version}'. Versions: {string.Join(", ", versions.Select(static entry => entry.Version))}.");
    }

    /// <summary>Takes a reference apart. What cannot be a name is told so before it is compared with any or shown.</summary>
    /// <exception cref="VisionException">It is none.</exception>
    public static (string Name, string? Version) Split(string reference)
    {
        var (name, version) = reference.Split(':', 2) is [var left, var right] ? (left, right) : (reference, null);
        return ModelFiles.IsName(name) && (version is null || ModelFiles.IsName(version)) ? (name, version)
            : throw new VisionException(
                VisionError.ModelNotFound,
                "There is no such model: a name has 1 to 128 letters, digits, '.', '_' and '-', and ':' before a version.");
    }

    /// <summary>What to say of a name that is not there.</summary>
    public VisionException Unknown(string name) => new(
        VisionError.ModelNotFound, $"There is no model '{name}'{Nearest.Hint(name, _names.Keys)}. Models: {Names()}.");

    /// <summary>The names for a message.</summary>
    public string Names() =>
        string.Join(", ", _names.Keys.Order(StringComparer.Ordinal).DefaultIfEmpty("none"));

    /// <summary>Puts an entry in the place of its version.</summary>
    /// <returns>What was there.</returns>
    public ModelEntry? Set(ModelEntry entry) => Change(entry.Name, entry.Version, _ => entry);

    /// <summary>Puts an entry in the place of another, unless that has gone meanwhile.</summary>
    public bool TryReplace(ModelEntry before, ModelEntry after) =>
        Change(before.Name, before.Version, now => ReferenceEquals(now, before) ? after : now) is { } found && ReferenceEquals(found, before);

    /// <summary>Decides what becomes of a version as it is at this moment.</summary>
    /// <param name="decide">Gets null where there is none, and gives null where there is to be none.</param>
    /// <returns>What was there.</returns>
    public ModelEntry? Change(string name, string version, Func<ModelEntry?, ModelEntry?> decide)
    {
        ModelEntry? before;
        lock (_writing)
        {
            var versions = _names.GetValueOrDefault(name, []);
            before = Array.Find(versions, entry => entry.Version == version);
            var after = decide(before);
            if (ReferenceEquals(after, before))
            {
                return before;
            }

            ModelEntry[] others = [.. versions.Where(entry => entry.Version != version)];
            var next = after is null ? others : [.. others.Append(after).OrderDescending(NewestLast.Instance)];
            var names = new Dictionary<string, ModelEntry[]>(_names, StringComparer.Ordinal);
            if (next.Length == 0)
            {
                names.Remove(name);
            }
            else
            {
                names[name] = next;
            }

            _names = names;
        }

        Interlocked.Exchange(ref _change, new(TaskCreationOptions.RunContinuationsAsynchronously)).SetResult();
        return before;
    }

    /// <summary>Versions are whole numbers without zeros in front, of any length: the longer one is the
    /// larger.</summary>
    private sealed class NewestLast : IComparer<ModelEntry>
    {
        public static NewestLast Instance { get; } = new();

        public int Compare(ModelEntry? a, ModelEntry? b)
        {
            var (x, y) = (a!.Version, b!.Version);
            return x.Length != y.Length ? x.Length.CompareTo(y.Length) : string.CompareOrdinal(x, y);
        }
    }
}
