namespace VisionService.Explanation;

internal sealed partial class Explainer
{
    /// <summary>What the answer says of the image as it is.</summary>
    private async Task<IReadOnlyList<ExplainTarget>> FindAsync(ExplainRun run, CancellationToken cancellationToken)
    {
        using var own = await RentForwardAsync(run, cancellationToken);
        return await run.ForwardAsync(own?.Session, planes => run.Planes.CopyTo(planes), outputs => source.FindTargets(run.Request, outputs));
    }

    /// <summary>A session with the outputs of the graph as it was, where the model's own has others.</summary>
    private async Task<SessionLease?> RentForwardAsync(ExplainRun run, CancellationToken cancellationToken) => source.HasOwnForward
        ? await RentAsync(ExplainMethod.Occlusion, new SessionPlan(run.Input), cancellationToken)
        : null;

    /// <summary>Closed form: the weights of the class over the activations of one forward run.</summary>
    private async Task<ExplainResult> MixAsync(ExplainRun run, CancellationToken cancellationToken)
    {
        var head = Examine(run.Input).LinearHead ?? throw Unsupported(
            run,
            ExplainMethod.Cam,
            "its head is not an average over the picture and one linear step",
            await TargetsToSeedAsync(run, cancellationToken));
        if (run.Request.Layer is { } named && Named(named, Examine(run.Input).Anatomy) != head.Feature)
        {
            throw new VisionException(
                VisionError.InvalidRequest, $"Method cam looks at layer '{head.Feature.Name}', not at '{named}'; leave 'layer' out.");
        }

        return await TapAsync(run, ExplainMethod.Cam, head.Feature, (planes, grid, target) =>
        {
            var weights = head.WeightsOf(target.ClassId + source.FirstClass);
            foreach (var element in target.Elements.Where(element => element.Weight < 0))
            {
                var other = head.WeightsOf(element.Index);
                for (var k = 0; k < weights.Length; k++)
                {
                    weights[k] -= other[k];
                }
            }

            return ClassActivationMap.Weighted(planes, weights, grid.Channels, grid.Height, grid.Width);
        }, cancellationToken);
    }

    /// <summary>The main direction of a layer's activations, whatever the class.</summary>
    private Task<ExplainResult> FindMainDirectionAsync(ExplainRun run, CancellationToken cancellationToken) => TapAsync(
        run,
        ExplainMethod.EigenCam,
        LayerFor(run, ExplainMethod.EigenCam),
        static (planes, grid, _) => ClassActivationMap.Combine(CamMethod.EigenCam, planes, [], grid.Channels, grid.Height, grid.Width),
        cancellationToken);

    /// <summary>One run that gives out a layer, and a map made of it for each target.</summary>
    private async Task<ExplainResult> TapAsync(
        ExplainRun run, ExplainMethod method, Layer layer, Func<float[], LayerGrid, ExplainTarget, HeatMap> combine, CancellationToken cancellationToken)
    {
        using var lease = await RentAsync(method, new SessionPlan(run.Input) { Taps = [layer.Name] }, cancellationToken);
        var session = lease.Session;
        var (planes, targets) = await run.RunAsync(session, static _ => { }, outputs =>
            (layer.Grid!.ToPlanes(outputs.Floats(session.Output(layer.Name))), source.FindTargets(run.Request, outputs)));
        return new ExplainResult(
            method, layer, run.Placement, [.. targets.Select(target => new ExplainedTarget(target, combine(planes, layer.Grid!, target), null))]);
    }

    /// <summary>ScoreCAM: how much of the score each channel alone lets through.</summary>
    private async Task<ExplainResult> ScoreChannelsAsync(ExplainRun run, CancellationToken cancellationToken)
    {
        var layer = LayerFor(run, ExplainMethod.ScoreCam);
        using var lease = await RentAsync(ExplainMethod.ScoreCam, new SessionPlan(run.Input) { Taps = [layer.Name] }, cancellationToken);
        var session = lease.Session;
        var planes = await run.RunAsync(session, static _ => { }, outputs => layer.Grid!.ToPlanes(outputs.Floats(session.Output(layer.Name))));
        var result = await PerturbAsync(
            run,
            ExplainMethod.ScoreCam,
            new ScoreCam(run.Shape, MeanColor.Of(run.Shape, run.Planes), planes, layer.Grid!.Channels, layer.Grid.Height, layer.Grid.Width),
            cancellationToken,
            source.Logit); // probabilities weigh all channels nearly alike, since the weights are a softmax of them
        return result with { Layer = layer };
    }

    /// <summary>How the score changes with the picture, place by place: works on any model.</summary>
    private async Task<ExplainResult> PerturbAsync(
        ExplainRun run, ExplainMethod method, Perturbation<HeatMap> perturbation, CancellationToken cancellationToken, ScoreReader? read = null)
    {
        using var own = await RentForwardAsync(run, cancellationToken);
        var targets = await FindAsync(run, cancellationToken);
        var explained = new List<ExplainedTarget>();
        foreach (var target in targets)
        {
            explained.Add(new ExplainedTarget(target, await run.AskAsync(own?.Session, perturbation, target, read), null));
        }

        return new ExplainResult(method, null, run.Placement, explained);
    }

    /// <summary>Not why but what: a layer's feature maps.</summary>
    private async Task<ExplainResult> ShowActivationsAsync(ExplainRun run, CancellationToken cancellationToken)
    {
        var layer = LayerFor(run, ExplainMethod.Activations);
        using var lease = await RentAsync(
            ExplainMethod.Activations, new SessionPlan(run.Input) { Taps = [layer.Name], IsPartial = true }, cancellationToken);
        var session = lease.Session;
        var planes = await run.RunAsync(session, static _ => { }, outputs => layer.Grid!.ToPlanes(outputs.Floats(session.Output(layer.Name))));
        return new ExplainResult(ExplainMethod.Activations, layer, run.Placement, []) { Activations = planes };
    }

    /// <summary>Adds what deleting and inserting the hottest places does to the score.</summary>
    private async Task<ExplainResult> VerifyAsync(ExplainRun run, ExplainResult result, CancellationToken cancellationToken)
    {
        using var own = await RentForwardAsync(run, cancellationToken);
        var verified = new List<ExplainedTarget>();
        foreach (var explained in result.Targets)
        {
            var faithfulness = new Faithfulness(run.Shape, explained.Map, run.Planes);
            verified.Add(explained with { Faithfulness = await run.AskAsync(own?.Session, faithfulness, explained.Target) });
        }

        return result with { Targets = verified };
    }
}
