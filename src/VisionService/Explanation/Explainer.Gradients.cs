using OnnxGraph.Autodiff;
using VisionService.Inference;

namespace VisionService.Explanation;

internal sealed partial class Explainer
{
    /// <summary>Grad-CAM and its kin: a layer's activations, weighed by what the score's gradient says of
    /// them.</summary>
    private async Task<ExplainResult> WeighActivationsAsync(ExplainRun run, ExplainMethod method, CancellationToken cancellationToken)
    {
        var targets = await TargetsToSeedAsync(run, cancellationToken);
        var layers = LayersFor(run, method, targets);
        var names = layers.Select(layer => layer.Name).ToArray();
        using var lease = await RentAsync(method, Plan(run, targets) with { Taps = names, WithRespectTo = names }, cancellationToken, run.Request.Layer is not null);
        var session = lease.Session;
        var explained = await SeedAsync(run, session, targets, (outputs, _) =>
        {
            // Of a detector's scales, the one that the object was found on: no gradient reaches those behind it, and
            // those before it only through it.
            var best = layers.Count - 1;
            while (best > 0 && !outputs.Floats(session.Gradient(best)).ContainsAnyExcept(0f))
            {
                best--;
            }

            var grid = layers[best].Grid!;
            return (Layer: layers[best], Map: ClassActivationMap.Combine(
                FormulaOf(method),
                grid.ToPlanes(outputs.Floats(session.Output(names[best]))),
                grid.ToPlanes(outputs.Floats(session.Gradient(best))),
                grid.Channels,
                grid.Height,
                grid.Width));
        });
        return new ExplainResult(
            method,
            explained[0].Value.Layer,
            run.Placement,
            [.. explained.Select(one => new ExplainedTarget(one.Target, one.Value.Map, null))]);
    }

    /// <summary>Saliency and its kin: the score's gradient with respect to the pixels.</summary>
    private async Task<ExplainResult> GradePixelsAsync(ExplainRun run, ExplainMethod method, CancellationToken cancellationToken)
    {
        var isPath = method is ExplainMethod.IntegratedGradients or ExplainMethod.SmoothGrad;
        var targets = isPath ? await FindAsync(run, cancellationToken) : await TargetsToSeedAsync(run, cancellationToken);
        using var lease = await RentAsync(
            method,
            Plan(run, targets) with
            {
                WithRespectTo = [source.ImageInput],
                Relu = method == ExplainMethod.GuidedBackprop ? ReluRule.Guided : ReluRule.Gradient,
            },
            cancellationToken);
        var session = lease.Session;
        if (!isPath)
        {
            var graded = await SeedAsync(run, session, targets, (outputs, _) =>
                Saliency.Strongest(run.Shape, outputs.Floats(session.Gradient(0))));
            return new ExplainResult(
                method, null, run.Placement, [.. graded.Select(one => new ExplainedTarget(one.Target, one.Value, null))]);
        }

        var explained = new List<ExplainedTarget>();
        foreach (var target in targets!)
        {
            explained.Add(new ExplainedTarget(target, await FollowAsync(run, session, method, target), null));
        }

        return new ExplainResult(method, null, run.Placement, explained);
    }

    /// <summary>The mean of the gradients at changed copies of the image.</summary>
    private async Task<HeatMap> FollowAsync(ExplainRun run, ExplainSession session, ExplainMethod method, ExplainTarget target)
    {
        var pixels = new float[run.Input.Length];
        for (var i = 0; i < pixels.Length; i++)
        {
            pixels[i] = run.Planes[i];
        }

        GradientMean mean = method == ExplainMethod.IntegratedGradients ? new IntegratedGradients(run.Shape) : new SmoothGrad(run.Shape);
        await run.ForEachAsync(mean.Count, async point => await run.RunAsync(
            session,
            to => mean.WritePoint(point, pixels, to),
            item => Seed(item, session, target, null),
            outputs =>
            {
                mean.Add(point, outputs.Floats(session.Gradient(0)));
                return true;
            }));
        return mean.Combine(pixels);
    }

