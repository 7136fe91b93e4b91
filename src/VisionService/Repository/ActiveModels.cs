namespace VisionService.Repository;

/// <summary>
/// How many models may be in memory (<see cref="RepositoryOptions.MaxActiveModels"/>): before another one is loaded, the
/// least recently used one goes and becomes idle. Without a bound none of this happens.
/// </summary>
internal sealed partial class ActiveModels(ModelTable table, RepositoryOptions options, ILogger logger) : IDisposable
{
    // One model finds its room and is loaded at a time, so that the count is true while it does.
    private readonly SemaphoreSlim _entering = new(1);

    public int? Bound => options.MaxActiveModels == 0 ? null : options.MaxActiveModels;

    public bool IsPinned(string name) => options.Pinned.Contains(name);

    /// <summary>Loads a model once there is room for it.</summary>
    /// <param name="entry">Makes no room for itself: a model that is loaded anew is there twice for a moment.</param>
    /// <param name="load">Ends when the model is in the table.</param>
    /// <exception cref="ModelLoadException">There is none to be made.</exception>
    public async Task<T> LoadAsync<T>(ModelEntry entry, Func<Task<T>> load)
    {
        if (Bound is not { } bound)
        {
            return await load();
        }

        await _entering.WaitAsync();
        try
        {
            if (table.Find(entry.Name, entry.Version)?.Loaded is null)
            {
                await MakeRoomAsync(bound);
            }

            return await load();
        }
        finally
        {
            _entering.Release();
        }
    }

    public void Dispose() => _entering.Dispose();

    private async Task MakeRoomAsync(int bound)
    {
        while (table.Entries.Where(static entry => entry.Loaded is not null).ToArray() is var active && active.Length >= bound)
        {
            var last = active.Where(entry => entry.State == ModelState.Ready && !IsPinned(entry.Name))
                .MinBy(static entry => entry.Loaded!.Use.LastTurn)
                ?? throw new ModelLoadException(
                    $"Repository:MaxActiveModels allows {bound}, and those that are loaded are pinned by Repository:Pinned");
            if (table.TryReplace(last, last with { State = ModelState.Idle, Loaded = null }))
            {
                Log.MadeRoom(logger, last.Name, last.Version, bound);
                await last.Loaded!.CloseAsync();
            }
        }
    }

    private static partial class Log
    {
        [LoggerMessage(
            Level = LogLevel.Information,
            Message = "Model {Model}:{Version} makes room: it was used least recently, and {Bound} may be loaded.")]
        public static partial void MadeRoom(ILogger logger, string model, string version, int bound);
    }
}
