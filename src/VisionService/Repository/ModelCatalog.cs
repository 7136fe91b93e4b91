using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using VisionService.Inference;

namespace VisionService.Repository;

/// <summary>
/// The inventory: every model found, in whatever state. Loads in the background once the host starts; a model that
/// cannot be loaded keeps its reason and does not stop the others.
/// </summary>
internal sealed partial class ModelCatalog : BackgroundService
{
    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LastRetry = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<string, ModelEntry> _entries = new(StringComparer.Ordinal);
    private readonly IDictionary<string, string> _defaults;
    private readonly BoundedLoader _loader;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly IHostApplicationLifetime _lifetime;
    private readonly SemaphoreSlim _changing = new(1);
    private TaskCompletionSource _change = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <exception cref="ModelLoadException">A configured folder does not exist.</exception>
    public ModelCatalog(
        IOptions<RepositoryOptions> options,
        BoundedLoader loader,
        IHostApplicationLifetime lifetime,
        TimeProvider time,
        ILogger<ModelCatalog> logger)
    {
        (_defaults, _loader, _lifetime, _time, _logger) = (options.Value.Defaults, loader, lifetime, time, logger);
        foreach (var files in options.Value.Models.SelectMany(ModelFiles.Discover))
        {
            Add(files);
        }
    }

    /// <summary>By name.</summary>
    public IReadOnlyList<ModelEntry> Entries => [.. _entries.Values.OrderBy(entry => entry.Name, StringComparer.Ordinal)];

    /// <summary>Whether the service is on its way out.</summary>
    public bool IsStopping => _lifetime.ApplicationStopping.IsCancellationRequested;

    /// <summary>Whether there is a model to answer and none that is still loading or has lost its session, and the service
    /// is to stay.</summary>
    public bool IsReady => !IsStopping
        && _entries.Values.All(entry => entry.State is not (ModelState.Loading or ModelState.Lost))
        && _entries.Values.Any(entry => entry.State == ModelState.Ready);

    /// <summary>Ends when any entry changes. Ask for it first and for the entries then, so that no change is
    /// missed.</summary>
    public Task NextChange => Volatile.Read(ref _change).Task;

    /// <summary>An entry in whatever state.</summary>
    /// <param name="reference"><c>name</c> or <c>name:version</c>.</param>
    /// <exception cref="VisionException">There is no such model or version; the message names those there
    /// are.</exception>
    public ModelEntry Find(string reference)
    {
        var (name, version) = reference.Split(':', 2) is [var n, var v] ? (n, v) : (reference, null);
        if (!_entries.TryGetValue(name, out var entry))
        {
            throw new VisionException(
                VisionError.ModelNotFound,
                $"There is no model '{name}'{Nearest.Hint(name, _entries.Keys)}. Models: {Names(Entries)}.");
        }

        return version is null || version == entry.Version ? entry : throw new VisionException(
            VisionError.ModelNotFound, $"Model '{name}' has no version '{version}'. Versions: {entry.Version}.");
    }

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

