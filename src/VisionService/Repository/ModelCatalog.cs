using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using VisionService.Inference;

namespace VisionService.Repository;

/// <summary>
/// The models, for those who ask for one and for those who change which there are. Loads in the background once the host
/// starts; a model that cannot be loaded keeps its reason and does not stop the others.
/// </summary>
internal sealed partial class ModelCatalog : BackgroundService
{
    private readonly ModelTable _table = new();
    private readonly NameLocks _names = new();
    private readonly RepositoryOptions _options;
    private readonly ActiveModels _active;
    private readonly ModelExchange _exchange;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly IHostApplicationLifetime _lifetime;

    // What a place looked like when its models were read last.
    private readonly ConcurrentDictionary<string, string> _seen = new(StringComparer.Ordinal);

    // Idle models that requests wait for.
    private readonly ConcurrentDictionary<string, Lazy<Task>> _waking = new(StringComparer.Ordinal);
    private volatile bool _hasStarted;

    /// <exception cref="ModelLoadException">A configured folder does not exist.</exception>
    public ModelCatalog(
        IOptions<RepositoryOptions> options,
        ModelActivation activation,
        IHostApplicationLifetime lifetime,
        TimeProvider time,
        ILogger<ModelCatalog> logger)
    {
        (_options, _lifetime, _time, _logger) = (options.Value, lifetime, time, logger);
        _active = new ActiveModels(_table, _options, logger);
        _exchange = new ModelExchange(_table, activation, _active, _names, time, logger, lifetime.ApplicationStopping);
        foreach (var root in _options.Models)
        {
            // How it looks first: whatever changes while it is read is seen to have changed.
            foreach (var place in FolderPrint.Places(root) ?? [])
            {
                _seen[place] = FolderPrint.Of(place) ?? FolderPrint.Nothing;
            }

            foreach (var files in ModelFiles.Discover(root).Where(IsFirst))
            {
                _table.Set(new ModelEntry(files.Name, files.Version, files, ModelState.Loading));
            }
        }

        // With a bound, the first that fit in are loaded now.
        foreach (var entry in Entries.OrderByDescending(entry => _active.IsPinned(entry.Name)).Skip(_active.Bound ?? int.MaxValue))
        {
            _table.Set(entry with { State = ModelState.Idle });
        }
    }

    /// <inheritdoc cref="ModelTable.Entries"/>
    public IReadOnlyList<ModelEntry> Entries => _table.Entries;

    /// <summary>Whether the service is on its way out.</summary>
    public bool IsStopping => _lifetime.ApplicationStopping.IsCancellationRequested;

    /// <summary>Whether the models there were at the start have been tried.</summary>
    public bool HasStarted => _hasStarted;

    /// <summary>Whether the models of the start are tried, one can answer, none has lost its session, and the service is to
    /// stay. A model that comes later is no reason to send callers elsewhere.</summary>
    public bool IsReady => HasStarted && !IsStopping
        && Entries is var entries && entries.Any(static entry => entry.CanAnswer)
        && entries.All(static entry => entry.State != ModelState.Lost);

    /// <inheritdoc cref="ModelTable.NextChange"/>
    public Task NextChange => _table.NextChange;

    /// <inheritdoc cref="ModelTable.Find(string)"/>
    public ModelEntry Find(string reference) => _table.Find(reference);

    /// <inheritdoc cref="ModelTable.Versions"/>
    public IReadOnlyList<ModelEntry> Versions(string name) => _table.Versions(name);

    /// <summary>The model that answers a task's request.</summary>
    /// <param name="reference">What the caller named; null: the task's default.</param>
    /// <exception cref="VisionException">There is none, it is loading, it failed, or its task is another.</exception>
    public (ModelEntry Entry, Model<TRequest, TResult> Model) Get<TRequest, TResult>(string task, string? reference)
    {
        var entry = reference is null ? Default<TRequest, TResult>(task) : Find(reference);
        var loaded = LoadedOf(entry);
        return As<TRequest, TResult>(loaded) is { } model ? (entry, model) : throw new VisionException(
            VisionError.WrongTask, $"Model '{entry.Name}' is for {loaded.Task}, not for {task}.");
    }

