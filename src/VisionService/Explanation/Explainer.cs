using System.Collections.Concurrent;
using OnnxGraph;
using VisionService.Inference;

namespace VisionService.Explanation;

/// <summary>Explains the answers of one model, whatever its task: chooses method and layer, runs what they need, and
/// makes the heat map.</summary>
internal sealed partial class Explainer(string name, Model model, ExplainSource source, SessionCache sessions) : IDisposable
{
    private const int MaxExamined = 16;

    private readonly ConcurrentDictionary<ModelInput, Lazy<Examined>> _examined = new();

    // Explaining shares the queue with those it must not delay: half of it at most.
    private readonly SemaphoreSlim _turns = new(TurnsOf(model.Batching));

    // What differentiation said when it was refused, back to the layer that was chosen and back to the pixels, which
    // lies further: asking again would cost another probe run.
    private volatile string? _noLayerGradient;
    private volatile string? _noPixelGradient;
    private volatile bool _gradientsTried;

    /// <exception cref="VisionException">The method does not work on this model, or what is to be explained is not
    /// there.</exception>
    public async Task<(ExplainResult Result, StageTimings Timings)> RunAsync(
        ExplainRequest request, Ticket ticket, CancellationToken cancellationToken)
    {
        using var run = new ExplainRun(model, source, request, _turns, TurnsOf(model.Batching), ticket, cancellationToken);
        var result = request.Method is { } method
            ? await RunNamedAsync(run, method, cancellationToken)
            : await RunBestAsync(run, cancellationToken);
        if (request.Verify)
        {
            result = await VerifyAsync(run, result, cancellationToken);
        }

        return (result, run.Timings);
    }

    /// <summary>The layers of the network, in the order in which they are computed.</summary>
    /// <exception cref="VisionException">The graph cannot be examined.</exception>
    public IReadOnlyCollection<Layer> Layers() => Examine(model.Input).Anatomy.Layers;

    public void Dispose() => sessions.Drop(this);

    /// <summary>Runs under way at the same time: as many as keep the runners busy.</summary>
    private static int TurnsOf(BatchingOptions batching) =>
        Math.Clamp(batching.MaxQueueSize / 2, 1, batching.Runners * Math.Max(2, batching.MaxBatchSize));

    private Task<ExplainResult> RunNamedAsync(ExplainRun run, ExplainMethod method, CancellationToken cancellationToken) =>
        run.Request.Layer is null || method.NeedsLayer()
            ? RunAsync(run, method, cancellationToken)
            : throw new VisionException(
                VisionError.InvalidRequest, $"Method {ExplainMethods.Name(method)} looks at no layer; leave 'layer' out.");

    /// <summary>Closed form where the head allows it, else gradients, else a patch over one place after the
    /// other.</summary>
    private async Task<ExplainResult> RunBestAsync(ExplainRun run, CancellationToken cancellationToken)
    {
        // A box's score is of one place: averaging its gradient over the picture would lose the place.
        var weighing = source.Head == HeadKind.Objects ? ExplainMethod.HiResCam : ExplainMethod.GradCam;
        if (run.Request.Layer is not null)
        {
            return await RunAsync(run, weighing, cancellationToken);
        }

        if (_noLayerGradient is null)
        {
            try
            {
                var method = Examine(run.Input).LinearHead is null ? weighing : ExplainMethod.Cam;
                return await RunAsync(run, method, cancellationToken);
            }
            catch (VisionException exception) when (exception.Error == VisionError.ExplainUnsupported)
            {
            }
        }

        return await RunAsync(run, ExplainMethod.Occlusion, cancellationToken);
    }