    /// <summary>Loads a model from its files: one that is unloaded or failed, or one that is ready anew. Until the new one
    /// is ready the old one answers, and it ends its requests before it goes.</summary>
    /// <exception cref="VisionException">There is no such model, it is loading, or it cannot be loaded: then what was
    /// ready stays.</exception>
    public async Task LoadAsync(string name, CancellationToken cancellationToken)
    {
        await _changing.WaitAsync(cancellationToken);
        try
        {
            var before = Find(name);
            if (before.State == ModelState.Loading)
            {
                throw Loading(before);
            }

            if (ProblemOf(before.Files) is { } problem)
            {
                throw CannotLoad(name, problem);
            }

            if (before.Loaded is null)
            {
                Set(before = before with { State = ModelState.Loading, Problem = null });
            }

            // What has begun is ended, whether or not the caller stays to hear of it.
            var after = await Task.Run(() => TryLoad(before), CancellationToken.None);
            if (after.State == ModelState.Failed)
            {
                Set(before.Loaded is null ? after : before);
                throw CannotLoad(name, after.Problem!);
            }

            await ReplaceAsync(before, after);
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <summary>Takes a model out of service: new requests find it unloaded, those it has are answered first.</summary>
    /// <exception cref="VisionException">There is no such model, or it is loading.</exception>
    public async Task UnloadAsync(string name, CancellationToken cancellationToken)
    {
        await _changing.WaitAsync(cancellationToken);
        try
        {
            var entry = Find(name);
            if (entry.State == ModelState.Loading)
            {
                throw Loading(entry);
            }

            if (entry.Loaded is { } loaded)
            {
                Set(entry with { State = ModelState.Unloaded, Loaded = null });
                Log.Unloaded(_logger, name);
                await DrainAsync(loaded);
                LoadMemory.GiveBack();
            }
        }
        finally
        {
            _changing.Release();
        }
    }

    public override void Dispose()
    {
        base.Dispose();
        _changing.Dispose();
        foreach (var entry in _entries.Values)
        {
            entry.Loaded?.Dispose();
        }
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.Run(
        () =>
        {
            Parallel.ForEach(
                _entries.Values.Where(entry => entry.State == ModelState.Loading),
                new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = stoppingToken },
                entry => Set(TryLoad(entry)));
            LoadMemory.GiveBack();
        },
        stoppingToken);

    /// <summary>Why files cannot be a model, before one of them is read.</summary>
    private static string? ProblemOf(ModelFiles files) => files.Problem
        ?? (ModelFiles.IsName(files.Name) ? null : "a model's name is made of letters, digits, '.', '_' and '-', at most 128");

    private async Task ReplaceAsync(ModelEntry before, ModelEntry after)
    {
        Set(after);
        if (before.Loaded is { } old)
        {
            await DrainAsync(old);
        }

        LoadMemory.GiveBack();
    }

    /// <summary>Replaces a session that broke, again and again if need be; until then the model is out of service, and the
    /// service not ready.</summary>
    private async Task RecoverAsync(ModelEntry broken)
    {
        for (var wait = FirstRetry; !IsStopping; wait = wait * 2 < LastRetry ? wait * 2 : LastRetry)
        {
            await _changing.WaitAsync(_lifetime.ApplicationStopping);
            try
            {
                var before = _entries[broken.Name];
                if (before.Loaded != broken.Loaded && before.State != ModelState.Lost)
                {
                    return; // somebody else has replaced it or taken it out
                }

                var after = TryLoad(before);
                await ReplaceAsync(before, after.State == ModelState.Failed ? after with { State = ModelState.Lost } : after);
                if (after.State == ModelState.Ready)
                {
                    return;
                }
            }
            finally
            {
                _changing.Release();
            }

            await Task.Delay(wait, _time, _lifetime.ApplicationStopping);
        }
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

    private static async Task DrainAsync(LoadedModel loaded)
    {
        await loaded.Use.EndAsync();
        loaded.Dispose();
    }

    private static LoadedModel LoadedOf(ModelEntry entry) => entry.State switch
    {
        ModelState.Loading => throw Loading(entry),
        ModelState.Failed => throw new VisionException(
            VisionError.ModelNotFound, $"Model '{entry.Name}' could not be loaded: {entry.Problem}"),
        ModelState.Unloaded => throw new VisionException(VisionError.ModelNotFound, $"Model '{entry.Name}' is unloaded."),
        ModelState.Lost => throw new VisionException(
            VisionError.ModelLoading, $"Model '{entry.Name}' has lost its session, which is being replaced: {entry.Problem}")
        {
            RetryAfter = FirstRetry,
        },
        _ => entry.Loaded!,
    };

    private static VisionException Loading(ModelEntry entry) =>
        new(VisionError.ModelLoading, $"Model '{entry.Name}' is still loading.") { RetryAfter = TimeSpan.FromSeconds(1) };

    private static VisionException CannotLoad(string name, string problem) =>
        new(VisionError.InvalidRequest, $"Model '{name}' cannot be loaded: {problem}");

    private static string Names(IEnumerable<ModelEntry> entries) =>
        string.Join(", ", entries.Select(entry => entry.Name).DefaultIfEmpty("none"));

    private void Add(ModelFiles files)
    {
        var entry = new ModelEntry(files.Name, files.Version, files, ModelState.Loading);
        if (ProblemOf(files) is { } problem)
        {
            entry = Failed(entry, problem);
        }

        if (!_entries.TryAdd(entry.Name, entry) && (files.Folder is null || _entries[entry.Name].Files.Folder != files.Folder))
        {
            Log.Duplicate(_logger, entry.Name, files.Onnx ?? files.Manifest!, _entries[entry.Name].Files.Onnx ?? "");
        }
    }

    private static Model<TRequest, TResult>? As<TRequest, TResult>(LoadedModel? loaded) =>
        loaded?.Tasks.OfType<Model<TRequest, TResult>>().FirstOrDefault();

    /// <summary>The configured one; else the first whose own task it is, then the first that can do it too.</summary>
    private ModelEntry Default<TRequest, TResult>(string task)
    {
        if (_defaults.TryGetValue(task, out var name))
        {
            return Find(name);
        }

        var entries = Entries;
        return entries.FirstOrDefault(entry => entry.Loaded?.Task == task)
            ?? entries.FirstOrDefault(entry => As<TRequest, TResult>(entry.Loaded) is not null)
            ?? entries.FirstOrDefault(entry => entry.State is ModelState.Loading or ModelState.Lost)
            ?? throw new VisionException(
                VisionError.ModelNotFound, $"No model here can {task}. Models: {Names(entries)}.");
    }

    /// <summary>The entry as loading leaves it: ready, or failed with the reason.</summary>
    private ModelEntry TryLoad(ModelEntry entry)
    {
        var start = _time.GetTimestamp();
        try
        {
            var loaded = _loader.Load(entry.Files) with { LoadDuration = _time.GetElapsedTime(start) };
            Log.Ready(_logger, entry.Name, loaded.Task, loaded.LoadDuration.TotalMilliseconds);
            Telemetry.Loaded(entry.Name, loaded.LoadDuration);
            foreach (var assumption in loaded.Evidence.Where(evidence => evidence.Source == ModelLoader.Assumed))
            {
                Log.Assumed(_logger, entry.Name, assumption.Subject, assumption.Conclusion);
            }

            return entry with { State = ModelState.Ready, Problem = null, Loaded = loaded };
        }
        catch (ModelLoadException exception)
        {
            return Failed(entry, exception.Message);
        }
        catch (Exception exception)
        {
            // A defect of ours or of a library must cost one model, never the service.
            Log.Broken(_logger, entry.Name, exception);
            return entry with { State = ModelState.Failed, Loaded = null, Problem = "an internal error; see the log" };
        }
    }

    private void Set(ModelEntry entry)
    {
        _entries[entry.Name] = entry;
        if (entry.Loaded is not null)
        {
            _ = WatchAsync(entry);
        }

        Interlocked.Exchange(ref _change, new(TaskCreationOptions.RunContinuationsAsynchronously)).SetResult();
    }

    private ModelEntry Failed(ModelEntry entry, string problem)
    {
        Log.Failed(_logger, entry.Name, problem);
        return entry with { State = ModelState.Failed, Loaded = null, Problem = problem };
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Information, Message = "Model {Model} is ready to {Task} after {Milliseconds:F0} ms.")]
        public static partial void Ready(ILogger logger, string model, string task, double milliseconds);

        [LoggerMessage(Level = LogLevel.Warning, Message = "Model {Model}: {Subject} is assumed to be {Conclusion}; vision.yaml can say otherwise.")]
        public static partial void Assumed(ILogger logger, string model, string subject, string conclusion);

        [LoggerMessage(Level = LogLevel.Error, Message = "Model {Model} cannot be served: {Problem}")]
        public static partial void Failed(ILogger logger, string model, string problem);

        [LoggerMessage(Level = LogLevel.Information, Message = "Model {Model} is unloaded.")]
        public static partial void Unloaded(ILogger logger, string model);

        [LoggerMessage(Level = LogLevel.Error, Message = "Model {Model} broke the loader.")]
        public static partial void Broken(ILogger logger, string model, Exception exception);

        [LoggerMessage(Level = LogLevel.Error, Message = "Model {Model} in {Path} is left out: {Other} has that name already.")]
        public static partial void Duplicate(ILogger logger, string model, string path, string other);
    }
}