    /// <summary>A model that is ready, whatever its task.</summary>
    /// <param name="reference"><c>name</c> or <c>name:version</c>.</param>
    /// <exception cref="VisionException">There is none, it is loading, unloaded, or it failed.</exception>
    public (ModelEntry Entry, LoadedModel Loaded) GetReady(string reference)
    {
        var entry = Find(reference);
        return (entry, LoadedOf(entry));
    }

    /// <summary>What <see cref="Get"/> or <see cref="GetReady"/> finds, kept until disposal of the use.</summary>
    /// <param name="get">Asked again where the model was replaced in the moment between.</param>
    public static (T Found, IDisposable Use) Use<T>(Func<T> get, Func<T, LoadedModel> loaded)
    {
        while (true)
        {
            // Whoever closes a model takes it out of the table first, so that the next turn finds another.
            var found = get();
            if (loaded(found).Use.TryBegin() is { } use)
            {
                return (found, use);
            }
        }
    }

    /// <summary>Sees to it that a model that made room for others is loaded; at once for every other one, there or
    /// not.</summary>
    /// <param name="reference">What the caller named; null: the task's default.</param>
    /// <param name="patience">How long the caller can wait.</param>
    /// <exception cref="VisionException">It takes longer than that.</exception>
    public ValueTask WakeAsync(string? task, string? reference, TimeSpan patience, CancellationToken cancellationToken)
    {
        if (_active.Bound is null)
        {
            return default;
        }

        var entry = (reference ?? DefaultName(task)) is { } said ? Find(said)
            : Entries.Any(entry => entry.Loaded?.Task == task) ? null
            : Entries.FirstOrDefault(entry => entry.State == ModelState.Idle && entry.KnownTask == task);
        return entry?.State == ModelState.Idle ? new(WakeAsync(entry, patience, cancellationToken)) : default;
    }

    /// <summary>Loads a model from what lies there now: one that is new, unloaded or failed, or one that is ready, anew.
    /// Until the new one is ready the old one answers, and it ends its requests before it goes. What has begun is ended,
    /// whether or not the caller stays to hear of it.</summary>
    /// <param name="reference"><c>name</c>: all its versions that are there; or <c>name:version</c>.</param>
    /// <returns>What the reference means then.</returns>
    /// <exception cref="VisionException">There is no such model, it is being changed, or it cannot be loaded: then what was
    /// ready stays.</exception>
    public async Task<ModelEntry> LoadAsync(string reference)
    {
        var (name, version) = ModelTable.Split(reference);
        var (root, place) = PlaceOf(name);
        using var right = TryChange(name);
        var print = FolderPrint.Of(place) ?? FolderPrint.Nothing;
        var found = Discover(root).Where(files => files.Place == place && files.Name == name).ToArray();
        var wanted = found.Where(files => version is null || files.Version == version).ToArray();
        if (wanted.Length == 0)
        {
            _ = Find(reference);
            throw CannotLoad(reference, "its files are gone");
        }

        if (version is null)
        {
            _seen[place] = print;
        }

        var problems = new List<string>();
        foreach (var files in wanted)
        {
            if (await _exchange.LoadAsync(files) is { } problem)
            {
                problems.Add(problem);
            }
        }

        await _exchange.RetireAsync(_table.Versions(name), found);
        return problems.Count == 0 ? Find(reference) : throw CannotLoad(reference, string.Join("; ", problems));
    }

    /// <summary>Takes a model out of service: new requests find it unloaded, those it has are answered first.</summary>
    /// <param name="reference"><c>name</c>: all its versions; or <c>name:version</c>.</param>
    /// <returns>What the reference means then.</returns>
    /// <exception cref="VisionException">There is no such model, or it is being changed.</exception>
    public async Task<ModelEntry> UnloadAsync(string reference)
    {
        var (name, version) = ModelTable.Split(reference);
        _ = Find(reference);
        using var right = TryChange(name);
        foreach (var entry in _table.Versions(name).Where(entry => version is null || entry.Version == version))
        {
            await _exchange.UnloadAsync(entry);
        }

        return Find(reference);
    }

