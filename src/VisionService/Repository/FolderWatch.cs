using Microsoft.Extensions.Options;

namespace VisionService.Repository;

/// <summary>
/// Looks at the folders of models again and again, rather than waiting to be told: network folders do not tell. A place
/// whose files have changed is let alone until they have stayed the same for <see cref="RepositoryOptions.SettleTime"/> and
/// are whole; then the catalog is asked once to bring its models in line.
/// </summary>
internal sealed partial class FolderWatch(
    IOptions<RepositoryOptions> options, ModelCatalog catalog, TimeProvider time, ILogger<FolderWatch> logger) : BackgroundService
{
    // What does not look whole for that much longer never will: it is read, so that its reason is known.
    private const int PatienceWithParts = 10;

    private readonly Dictionary<string, Sighting> _sightings = new(StringComparer.Ordinal);

    /// <summary>Looks once.</summary>
    /// <returns>The places that have changed, are still, and were not reported so before.</returns>
    public IReadOnlyList<SettledPlace> Look() => [.. options.Value.Models.SelectMany(Look)];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!options.Value.Watch)
        {
            return;
        }

        try
        {
            await (catalog.ExecuteTask ?? Task.CompletedTask).WaitAsync(stoppingToken);
            while (true)
            {
                await Task.Delay(options.Value.WatchInterval, time, stoppingToken);

                // Side by side: one that takes long to load, or to end its requests, keeps no other one waiting.
                foreach (var place in Look())
                {
                    _ = RefreshAsync(place);
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The service is on its way out.
        }
    }

    private IEnumerable<SettledPlace> Look(string root)
    {
        if (FolderPrint.Places(root) is not { } places)
        {
            return [];
        }

        var gone = catalog.Seen.Keys.Where(place => IsBelow(place, root)).Except(places, StringComparer.Ordinal);
        return places.Concat(gone).ToArray()
            .Select(place => FolderPrint.Of(place) is { } print ? new SettledPlace(root, place, print) : null)
            .OfType<SettledPlace>()
            .Where(HasSettled);
    }

    private bool HasSettled(SettledPlace place)
    {
        if (place.Print == catalog.Seen.GetValueOrDefault(place.Place, FolderPrint.Nothing))
        {
            _sightings.Remove(place.Place);
            return false;
        }

        var now = time.GetTimestamp();
        if (!_sightings.TryGetValue(place.Place, out var sighting) || sighting.Print != place.Print)
        {
            _sightings[place.Place] = sighting = new Sighting(place.Print, now);
        }

        var calm = time.GetElapsedTime(sighting.Since, now);
        if (sighting.IsReported || calm < options.Value.SettleTime)
        {
            return false;
        }

        sighting.IsWhole ??= FolderPrint.IsWhole(place.Place);
        return sighting.IsReported = sighting.IsWhole == true || calm >= options.Value.SettleTime * PatienceWithParts;
    }

    private async Task RefreshAsync(SettledPlace place)
    {
        try
        {
            Log.Changed(logger, place.Place);
            await catalog.RefreshAsync(place.Root, place.Place, place.Print);
        }
        catch (Exception exception)
        {
            // A defect of ours must not end the watch.
            Log.Broken(logger, place.Place, exception);
        }
    }

    private static bool IsBelow(string place, string root) => place == root
        || place.StartsWith(Path.TrimEndingDirectorySeparator(root) + Path.DirectorySeparatorChar, StringComparison.Ordinal);

    /// <param name="Root">The configured path that it is in.</param>
    /// <param name="Print">What it looks like (<see cref="FolderPrint.Of"/>).</param>
    internal sealed record SettledPlace(string Root, string Place, string Print);

    private sealed class Sighting(string print, long since)
    {
        public string Print => print;

        public long Since => since;

        public bool? IsWhole { get; set; }

        public bool IsReported { get; set; }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Information, Message = "The files of {Place} have changed and are still: its models are brought in line.")]
        public static partial void Changed(ILogger logger, string place);

        [LoggerMessage(Level = LogLevel.Error, Message = "Bringing the models of {Place} in line failed.")]
        public static partial void Broken(ILogger logger, string place, Exception exception);
    }
}