    private static CamMethod FormulaOf(ExplainMethod method) => method switch
    {
        ExplainMethod.GradCam => CamMethod.GradCam,
        ExplainMethod.GradCamPlusPlus => CamMethod.GradCamPlusPlus,
        ExplainMethod.HiResCam => CamMethod.HiResCam,
        ExplainMethod.LayerCam => CamMethod.LayerCam,
        ExplainMethod.XGradCam => CamMethod.XGradCam,
        _ => throw new ArgumentOutOfRangeException(nameof(method)),
    };

    /// <summary>Classes are chosen inside the graph, so that the run that answers explains as well; objects and maps
    /// must be found first, and so must be what the gradient's float32 might see otherwise.</summary>
    private async Task<IReadOnlyList<ExplainTarget>?> TargetsToSeedAsync(ExplainRun run, CancellationToken cancellationToken) =>
        source.Head == HeadKind.Classes && source.FirstClass == 0 && !Examine(run.Input).Anatomy.IsCoarse
            ? null
            : await FindAsync(run, cancellationToken);

    private SessionPlan Plan(ExplainRun run, IReadOnlyList<ExplainTarget>? targets)
    {
        var examined = Examine(run.Input);
        if (source.Head == HeadKind.Classes)
        {
            // The score explained is the one before the softmax: behind it, all classes push at once.
            return new SessionPlan(run.Input)
            {
                Seeds = [examined.Anatomy.Logits(examined.Outputs[source.ScoreOutput])],
                SeedsByClass = true,
            };
        }

        var outputs = targets!.SelectMany(target => target.Elements).Select(element => element.Output).Distinct().Order();
        return new SessionPlan(run.Input) { Seeds = [.. outputs.Select(output => SeedOf(examined, output))] };
    }

    private string SeedOf(Examined examined, int output) => source.Head == HeadKind.Map
        ? examined.Anatomy.Logits(examined.Outputs[output])
        : examined.Outputs[output];

    /// <summary>One run for each target.</summary>
    private async Task<(ExplainTarget Target, T Value)[]> SeedAsync<T>(
        ExplainRun run, ExplainSession session, IReadOnlyList<ExplainTarget>? targets, TargetReader<T> read)
    {
        IReadOnlyList<int?> classes = run.Request.Classes is { } named ? [.. named] : [null];
        var explained = new (ExplainTarget Target, T Value)[targets?.Count ?? classes.Count];
        await run.ForEachAsync(explained.Length, async index => explained[index] = targets is null
            ? await run.RunAsync(
                session,
                item => SeedClass(item, classes[index], run.Request.Against),
                outputs =>
                {
                    var asked = run.Request with { Classes = classes[index] is { } id ? [id] : null };
                    var target = source.FindTargets(asked, outputs)[0];
                    return (target, read(outputs, target));
                })
            : await run.RunAsync(
                session,
                item => Seed(item, session, targets[index], targets),
                outputs => (targets[index], read(outputs, targets[index]))));
        return explained;
    }

    private void Seed(ModelItem item, ExplainSession session, ExplainTarget target, IReadOnlyList<ExplainTarget>? all)
    {
        if (source.Head == HeadKind.Classes)
        {
            var against = target.Elements.Where(element => element.Weight < 0).Select(element => (int?)(element.Index - source.FirstClass)).FirstOrDefault();
            SeedClass(item, target.ClassId, against);
            return;
        }

        var outputs = (all ?? [target]).SelectMany(one => one.Elements).Select(element => element.Output).Distinct().Order().ToArray();
        for (var i = 0; i < outputs.Length; i++)
        {
            var seed = item.Elements<float>(i + 1);
            seed.Clear();
            foreach (var (output, index, weight) in target.Elements)
            {
                if (output == outputs[i])
                {
                    seed[index] = weight;
                }
            }
        }
    }

    private void SeedClass(ModelItem item, int? classId, int? against)
    {
        item.Elements<long>(1)[0] = classId is { } id ? id + source.FirstClass : -1;
        item.Elements<long>(2)[0] = against is { } other ? other + source.FirstClass : -1;
    }

    private delegate T TargetReader<out T>(ModelOutputs outputs, ExplainTarget target);
}