    /// <summary>What each place that was read looked like then.</summary>
    public IReadOnlyDictionary<string, string> Seen => _seen;

    /// <summary>Brings the models of a place in line with what lies there: new ones are loaded, changed ones exchanged, and
    /// those that are gone forgotten. What an operator has unloaded stays so.</summary>
    /// <param name="root">The configured path that the place is in.</param>
    /// <param name="print">What the place looks like.</param>
    public async Task RefreshAsync(string root, string place, string print)
    {
        // 1. The names that are or were here, one of which may have become another.
        ModelFiles[] found = [.. Discover(root).Where(files => files.Place == place)];
        using var right = await _names.TakeAsync([.. EntriesIn(place).Select(static entry => entry.Name), .. found.Select(static files => files.Name)]);
        if (FolderPrint.Of(place) != print)
        {
            return; // changed again while others had the name: the watch will say so
        }

        // 2. What is there.
        ModelFiles[] wanted = [.. found.Where(IsFirst)];
        _seen[place] = print;
        foreach (var files in wanted)
        {
            if (IsUnloaded(files.Name))
            {
                _table.Set(new ModelEntry(files.Name, files.Version, files, ModelState.Unloaded));
            }
            else
            {
                await _exchange.LoadAsync(files);
            }
        }

        // 3. What is not there any more.
        await _exchange.RetireAsync(EntriesIn(place), wanted);
        if (print == FolderPrint.Nothing)
        {
            _seen.TryRemove(place, out _);
        }
    }

    public override void Dispose()
    {
        base.Dispose();
        _active.Dispose();
        foreach (var entry in Entries)
        {
            entry.Loaded?.Dispose();
        }
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.Run(
        async () =>
        {
            await Parallel.ForEachAsync(
                Entries.Where(static entry => entry.State == ModelState.Loading),
                new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = stoppingToken },
                async (entry, _) => await _exchange.LoadFirstAsync(entry));
            _hasStarted = true;
            LoadMemory.GiveBack();
            foreach (var idle in Entries.Where(static entry => entry.State == ModelState.Idle))
            {
                await _exchange.TryIdleAsync(idle);
            }
        },
        stoppingToken);

    private static LoadedModel LoadedOf(ModelEntry entry) => entry.State switch
    {
        ModelState.Loading => throw new VisionException(VisionError.ModelLoading, $"Model '{entry.Name}' is still loading.")
        {
            RetryAfter = TimeSpan.FromSeconds(1),
        },
        ModelState.Failed => throw new VisionException(
            VisionError.ModelNotFound, $"Model '{entry.Name}' could not be loaded: {entry.Problem}"),
        ModelState.Unloaded => throw new VisionException(VisionError.ModelNotFound, $"Model '{entry.Name}' is unloaded."),
        ModelState.Idle => throw new VisionException(
            VisionError.Overloaded, $"Model '{entry.Name}' has just made room for others.")
        {
            RetryAfter = TimeSpan.FromSeconds(1),
        },
        ModelState.Lost => throw new VisionException(
            VisionError.ModelLoading, $"Model '{entry.Name}' has lost its session, which is being replaced: {entry.Problem}")
        {
            RetryAfter = ModelExchange.FirstRetry,
        },
        _ => entry.Loaded!,
    };

    private static VisionException CannotLoad(string reference, string problem) =>
        new(VisionError.InvalidRequest, $"Model '{reference}' cannot be loaded: {problem}");

    private static Model<TRequest, TResult>? As<TRequest, TResult>(LoadedModel? loaded) =>
        loaded?.Tasks.OfType<Model<TRequest, TResult>>().FirstOrDefault();

    /// <summary>The configured one; else the first whose own task it is, then the first that can do it too.</summary>
    private ModelEntry Default<TRequest, TResult>(string task)
    {
        if (DefaultName(task) is { } name)
        {
            return Find(name);
        }

        var entries = Entries;
        return entries.FirstOrDefault(entry => entry.Loaded?.Task == task)
            ?? entries.FirstOrDefault(static entry => As<TRequest, TResult>(entry.Loaded) is not null)
            ?? entries.FirstOrDefault(static entry => entry.State is ModelState.Loading or ModelState.Lost)
            ?? throw new VisionException(
                VisionError.ModelNotFound, $"No model here can {task}. Models: {_table.Names()}.");
    }

