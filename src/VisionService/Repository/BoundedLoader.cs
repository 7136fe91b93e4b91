using System.Runtime.ExceptionServices;
using Microsoft.Extensions.Options;

namespace VisionService.Repository;

/// <summary>Loads a model in bounded time, whatever is in its file: first in a process of its own
/// (<see cref="TrialLoads"/>), then here.</summary>
/// <param name="loadHere">As <see cref="ModelLoader.Load"/>.</param>
internal sealed class BoundedLoader(
    Func<ModelFiles, LoadedModel> loadHere, TrialLoads trials, IOptions<RepositoryOptions> options)
{
    // Files whose load was given up and still runs.
    private readonly HashSet<(string Path, long Length, DateTime Written)> _stuck = [];

    public static string TookTooLong(TimeSpan timeout) => FormattableString.Invariant(
        $"the load took longer than Repository:LoadTimeout allows ({timeout.TotalSeconds:0.#} s)");

    /// <exception cref="ModelLoadException">With the reason, for whoever put the model there.</exception>
    public LoadedModel Load(ModelFiles files)
    {
        var file = new FileInfo(files.Onnx!);
        var version = (file.FullName, file.Exists ? file.Length : 0, file.LastWriteTimeUtc);
        lock (_stuck)
        {
            if (_stuck.Contains(version))
            {
                throw new ModelLoadException(
                    $"{TookTooLong(options.Value.LoadTimeout)} and has not ended yet; the same file is not tried again");
            }
        }

        if (options.Value.TrialLoads)
        {
            trials.Try(files);
        }

        var attempt = new Attempt(() => loadHere(files));
        if (attempt.Wait(options.Value.LoadTimeout))
        {
            return attempt.Take();
        }

        // Native code cannot be ended. The thread is left to it, once for each file.
        lock (_stuck)
        {
            _stuck.Add(version);
        }

        attempt.Abandon(() =>
        {
            lock (_stuck)
            {
                _stuck.Remove(version);
            }
        });
        throw new ModelLoadException(TookTooLong(options.Value.LoadTimeout));
    }

    /// <summary>One load on a thread of its own.</summary>
    private sealed class Attempt
    {
        private readonly object _lock = new();
        private readonly Thread _thread;
        private LoadedModel? _loaded;
        private ExceptionDispatchInfo? _failure;
        private Action? _whenAbandoned;
        private bool _isDone;

        public Attempt(Func<LoadedModel> load)
        {
            _thread = new Thread(() => Run(load)) { IsBackground = true, Name = "load" };
            _thread.Start();
        }

        public bool Wait(TimeSpan timeout) => _thread.Join(timeout);

        public LoadedModel Take()
        {
            _failure?.Throw();
            return _loaded!;
        }

        /// <summary>What it still loads is disposed of, if it ever ends.</summary>
        public void Abandon(Action whenDone)
        {
            lock (_lock)
            {
                _whenAbandoned = whenDone;
                if (_isDone)
                {
                    GiveUp();
                }
            }
        }

        private void Run(Func<LoadedModel> load)
        {
            try
            {
                _loaded = load();
            }
            catch (Exception exception)
            {
                _failure = ExceptionDispatchInfo.Capture(exception);
            }

            lock (_lock)
            {
                _isDone = true;
                GiveUp();
            }
        }

        private void GiveUp()
        {
            if (_whenAbandoned is not null)
            {
                _loaded?.Dispose();
                _whenAbandoned();
            }
        }
    }
}
