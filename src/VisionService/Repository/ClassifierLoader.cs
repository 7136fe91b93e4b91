using OnnxGraph;
using VisionService.Classification;
using VisionService.Explanation;
using VisionService.Imaging;
using VisionService.Inference;
using VisionService.Repository.Recognition;

namespace VisionService.Repository;

/// <summary>What loading a classifier adds: which output holds the scores, what they still need, and how they are
/// labelled.</summary>
internal static class ClassifierLoader
{
    // Operations that only move values: what stands before them decides what the values are.
    private static readonly HashSet<string> Movers =
        ["Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Cast", "Transpose", "Dropout", "DequantizeLinear", "QuantizeLinear"];

    /// <exception cref="ModelLoadException">No output holds class scores, or the labels do not fit it.</exception>
    public static LoadedModel Load(ModelLoader loader, ModelDraft draft)
    {
        var recipe = InputRecipe.Of(draft, OnlyInput(draft.Graph), Custom(draft));
        var session = loader.Open(draft, recipe);
        try
        {
            var (output, classes) = Scores(session.Probe(recipe.Input), draft.Manifest.Output.Scores);
            var name = draft.Graph.Outputs[output].Name;
            draft.Conclude("scores", $"output '{name}', {classes} classes", "a probe run");
            var (missing, source) = Missing(draft.Graph, name) == ScoreActivation.None
                ? (ScoreActivation.None, "the graph's last operation")
                : session.Probe(recipe.Input, run => AreProbabilities(run.Outputs[output].Floats(0)))
                    ? (ScoreActivation.None, "a probe run: the scores sum to 1")
                    : (ScoreActivation.Softmax, "the graph's last operation");

            // Another tool's file speaks of the network, not of what its export ends in.
            var isDone = missing == ScoreActivation.None && draft.Manifest.Layers[0].Output.Activation is null;
            var activation = draft.Choose(
                "activation", layer => isDone ? null : layer.Output.Activation, missing, source);
            var (labels, firstClass) = Label(draft, classes);
            var classifier = new Classifier(recipe.Geometry, recipe.Input.Channels, labels, output, activation, firstClass);
            return loader.Finish(
                draft,
                recipe,
                session,
                draft.Manifest.Family ?? "classifier",
                labels,
                loader.Explain(draft, recipe, HeadKind.Classes, Targets(classifier, output, firstClass)) with
                {
                    ScoreOutput = output,
                    FirstClass = firstClass,
                    Score = Score(classifier.Probability, firstClass),
                    Logit = Score(classifier.Logit, firstClass),
                },
                model => new Model<ClassifyRequest, ClassifyResult>(model, classifier));
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>The classes that are asked for, or the predicted one; each less the class against it.</summary>
    private static TargetFinder Targets(Classifier classifier, int output, int firstClass) => (request, outputs) =>
    {
        var targets = new List<ExplainTarget>();
        foreach (var wanted in request.Classes?.Select(id => new HashSet<int> { id }) ?? [null])
        {
            var best = classifier.Postprocess(new ClassifyRequest(request.Image, 1, 0, wanted), outputs).Predictions[0];
            List<OutputElement> elements = [new(output, best.ClassId + firstClass, 1)];
            if (request.Against is { } against)
            {
                elements.Add(new OutputElement(output, against + firstClass, -1));
            }

            targets.Add(new ExplainTarget(best.ClassId, best.Label, best.Score, elements));
        }

        return targets;
    };

    /// <summary>What it scores, less that of the class against it.</summary>
    private static ScoreReader Score(Func<ModelOutputs, int, float> scoreOf, int firstClass) => (outputs, _, target) =>
    {
        var score = 0f;
        foreach (var element in target.Elements)
        {
            score += element.Weight * scoreOf(outputs, element.Index - firstClass);
        }

        return score;
    };

    private static Value OnlyInput(Graph graph) => graph.Inputs.Count <= 1 ? InputRecipe.ImageInput(graph)
        : throw new ModelLoadException(
            $"The model has {graph.Inputs.Count} inputs ({string.Join("; ", graph.Inputs)}); a classifier has one, for the image.");

    /// <summary>
    /// A classifier sees the middle of the picture: the shorter side is brought to the input's, or to 256/224 of it
    /// where the recipe is torchvision's. Grey digits and the like are taken whole.
    /// </summary>
    private static InputDefaults Custom(ModelDraft draft)
    {
        var input = InputRecipe.ImageInput(draft.Graph);
        var isGrey = input.Shape!.Any(dimension => dimension.Size == 1) && input.Shape!.All(dimension => dimension.Size != 3);
        var said = draft.Manifest.Input;
        var isTorchvision = said is { Scale: null, Mean: null, Std: null }
            && (said.Preset ?? InputPreset.Torchvision).Name == InputPreset.Torchvision.Name;
        var sides = (said.Size ?? (input.Shape!.Any(static side => side.Size is null) ? said.OpenSize : null)) is { } size ? [size.Width, size.Height]
            : input.Shape!.Select(dimension => (int)(dimension.Size ?? 0)).Where(side => side > 3).ToArray();
        if (isGrey)
        {
            // ImageNet's means are those of three channels; grey models are mostly trained on 0..1.
            return new InputDefaults(ModelLoader.Assumed, InputPreset.Unit, ResizeMode.Stretch)
            {
                Readings = KnownThings.GreyReadings,
                MustTell = true,
                Tell = Tell,
            };
        }

        return new InputDefaults(ModelLoader.Assumed, InputPreset.Torchvision, ResizeMode.ShortestCrop)
        {
            Readings = KnownThings.ColorReadings,
            MustTell = true,
            Tell = Tell,
            Shortest = isTorchvision && sides.Length > 0 ? (int)Math.Round(sides.Min() * 256.0 / 224) : 0,
        };

        InputPreset? Tell(InputTrial trial, IReadOnlyList<InputPreset> readings) =>
            KnownThings.Find(trial, readings, draft.Labels, draft.Manifest.Output.Scores);
    }

    /// <summary>The output that is named, or the first of the form <c>[1, classes]</c>, trailing ones aside.</summary>
    private static (int Output, int Classes) Scores(IReadOnlyList<OutputShape> outputs, string? name)
    {
        var shapes = string.Join("; ", outputs.Select(shape => $"{shape.Name} [{string.Join(", ", shape.Shape)}]"));
        for (var i = 0; i < outputs.Count; i++)
        {
            var shape = outputs[i].Shape;
            var isScores = outputs[i].IsFloat && shape.Count >= 2 && shape[0] == 1 && shape.Count(size => size != 1) <= 1;
            if (name is null ? isScores : outputs[i].Name == name)
            {
                return isScores ? (i, (int)shape.Max()) : throw new ModelLoadException(
                    $"Output '{name}' does not hold class scores [1, classes]. Outputs: {shapes}.");
            }
        }

        throw new ModelLoadException(name is null
            ? $"No output holds class scores [1, classes]. Outputs: {shapes}."
            : $"There is no output '{name}'. Outputs: {shapes}.");
    }

    /// <summary>A softmax, unless the graph already ends in something that makes probabilities.</summary>
    private static ScoreActivation Missing(Graph graph, string output)
    {
        var node = graph.Producer(output);
        while (node is not null && Movers.Contains(node.OpType))
        {
            node = graph.Producer(node.Inputs[0]);
        }

        return node?.OpType is "Softmax" or "Sigmoid" or "HardSigmoid" ? ScoreActivation.None : ScoreActivation.Softmax;
    }

    /// <summary>A softmax may be written out in other operations.</summary>
    private static bool AreProbabilities(ReadOnlySpan<float> scores)
    {
        var sum = 0.0;
        foreach (var score in scores)
        {
            if (!(score >= 0))
            {
                return false;
            }

            sum += score;
        }

        return scores.Length > 2 && Math.Abs(sum - 1) < 1e-3;
    }

    private static (LabelList Labels, int FirstClass) Label(ModelDraft draft, int classes)
    {
        var background = draft.Manifest.Output.Background;
        if (draft.Labels is not { } labels)
        {
            var first = background == true ? 1 : 0;
            draft.Conclude("labels", "numbers: there is no label file", ModelLoader.Assumed);
            return (LabelList.Numbered(classes - first), first);
        }

        if (labels.Count == classes && background != true)
        {
            return (labels, 0);
        }

        // TensorFlow's ImageNet models have 1001 classes, the first of them the background.
        if (labels.Count == classes - 1 && background != false)
        {
            draft.Conclude(
                "background",
                "the first class",
                background is null ? "one label less than classes" : draft.SourceOf(static layer => layer.Output.Background));
            return (labels, 1);
        }

        throw new ModelLoadException($"There are {labels.Count} labels for {classes} classes.");
    }
}
