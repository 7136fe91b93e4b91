namespace VisionService.Repository;

/// <summary>The one way from files to a model that may answer: loaded, warm, and right about its golden samples.</summary>
internal sealed partial class ModelActivation(
    BoundedLoader loader, GoldenSamples golden, TimeProvider time, ILogger<ModelActivation> logger)
{
    /// <summary>The entry as loading leaves it: ready, or failed with the reason, which is logged.</summary>
    public async Task<ModelEntry> LoadAsync(ModelEntry entry)
    {
        var start = time.GetTimestamp();
        LoadedModel? loaded = null;
        try
        {
            if (ProblemOf(entry.Files) is { } problem)
            {
                return Failed(entry, problem);
            }

            loaded = loader.Load(entry.Files);
            await golden.CheckAsync(entry.Files, loaded);
            loaded = loaded with { LoadDuration = time.GetElapsedTime(start) };
            Log.Ready(logger, entry.Name, loaded.Task, loaded.LoadDuration.TotalMilliseconds, entry.Version);
            Telemetry.Loaded(entry.Name, loaded.LoadDuration);
            foreach (var assumption in loaded.Evidence.Where(evidence => evidence.Source == ModelLoader.Assumed))
            {
                Log.Assumed(logger, entry.Name, assumption.Subject, assumption.Conclusion);
            }

            return entry with
            {
                State = ModelState.Ready,
                Problem = null,
                ReloadProblem = null,
                Loaded = loaded,
                KnownTask = loaded.Task,
            };
        }
        catch (ModelLoadException exception)
        {
            loaded?.Dispose();
            return Failed(entry, exception.Message);
        }
        catch (Exception exception)
        {
            // A defect of ours or of a library must cost one model, never the service.
            loaded?.Dispose();
            Log.Broken(logger, entry.Name, exception);
            return entry with { State = ModelState.Failed, Loaded = null, Problem = "an internal error; see the log" };
        }
    }

    /// <summary>Why files cannot be a model, before one of them is read.</summary>
    private static string? ProblemOf(ModelFiles files) => files.Problem
        ?? (ModelFiles.IsName(files.Name) ? null : "a model's name is made of letters, digits, '.', '_' and '-', at most 128");

    private ModelEntry Failed(ModelEntry entry, string problem)
    {
        Log.Failed(logger, entry.Name, entry.Version, problem);
        return entry with { State = ModelState.Failed, Loaded = null, Problem = problem };
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Information, Message = "Model {Model} is ready to {Task} after {Milliseconds:F0} ms (version {Version}).")]
        public static partial void Ready(ILogger logger, string model, string task, double milliseconds, string version);

        [LoggerMessage(Level = LogLevel.Warning, Message = "Model {Model}: {Subject} is assumed to be {Conclusion}; vision.yaml can say otherwise.")]
        public static partial void Assumed(ILogger logger, string model, string subject, string conclusion);

        [LoggerMessage(Level = LogLevel.Error, Message = "Model {Model}:{Version} cannot be served: {Problem}")]
        public static partial void Failed(ILogger logger, string model, string version, string problem);

        [LoggerMessage(Level = LogLevel.Error, Message = "Model {Model} broke the loader.")]
        public static partial void Broken(ILogger logger, string model, Exception exception);
    }
}
