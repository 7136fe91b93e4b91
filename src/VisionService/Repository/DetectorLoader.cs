using OnnxGraph;
using VisionService.Detection;
using VisionService.Detection.Decoders;
using VisionService.Inference;
using VisionService.Repository.Recognition;

namespace VisionService.Repository;

/// <summary>What loading a detector adds: its family, the inputs beside the image, and the decoder for its
/// outputs.</summary>
internal static class DetectorLoader
{
    /// <exception cref="ModelLoadException">The family cannot be told, or the file does not fit it.</exception>
    public static LoadedModel Load(ModelLoader loader, ModelDraft draft)
    {
        var open = Open(loader, draft);
        try
        {
            return loader.Finish(
                draft, open.Recipe, open.Session, open.Family, open.Labels, open.Explain(loader, draft), open.AsTask);
        }
        catch
        {
            open.Session.Dispose();
            throw;
        }
    }

    /// <summary>A detector with its session open; the caller owns the session.</summary>
    /// <exception cref="ModelLoadException">The family cannot be told, or the file does not fit it.</exception>
    public static OpenDetector Open(ModelLoader loader, ModelDraft draft)
    {
        // 1. The family, from the manifest or from names and shapes; it says how pixels are wanted.
        var image = InputRecipe.ImageInput(draft.Graph);
        var labels = draft.Labels;
        var declared = Declared(draft, labels);
        var family = Family(draft, declared);
        var usual = DetectorInputs.Of(family.Name);
        var recipe = InputRecipe.Of(
            draft,
            image,
            usual with { MustTell = draft.Manifest.Family is null });
        draft.Defaults = draft.Defaults with
        {
            MinScore = draft.Defaults.MinScore ?? family.MinScore,
            MaxIoU = draft.Defaults.MaxIoU ?? family.MaxIoU,
        };

        // 2. Inputs beside the image speak of sizes: they get the network's own, so that boxes come in its pixels.
        foreach (var input in draft.Graph.Inputs.Where(input => input.Name != recipe.InputName).ToArray())
        {
            Bind(draft, input, recipe.Input);
            recipe = recipe with { Geometry = recipe.Geometry with { MultipleOf = 0 } }; // that size is now every image's
        }

        // 3. The decoder is built for what a run really gives, and reads it once.
        var session = loader.Open(draft, recipe);
        try
        {
            IDetectionDecoder Build(ModelInput input, IReadOnlyList<OutputSignature> shapes) =>
                family.Build(declared with { Input = input, Outputs = shapes });
            var (probe, classes) = session.Probe(recipe.Input, run =>
            {
                var shapes = run.Shapes;
                var signature = declared with
                {
                    Input = recipe.Input,
                    Outputs = [.. shapes.Select(shape => new OutputSignature(shape.Name, shape.Shape, !shape.IsFloat))],
                };
                var classes = family.Classes(signature);
                DecodeOrRefuse(family, signature with { ClassCount = classes ?? signature.ClassCount }, run);
                return (shapes, classes);
            });
            return new OpenDetector(
                recipe,
                session,
                probe,
                family.Name,
                FittingLabels(draft, family, labels, classes),
                new Detector(recipe.Geometry, recipe.Input.Channels, family, Build),
                draft.Defaults);
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>Whether names and shapes alone make this a detector.</summary>
    public static bool IsDetector(ModelDraft draft) =>
        draft.Graph.Inputs.Any(input => input.Shape is { Count: 3 or 4 })
        && DetectorFamilies.Recognize(Declared(draft, draft.Labels)).Count > 0;

    private static DetectorSignature Declared(ModelDraft draft, LabelList? labels)
    {
        var image = InputRecipe.ImageInput(draft.Graph);
        var sides = image.Shape!.Where(dimension => dimension.Size is not (1 or 3)).Select(dimension => (int)(dimension.Size ?? 0)).ToArray();
        var (height, width) = sides is [.., var h, var w] ? (h, w) : (0, 0);
        return new DetectorSignature(
            new ModelInput(3, height, width),
            [.. draft.Graph.Inputs.Select(input => input.Name)],
            [.. draft.Graph.Outputs.Select(Declared)])
        {
            ClassCount = labels?.Count,
            ModelType = draft.Manifest.ModelType,
            Metadata = draft.Manifest.Metadata ?? new Dictionary<string, string>(),
            Parameters = Parameters(draft),
        };
    }

    private static DecoderParameters Parameters(ModelDraft draft)
    {
        var said = draft.Manifest.Output;
        return new DecoderParameters
        {
            FirstClass = said.LabelOffset,
            Anchors = said.Anchors?.Select(level => level.Select(side => (float)side).ToArray()).ToArray(),
            Strides = said.Strides?.Select(stride => (int)stride).ToArray(),
            Priors = said.Priors is { } file ? PriorsFile.Read(draft.Files, draft.SourceOf(static layer => layer.Output.Priors), file) : null,
        };
    }

    private static OutputSignature Declared(Value output) => new(
        output.Name,
        [.. (output.Shape ?? []).Select(dimension => dimension.Size ?? -1)],
        output.Type is not (ElementType.Float or ElementType.Float16 or ElementType.Double));

    private static DetectorFamily Family(ModelDraft draft, DetectorSignature declared)
    {
        const string Subject = "family";
        if (draft.Manifest.Family is { } said)
        {
            var who = draft.SourceOf(static layer => layer.Family);
            var named = DetectorFamilies.Find(said) ?? throw new ModelLoadException(
                $"{who}: there is no family of detectors '{said}'{Nearest.Hint(said, Names())}. Families: {string.Join(", ", Names())}.");
            draft.Conclude(Subject, named.Name, who);
            return named;
        }

        switch (DetectorFamilies.Recognize(declared))
        {
            case [var only]:
                var isOfType = declared.ModelType is { } type && DetectorFamilies.Find(type) == only;
                draft.Conclude(
                    Subject,
                    only.Name,
                    isOfType ? draft.SourceOf(static layer => layer.ModelType) : "names and shapes of the outputs");
                return only;
            case []:
                throw new ModelLoadException(
                    $"The outputs ({string.Join("; ", draft.Graph.Outputs)}) are those of no detector known here; {Manifest.FileName} can name a 'family'.");
            case var several:
                if (SortOut(draft, several, declared) is { } suited)
                {
                    draft.Conclude(Subject, suited.Name, "the values of a probe run");
                    return suited;
                }

                var readings = string.Join(" ", several.Select(family => $"'family: {family.Name}' ({family.Reading})"));
                throw new ModelLoadException(
                    $"The outputs ({string.Join("; ", draft.Graph.Outputs)}) can be read in {several.Count} ways; {Manifest.FileName} must say which: {readings}.");
        }
    }

    /// <summary>The only one of several families whose reading the values of a run bear out; null where that does not
    /// tell.</summary>
    private static DetectorFamily? SortOut(ModelDraft draft, IReadOnlyList<DetectorFamily> several, DetectorSignature declared)
    {
        var defaults = DetectorInputs.Of(several[^1].Name);
        using var trial = InputRecipe.Trial(draft, InputRecipe.ImageInput(draft.Graph), defaults);
        if (draft.Graph.Inputs.Count > 1 || StopSignTrial.Rows(trial, defaults.Preset) is not { } rows)
        {
            return null;
        }

        var signature = declared with { Input = trial.Input };
        return several.Where(family => family.Suits?.Invoke(signature, rows.Values) != false).ToArray() is [{ Suits: not null } only]
            ? only
            : null;
    }

    private static IEnumerable<string> Names() => DetectorFamilies.All.Select(family => family.Name);

    private static void Bind(ModelDraft draft, Value input, ModelInput image)
    {
        float[] values = input.Name switch
        {
            "orig_target_sizes" => [image.Width, image.Height],
            "image_shape" or "im_shape" => [image.Height, image.Width],
            "scale_factor" => [1, 1],
            _ => throw new ModelLoadException(
                $"The input '{input}' beside the image is not known; known are orig_target_sizes, image_shape, im_shape and scale_factor."),
        };
        var tensor = input.Type switch
        {
            ElementType.Int64 => Tensor.Of(Array.ConvertAll(values, value => (long)value), 1, 2),
            ElementType.Int32 => Tensor.Of(Array.ConvertAll(values, value => (int)value), 1, 2),
            _ => Tensor.Of(values, 1, 2),
        };
        draft.RewriteInput(graph => graph.Bind(input.Name, tensor));
        draft.Conclude($"input '{input.Name}'", $"[{string.Join(", ", values)}]", "the network's own size");
    }

    /// <summary>A family that the manifest names may be any: what does not fit shows here, not in the first
    /// request.</summary>
    private static void DecodeOrRefuse(
        DetectorFamily family, DetectorSignature signature, BatchOutputs run)
    {
        try
        {
            var decoder = family.Build(signature);
            using var candidates = Candidates.Rent(new ScoreFilter(0), keyPointCount: decoder.KeyPointCount);
            decoder.Decode(new ModelOutputs(run, 0), candidates);
        }
        catch (Exception exception) when (exception is ArgumentException or IndexOutOfRangeException or InvalidOperationException)
        {
            var shapes = string.Join("; ", signature.Outputs.Select(output => $"{output.Name} [{string.Join(", ", output.Shape)}]"));
            throw new ModelLoadException(
                $"The outputs ({shapes}) are not those of family '{family.Name}', which has {family.Reading}.", exception);
        }
    }

    /// <summary>
    /// The labels, if they are as many as the classes and the manifest's thresholds are for some of them. Without:
    /// eighty classes are COCO's, the one class of a face detector is a face; anything else stays numbers.
    /// </summary>
    private static LabelList FittingLabels(ModelDraft draft, DetectorFamily family, LabelList? labels, int? classes)
    {
        if (labels is not null && classes is not null && labels.Count != classes)
        {
            throw new ModelLoadException($"There are {labels.Count} labels for {classes} classes.");
        }

        labels ??= UsualLabels(draft, family, classes);
        var who = draft.SourceOf(static layer => layer.Output.MinScoreByLabel.Count > 0 ? layer : null);
        foreach (var label in draft.Manifest.Output.MinScoreByLabel.Keys)
        {
            try
            {
                if (labels.Resolve([label]).Count != 1)
                {
                    throw new ModelLoadException($"{who}: 'per_class_conf': '{label}' is more than one class.");
                }
            }
            catch (VisionException exception)
            {
                throw new ModelLoadException($"{who}: 'per_class_conf': {exception.Message}", exception);
            }
        }

        return labels;
    }

    private static LabelList UsualLabels(ModelDraft draft, DetectorFamily family, int? classes)
    {
        if (classes == 1 && FaceFamilies.All.Contains(family))
        {
            draft.Conclude("labels", "face", "the family");
            return LabelSets.Find("face")!;
        }

        if (classes == 80)
        {
            draft.Conclude("labels", "COCO's 80 classes", ModelLoader.Assumed);
            return LabelSets.Find("coco80")!;
        }

        draft.Conclude("labels", "numbers: there is no label file", ModelLoader.Assumed);
        return LabelList.Numbered(classes ?? 0);
    }
}