    private string? DefaultName(string? task) => task is not null && _options.Defaults.TryGetValue(task, out var name) ? name : null;

    /// <summary>What is in a path now; nothing where it is away.</summary>
    private static IReadOnlyList<ModelFiles> Discover(string root)
    {
        try
        {
            return ModelFiles.Discover(root);
        }
        catch (Exception exception) when (exception is ModelLoadException or IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>Where a name's files are, in the table or new.</summary>
    /// <exception cref="VisionException">It is neither.</exception>
    private (string Root, string Place) PlaceOf(string name)
    {
        var place = _table.Versions(name) is [var known, ..] ? known.Files.Place : null;
        foreach (var root in _options.Models)
        {
            if (Discover(root).FirstOrDefault(files => files.Name == name && (place is null || files.Place == place)) is { } files)
            {
                return (root, files.Place);
            }
        }

        throw place is null ? _table.Unknown(name) : CannotLoad(name, "its files are gone");
    }

    private IEnumerable<ModelEntry> EntriesIn(string place) => Entries.Where(entry => entry.Files.Place == place);

    /// <summary>Whether the name is free, or that of the same place: of two models with one name the first is
    /// served.</summary>
    private bool IsFirst(ModelFiles files)
    {
        if (_table.Versions(files.Name).FirstOrDefault(entry => entry.Files.Place != files.Place) is not { } other)
        {
            return true;
        }

        Log.Duplicate(_logger, files.Name, Within(files.Place), Within(other.Files.Place));
        return false;
    }

    /// <summary>The end of a path: enough to find it by, and nothing of the machine, as logs travel.</summary>
    private static string Within(string place) =>
        Path.Combine(Path.GetFileName(Path.GetDirectoryName(place)) ?? "", Path.GetFileName(place));

    /// <summary>Whether an operator has taken the name out of service.</summary>
    private bool IsUnloaded(string name) =>
        _table.Versions(name) is { Count: > 0 } versions && versions.All(static entry => entry.State == ModelState.Unloaded);

    private async Task WakeAsync(ModelEntry entry, TimeSpan patience, CancellationToken cancellationToken)
    {
        var load = _waking.GetOrAdd($"{entry.Name}:{entry.Version}", key => new Lazy<Task>(() => LoadIdleAsync(entry, key)));
        try
        {
            await load.Value.WaitAsync(patience, _time, cancellationToken);
        }
        catch (TimeoutException exception)
        {
            throw new VisionException(
                VisionError.Overloaded,
                $"Model '{entry.Name}' had made room for others and was not loaded again within {patience.TotalMilliseconds:F0} ms.",
                exception)
            {
                RetryAfter = TimeSpan.FromSeconds(1),
            };
        }
    }

    private async Task LoadIdleAsync(ModelEntry entry, string key)
    {
        try
        {
            using var right = await _names.TakeAsync([entry.Name]);
            if (_table.Find(entry.Name, entry.Version) is { State: ModelState.Idle } idle)
            {
                await _exchange.LoadAsync(idle.Files);
            }
        }
        finally
        {
            _waking.TryRemove(key, out _);
        }
    }

    /// <summary>The right to change a name, for an operator: he is told where somebody else has it.</summary>
    private IDisposable TryChange(string name) =>
        (_table.Versions(name).Any(static entry => entry.State == ModelState.Loading) ? null : _names.TryTake(name))
        ?? throw new VisionException(VisionError.ModelLoading, $"Model '{name}' is being loaded or unloaded.")
        {
            RetryAfter = TimeSpan.FromSeconds(1),
        };

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Error, Message = "Model {Model} in {Path} is left out: {Other} has that name already.")]
        public static partial void Duplicate(ILogger logger, string model, string path, string other);
    }
}