    private Task<ExplainResult> RunAsync(ExplainRun run, ExplainMethod method, CancellationToken cancellationToken) => method switch
    {
        ExplainMethod.Cam => MixAsync(run, cancellationToken),
        ExplainMethod.EigenCam => FindMainDirectionAsync(run, cancellationToken),
        ExplainMethod.ScoreCam => ScoreChannelsAsync(run, cancellationToken),
        ExplainMethod.Activations => ShowActivationsAsync(run, cancellationToken),
        ExplainMethod.Occlusion => PerturbAsync(run, method, Occlusion.Of(run.Shape, run.Planes), cancellationToken),
        ExplainMethod.Rise => PerturbAsync(run, method, new Rise(run.Shape, MeanColor.Of(run.Shape, run.Planes)), cancellationToken),
        _ when method.WeighsActivations() => WeighActivationsAsync(run, method, cancellationToken),
        _ => GradePixelsAsync(run, method, cancellationToken),
    };

    private Examined Examine(ModelInput input)
    {
        // A network that takes any size sees many; what was learnt of one is learnt again in a second.
        if (_examined.Count > MaxExamined)
        {
            _examined.Clear();
        }

        return _examined.GetOrAdd(input, size => new(() => ExamineAnew(size))).Value;
    }

    private Examined ExamineAnew(ModelInput size)
    {
        try
        {
            var graph = ExplainSession.Forward(source, size, batch: 1);
            var outputs = graph.Outputs.Select(output => output.Name).ToArray();
            var anatomy = new NetworkAnatomy(graph, source.ImageInput, size, GraphProbes.RunAll(graph));
            if (source.Head != HeadKind.Classes)
            {
                return new Examined(anatomy, outputs, null, null);
            }

            var scores = outputs[source.ScoreOutput];
            var logits = anatomy.Logits(scores);
            var classes = (int)anatomy.Find(scores)!.Shape.Max();
            return new Examined(anatomy, outputs, anatomy.BeforeHead(logits), LinearHead.Of(graph, anatomy, logits, classes));
        }
        catch (OnnxGraphException exception)
        {
            throw new VisionException(VisionError.ExplainUnsupported, $"Model '{name}' cannot be explained so: {exception.Message}", exception);
        }
    }

    /// <summary>The layer that the caller named, or the one that suits the network best.</summary>
    private Layer LayerFor(ExplainRun run, ExplainMethod method) => LayersFor(run, method, null)[0];

    /// <summary>The same; a detector has one for each of its scales.</summary>
    private IReadOnlyList<Layer> LayersFor(ExplainRun run, ExplainMethod method, IReadOnlyList<ExplainTarget>? targets)
    {
        var examined = Examine(run.Input);
        if (run.Request.Layer is { } named)
        {
            return [Named(named, examined.Anatomy)];
        }

        var found = ChosenLayers(
            examined,
            targets is null ? examined.Outputs : targets.SelectMany(target => target.Elements).Select(element => examined.Outputs[element.Output]).Distinct());
        return found.Count > 0 ? found : throw Unsupported(run, method, "no layer of it lies over the picture", targets);
    }

    private IReadOnlyList<Layer> ChosenLayers(Examined examined, IEnumerable<string> outputs) => source.Head switch
    {
        HeadKind.Classes => ListOf(examined.BeforeHead),
        HeadKind.Map => ListOf(examined.Anatomy.Bottleneck(examined.Outputs[source.ScoreOutput])),
        _ => examined.Anatomy.BeforeHeads(outputs),
    };

    private static IReadOnlyList<Layer> ListOf(Layer? layer) => layer is null ? [] : [layer];

    private Layer Named(string layer, NetworkAnatomy anatomy)
    {
        if (anatomy.Find(layer) is not { } found)
        {
            throw new VisionException(
                VisionError.InvalidRequest,
                $"Model '{name}' has no layer '{layer}'{Nearest.Hint(layer, anatomy.Layers.Select(known => known.Name))}; GET /models/{name}/layers lists them.");
        }

        return found.Grid is not null ? found : throw new VisionException(
            VisionError.InvalidRequest,
            $"Layer '{layer}' has the shape [{string.Join(", ", found.Shape)}], which does not lie over the picture; GET /models/{name}/layers says which do.");
    }

