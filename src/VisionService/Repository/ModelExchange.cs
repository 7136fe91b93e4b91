namespace VisionService.Repository;

/// <summary>
/// What happens to one version of a model: it is loaded beside what there is, put in its place when it is ready, taken out
/// of service, forgotten, or brought back when its session breaks. What answers goes only after its requests. Whoever
/// calls has the right to change the name.
/// </summary>
internal sealed partial class ModelExchange(
    ModelTable table,
    ModelActivation activation,
    ActiveModels active,
    NameLocks names,
    TimeProvider time,
    ILogger logger,
    CancellationToken stopping)
{
    /// <summary>The least time between two attempts to replace a session that broke.</summary>
    public static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan LastRetry = TimeSpan.FromMinutes(1);

    /// <summary>Loads what was found at the start, with nothing in its place.</summary>
    public async Task LoadFirstAsync(ModelEntry entry) => Set(await activation.LoadAsync(entry));

    /// <summary>Tries a model for which there is no room: what it is for is known then, or why it fails, and it goes
    /// again.</summary>
    public async Task TryIdleAsync(ModelEntry entry)
    {
        using var right = await names.TakeAsync([entry.Name], stopping);
        if (table.Find(entry.Name, entry.Version) is not { State: ModelState.Idle, KnownTask: null } idle)
        {
            return; // a request was faster
        }

        var after = await activation.LoadAsync(idle);
        await (after.Loaded?.CloseAsync() ?? Task.CompletedTask);
        table.TryReplace(idle, after.State == ModelState.Ready ? after with { State = ModelState.Idle, Loaded = null } : after);
    }

    /// <summary>Loads a version beside what there is of it and puts it in its place, or leaves that and notes
    /// why.</summary>
    /// <returns>Why it cannot be loaded; null: it is ready.</returns>
    public async Task<string?> LoadAsync(ModelFiles files)
    {
        var entry = new ModelEntry(files.Name, files.Version, files, ModelState.Loading);
        table.Change(entry.Name, entry.Version, now => now is { Loaded: not null } or { State: ModelState.Idle } ? now : entry);

        // On another thread: loading is a long stretch of work.
        var problem = await Task.Run(() => TryLoadAsync(entry));
        if (problem is not null)
        {
            table.Change(entry.Name, entry.Version, now => now is { Loaded: not null }
                ? now with { ReloadProblem = problem }
                : entry with { State = ModelState.Failed, Problem = problem });
            LoadMemory.GiveBack();
        }

        return problem;
    }

    /// <summary>Takes a version out of service until it is loaded again.</summary>
    public async Task UnloadAsync(ModelEntry entry)
    {
        var before = table.Change(entry.Name, entry.Version, static now =>
            now is null or { State: ModelState.Failed } ? now : now with { State = ModelState.Unloaded, Problem = null, ReloadProblem = null, Loaded = null });
        if (before is { State: not (ModelState.Unloaded or ModelState.Failed) })
        {
            Log.Unloaded(logger, entry.Name, entry.Version);
            await (before.Loaded?.CloseAsync() ?? Task.CompletedTask);
        }
    }

    /// <summary>Forgets the versions that are not served any more: their files are gone, or others are wanted and one of
    /// those is ready.</summary>
    public async Task RetireAsync(IEnumerable<ModelEntry> entries, IReadOnlyList<ModelFiles> wanted)
    {
        foreach (var entry in entries.Where(entry => !wanted.Any(entry.IsOf)).ToArray())
        {
            var isReplaced = wanted.Any(files => table.Find(files.Name, files.Version)?.State == ModelState.Ready);
            if (!isReplaced && File.Exists(entry.Files.Onnx))
            {
                continue;
            }

            var gone = table.Change(entry.Name, entry.Version, static _ => null);
            Log.Gone(logger, entry.Name, entry.Version);
            await (gone?.Loaded?.CloseAsync() ?? Task.CompletedTask);
        }
    }

    private async Task<string?> TryLoadAsync(ModelEntry entry)
    {
        try
        {
            return await active.LoadAsync(entry, async () =>
            {
                var made = await activation.LoadAsync(entry);
                await (made.State == ModelState.Ready ? ReplaceAsync(made) : Task.CompletedTask);
                return made.Problem;
            });
        }
        catch (ModelLoadException exception)
        {
            return exception.Message;
        }
    }

    /// <summary>Puts a version in its place; what was there answers its requests and goes.</summary>
    private async Task ReplaceAsync(ModelEntry entry)
    {
        var before = Set(entry);
        await (before?.Loaded?.CloseAsync() ?? Task.CompletedTask);
        LoadMemory.GiveBack();
    }

    private ModelEntry? Set(ModelEntry entry)
    {
        var before = table.Set(entry);
        if (entry.Loaded is not null)
        {
            _ = WatchAsync(entry);
        }

        return before;
    }

    private async Task WatchAsync(ModelEntry entry)
    {
        try
        {
            await entry.Loaded!.Model.Faulted;
            await RecoverAsync(entry);
        }
        catch (OperationCanceledException)
        {
            // The service is on its way out.
        }
    }

    /// <summary>Replaces a session that broke, again and again if need be; until then the model is out of service, and the
    /// service not ready.</summary>
    private async Task RecoverAsync(ModelEntry broken)
    {
        for (var wait = FirstRetry; !stopping.IsCancellationRequested; wait = wait * 2 < LastRetry ? wait * 2 : LastRetry)
        {
            using (await names.TakeAsync([broken.Name], stopping))
            {
                if (table.Find(broken.Name, broken.Version) is not { } before
                    || (before.Loaded != broken.Loaded && before.State != ModelState.Lost))
                {
                    return; // somebody else has replaced it or taken it out
                }

                var after = await activation.LoadAsync(before);
                await ReplaceAsync(after.State == ModelState.Failed ? after with { State = ModelState.Lost } : after);
                if (after.State == ModelState.Ready)
                {
                    return;
                }
            }

            await Task.Delay(wait, time, stopping);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Information, Message = "Model {Model}:{Version} is unloaded.")]
        public static partial void Unloaded(ILogger logger, string model, string version);

        [LoggerMessage(
            Level = LogLevel.Information,
            Message = "Model {Model}:{Version} is gone: its files are, or another version took its place.")]
        public static partial void Gone(ILogger logger, string model, string version);
    }
}
