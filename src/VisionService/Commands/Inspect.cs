using System.Globalization;
using VisionService.Explanation;
using VisionService.Imaging;
using VisionService.Inference;
using VisionService.Repository;
using VisionService.Repository.Recognition;

namespace VisionService.Commands;

/// <summary>Says what the files of models are taken for and why, as serving would take them.</summary>
internal sealed class Inspect(ModelCatalog catalog)
{
    private const int Refused = 1;
    private const int TimedRuns = 5;

    /// <summary>0 if all the models would serve.</summary>
    public async Task<int> RunAsync(TextWriter output, TextWriter progress, CancellationToken cancellationToken)
    {
        await catalog.StartAsync(cancellationToken);
        await catalog.ExecuteTask!;
        var entries = catalog.Entries;
        foreach (var entry in entries)
        {
            await DescribeAsync(entry, output, cancellationToken);
        }

        if (entries.Count == 0)
        {
            await output.WriteLineAsync("There is no model.");
        }

        return entries.Count > 0 && entries.All(static entry => entry.State == ModelState.Ready) ? 0 : Refused;
    }

    private static async Task DescribeAsync(ModelEntry entry, TextWriter output, CancellationToken cancellationToken)
    {
        if (entry.Loaded is not { } loaded)
        {
            await output.WriteLineAsync($"{entry.Name}: would not serve. {entry.Problem}\n");
            return;
        }

        await output.WriteLineAsync($"{entry.Name}: {loaded.Task}, family {loaded.Family}\n\nEvidence");
        var width = loaded.Evidence.Max(static evidence => evidence.Subject.Length);
        foreach (var evidence in loaded.Evidence)
        {
            await output.WriteLineAsync($"  {evidence.Subject.PadRight(width)}  {evidence.Conclusion} ({evidence.Source})");
        }

        await WriteListAsync(output, "Inputs", loaded.Tensors.Inputs.Select(Describe));
        await WriteListAsync(output, "Outputs", loaded.Tensors.Outputs.Select(Describe));
        await WriteListAsync(output, "Manifest (vision.yaml)", ManifestText.Of(loaded).TrimEnd().Split('\n'));
        await WriteListAsync(output, "Here", await MeasureAsync(loaded, cancellationToken));
        var warnings = loaded.Evidence
            .Where(static evidence => evidence.Source == ModelLoader.Assumed)
            .Select(static evidence => $"{evidence.Subject}: {evidence.Conclusion} is assumed; the manifest can say otherwise")
            .ToArray();
        await WriteListAsync(output, "Warnings", warnings.Length > 0 ? warnings : ["none"]);
        await output.WriteLineAsync();
    }

    private static async Task WriteListAsync(TextWriter output, string title, IEnumerable<string> lines)
    {
        await output.WriteLineAsync($"\n{title}");
        foreach (var line in lines)
        {
            await output.WriteLineAsync($"  {line}");
        }
    }

    private static string Describe(GraphTensor tensor) =>
        $"{tensor.Name} {tensor.Type} [{string.Join(", ", tensor.Shape?.Select(static size => size < 0 ? "?" : $"{size}") ?? ["?"])}]";

    /// <summary>What a run costs here, and whether an answer can be explained with gradients.</summary>
    private static async Task<IReadOnlyList<string>> MeasureAsync(LoadedModel loaded, CancellationToken cancellationToken)
    {
        if (loaded.Recipe is not { } recipe)
        {
            return ["takes tensors: nothing is measured"];
        }

        using var picture = ProbePicture.StopSign.Draw();
        for (var run = 0; run < TimedRuns; run++)
        {
            using var item = loaded.Model.NewItem(recipe.Input);
            using var ticket = Ticket.WithoutPlace();
            var (outputs, _) = await loaded.Model.SubmitAsync(item, ticket, cancellationToken);
            outputs.Dispose();
            await Task.Yield(); // an answer comes on a worker
        }

        var cost = loaded.Model.Cost;
        return
        [
            string.Create(CultureInfo.InvariantCulture, $"a run of one image takes {cost.Predict(1):F1} ms, {loaded.Model.Batching.Runners} at a time"),
            await ExplainsAsync(loaded, picture, cancellationToken),
        ];
    }

    private static async Task<string> ExplainsAsync(LoadedModel loaded, RgbImage picture, CancellationToken cancellationToken)
    {
        var explained = loaded.Tasks.OfType<Model<ExplainRequest, ExplainResult>>().Single();
        try
        {
            using var ticket = Ticket.WithoutPlace();
            var (result, _) = await explained.RunAsync(
                new ExplainRequest(picture, ExplainMethod.GradCam) { MinScore = 0 }, ticket, cancellationToken);
            await Task.Yield();
            return $"explains with gradients, at {result.Layer?.Name ?? "the input"}";
        }
        catch (VisionException exception)
        {
            await Task.Yield();
            return $"does not explain with gradients: {exception.Message}";
        }
    }
}