    /// <summary>A session of this plan.</summary>
    /// <exception cref="VisionException">A gradient that it needs does not exist.</exception>
    private async Task<SessionLease> RentAsync(
        ExplainMethod method, SessionPlan plan, CancellationToken cancellationToken, bool isNamed = false)
    {
        // A layer that the caller named says nothing about others.
        var isOfPixels = method.NeedsPixelGradient();
        var isOfChosenLayer = method.WeighsActivations() && !isNamed;
        if ((isOfPixels ? _noPixelGradient : isOfChosenLayer ? _noLayerGradient : null) is { } known)
        {
            throw Unsupported(method, known);
        }

        try
        {
            return await sessions.RentAsync(
                this, plan, () => ExplainSession.Open(source, plan, model.Batching.MaxBatchSize), cancellationToken);
        }
        catch (Exception exception) when (exception is OnnxGraphException or Microsoft.ML.OnnxRuntime.OnnxRuntimeException)
        {
            if (isOfChosenLayer)
            {
                (_noLayerGradient, _noPixelGradient) = (exception.Message, exception.Message);
            }
            else if (isOfPixels)
            {
                _noLayerGradient ??= WhyNoLayerGradient(plan);
                _noPixelGradient = exception.Message;
            }

            throw Unsupported(method, exception.Message);
        }
    }

    /// <summary>A refusal that has nothing to do with gradients: its list of what works needs to know of them
    /// first.</summary>
    private VisionException Unsupported(ExplainRun run, ExplainMethod method, string reason, IReadOnlyList<ExplainTarget>? targets)
    {
        if (!_gradientsTried && (targets is not null || source.Head == HeadKind.Classes))
        {
            var plan = Plan(run, targets) with { WithRespectTo = [source.ImageInput] };
            try
            {
                ExplainSession.Differentiate(source, plan);
            }
            catch (Exception exception) when (exception is OnnxGraphException or Microsoft.ML.OnnxRuntime.OnnxRuntimeException)
            {
                _noLayerGradient ??= WhyNoLayerGradient(plan);
                _noPixelGradient ??= exception.Message;
            }

            _gradientsTried = true;
        }

        return Unsupported(method, reason);
    }

    /// <summary>What keeps a gradient from the layer before the head; null where it gets there, or where there is no
    /// such layer.</summary>
    private string? WhyNoLayerGradient(SessionPlan plan)
    {
        try
        {
            var layers = ChosenLayers(Examine(plan.Input), plan.Seeds).Select(layer => layer.Name).ToArray();
            if (layers.Length > 0)
            {
                ExplainSession.Differentiate(source, plan with { WithRespectTo = layers });
            }

            return null;
        }
        catch (Exception exception) when (exception is OnnxGraphException or VisionException)
        {
            return exception.Message;
        }
    }

    private VisionException Unsupported(ExplainMethod method, string reason)
    {
        var hasLayer = source.Head != HeadKind.Classes || _examined.Values.Any(
            examined => examined is { IsValueCreated: true, Value.BeforeHead: not null });
        var hasLinearHead = _examined.Values.Any(examined => examined is { IsValueCreated: true, Value.LinearHead: not null });
        var working = ExplainMethods.ByName
            .Where(pair => pair.Value != method
                && (hasLinearHead || pair.Value != ExplainMethod.Cam)
                && (hasLayer || !pair.Value.NeedsLayer())
                && (_noPixelGradient is null || !pair.Value.NeedsPixelGradient())
                && (_noLayerGradient is null || !pair.Value.WeighsActivations()))
            .Select(pair => pair.Key);
        return new VisionException(
            VisionError.ExplainUnsupported,
            $"Model '{name}' cannot be explained with {ExplainMethods.Name(method)}: {reason.TrimEnd('.')}. Methods that work: {string.Join(", ", working)}.");
    }

    /// <summary>What is known of the network at one size of image.</summary>
    /// <param name="Outputs">Names, in the order of the model.</param>
    /// <param name="BeforeHead">Classes: the last activation before the head.</param>
    private sealed record Examined(NetworkAnatomy Anatomy, IReadOnlyList<string> Outputs, Layer? BeforeHead, LinearHead? LinearHead);
}
