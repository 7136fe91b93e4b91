using OnnxGraph;
using VisionService.Explanation;
using VisionService.Imaging;
using VisionService.Inference;
using VisionService.Segmentation;

namespace VisionService.Repository;

/// <summary>What loading a segmentation model adds: how its outputs are read, and the detector where masks belong to
/// boxes.</summary>
internal static class SegmenterLoader
{
    // Maps over the whole picture: every pixel must reach the network, so nothing is cropped.
    private static readonly InputDefaults Maps = new(ModelLoader.Assumed, InputPreset.Torchvision, ResizeMode.Stretch)
    {
        Size = (512, 512),
        MustTell = true,
        Readings =
        [
            InputPreset.Torchvision, InputPreset.Unit, InputPreset.Find("keras-tf"), InputPreset.Raw,
            InputPreset.Raw with { Color = InputColor.Bgr },
        ],
    };

    /// <exception cref="ModelLoadException">The outputs can be read in no way, or in several.</exception>
    public static LoadedModel Load(ModelLoader loader, ModelDraft draft) =>
        Readings(draft) is [var only] && IsOfBoxes(only.Form)
            ? LoadObjects(loader, draft)
            : LoadMap(loader, draft); // shapes that the file leaves open are those of a run there

    /// <summary>Whether names and shapes alone say that masks belong to objects.</summary>
    public static bool DrawsObjects(ModelDraft draft) => Readings(draft) is [var only]
        && (IsOfBoxes(only.Form) || only.Form == SegmentationForm.MaskQueries);

    /// <summary>Whether an output has the form of a map over the input.</summary>
    public static bool DrawsMaps(ModelDraft draft) => Readings(draft).Count > 0;

    /// <summary>Whether each mask belongs to a box, which a detector finds.</summary>
    private static bool IsOfBoxes(SegmentationForm form) => form is SegmentationForm.Prototypes
        or SegmentationForm.BoxMasks or SegmentationForm.PastedMasks or SegmentationForm.BoxQueries;

    private static IReadOnlyList<OutputReading> Readings(ModelDraft draft)
    {
        if (!draft.Graph.Inputs.Any(input => input.Shape is { Count: 3 or 4 }))
        {
            return [];
        }

        var (width, height) = InputRecipe.Sides(InputRecipe.ImageInput(draft.Graph));
        return OutputReading.Of(Declared(draft), width, height, draft.Labels?.Count ?? 0);
    }

    private static OutputShape[] Declared(ModelDraft draft) =>
    [
        .. draft.Graph.Outputs.Select(output => new OutputShape(
            output.Name,
            [.. (output.Shape ?? []).Select(dimension => dimension.Size ?? -1)],
            output.Type is ElementType.Float or ElementType.Float16 or ElementType.Double)),
    ];

    private static OutputReading Reading(IReadOnlyList<OutputShape> outputs, ModelDraft draft, ModelInput input) =>
        OutputReading.Of(outputs, input.Width, input.Height, draft.Labels?.Count ?? 0) switch
        {
            [var only] => only,
            [] => throw new ModelLoadException(
                $"The outputs ({string.Join("; ", outputs)}) are those of no segmentation model known here."),
            var several => throw new ModelLoadException(
                $"The outputs ({string.Join("; ", outputs)}) can be read in {several.Count} ways ({string.Join(", ", several.Select(Describe))}); labels, or layouts that differ, would tell."),
        };

    private static string Describe(OutputReading reading) =>
        $"{reading.Form}{(reading.IsInterleaved ? " with classes last" : "")} of output {reading.Output}";

    private static LoadedModel LoadMap(ModelLoader loader, ModelDraft draft)
    {
        var input = InputRecipe.ImageInput(draft.Graph);
        var recipe = InputRecipe.Of(draft, input, Custom(draft, input));
        var session = loader.Open(draft, recipe);
        try
        {
            var outputs = session.Probe(recipe.Input);
            var reading = Reading(outputs, draft, recipe.Input);
            if (IsOfBoxes(reading.Form))
            {
                throw new ModelLoadException(
                    $"A run gave masks of objects ({string.Join("; ", outputs)}), but the file declares no shapes.");
            }

            draft.Conclude("outputs", Describe(reading), "a probe run");
            var classes = Classes(reading, outputs);
            var ofScores = reading;
            if (ChoosesInGraph(loader, draft, recipe, reading, outputs))
            {
                ClassIds.Fuse(draft.Graph, outputs[reading.Output].Name, reading.IsInterleaved ? 3 : 1);
                session.Dispose();
                session = loader.Reopen(draft, recipe);
                reading = reading with { Form = SegmentationForm.Indices, IsInterleaved = false };
                draft.Conclude("best class", "chosen in the graph", "one score for each pixel of the image");
            }

            var labels = Labels(draft, reading, classes);
            Segmenter Segmenter(OutputReading form) =>
                new(recipe.Geometry, recipe.Input.Channels, form, Background(draft, reading, labels), findObjects: null)
                {
                    Merging = draft.Manifest.Output.Merging ?? QueryMerging.Semantic,
                };
            return loader.Finish(
                draft,
                recipe,
                session,
                draft.Manifest.Family ?? (reading.Form == SegmentationForm.Matte ? "matte" : "semantic"),
                labels,
                loader.Explain(draft, recipe, HeadKind.Map, Targets(Segmenter(ofScores), labels)) with
                {
                    ScoreOutput = ofScores.Masks,
                    HasOwnForward = ofScores != reading,
                    Score = Score(Segmenter(ofScores)),
                },
                model => new Model<SegmentRequest, SegmentResult>(model, Segmenter(reading)));
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>What the exporters whose names or metadata the file bears do to pixels; nobody else's is known.</summary>
    private static InputDefaults Custom(ModelDraft draft, Value input)
    {
        bool Has(string name) => draft.Graph.Outputs.Any(output => output.Name == name);
        var isSaliency = draft.Graph.Outputs.Count == 7
            && draft.Graph.Outputs.All(static output => output.Shape is { Count: 4 } shape && shape[1].Size == 1);
        return draft.Graph.Metadata.TryGetValue("author", out var author) && author == "Ultralytics"
            ? Maps with { Source = "the file's metadata", Preset = InputPreset.Unit, Readings = [] }
            : Has("out") ? Maps with { Source = "torchvision's names", Readings = [] }
            : input.Name == "pixel_values" && Has("logits") ? Maps with { Source = "Hugging Face's names", Readings = [] }
            : isSaliency ? Maps with { Source = "U-2-Net's seven maps", Readings = [] }
            : Maps;
    }

    /// <summary>
    /// Only where a pixel of the image is a cell of the map, at its own size: elsewhere scores are interpolated before
    /// the best is chosen, and choosing first would give other borders.
    /// </summary>
    private static bool ChoosesInGraph(
        ModelLoader loader, ModelDraft draft, InputRecipe recipe, OutputReading reading, IReadOnlyList<OutputShape> outputs)
    {
        var said = draft.Manifest.Output.ChoosesInGraph;
        var shape = outputs[reading.Output].Shape;
        var places = reading.IsInterleaved ? (shape[^3], shape[^2]) : (shape[^2], shape[^1]);
        var isSame = reading.Form == SegmentationForm.Scores
            && Classes(reading, outputs) <= 256
            && recipe.Geometry.Mode == ResizeMode.Native
            && places == (recipe.Input.Height, recipe.Input.Width);
        return said == true && !isSame
            ? throw new ModelLoadException(
                $"{draft.SourceOf(static layer => layer.Output.ChoosesInGraph)}: 'argmax: in-graph' needs 'resize: native' and scores of at most 256 classes at the input's own size; output {outputs[reading.Output]} would change its borders.")
            : isSame && (said ?? loader.OutputsTravel);
    }

    private static int? Classes(OutputReading reading, IReadOnlyList<OutputShape> outputs) => reading.Form switch
    {
        SegmentationForm.Scores => (int)outputs[reading.Output].Shape[reading.IsInterleaved ? ^1 : ^3],
        SegmentationForm.MaskQueries => (int)outputs[reading.Output].Shape[^1] - 1,
        _ => null,
    };

    private static LabelList Labels(ModelDraft draft, OutputReading reading, int? classes)
    {
        if (reading.Form == SegmentationForm.Matte)
        {
            return draft.Labels is { Count: 1 } single ? new LabelList(["background", single.Names[0]])
                : draft.Labels ?? new LabelList(["background", "foreground"]);
        }

        if (draft.Labels is { } labels)
        {
            if (labels.Count == classes - 1 && draft.Manifest.Output.Background != false)
            {
                draft.Conclude("background", "first: there is one label less than classes", ModelLoader.Assumed);
                return new LabelList(["background", .. labels.Names]);
            }

            return classes is null || labels.Count == classes ? labels
                : throw new ModelLoadException($"There are {labels.Count} labels for {classes} classes.");
        }

        if (classes == 21)
        {
            draft.Conclude("labels", "Pascal VOC's 20 classes and the background", ModelLoader.Assumed);
            return LabelSets.Find("voc21")!;
        }

        draft.Conclude("labels", "numbers: there is no label file", ModelLoader.Assumed);
        return LabelList.Numbered(classes ?? 255); // the ids of a PNG with a palette, void aside
    }

    /// <summary>The class that stands for nothing in particular: the first, where it is called so or the manifest says
    /// so.</summary>
    private static int? Background(ModelDraft draft, OutputReading reading, LabelList labels) =>
        reading.Form == SegmentationForm.Matte ? 0
        : draft.Manifest.Output.Background ?? labels.Names[0].StartsWith("background", StringComparison.OrdinalIgnoreCase) ? 0 : null;

    private static LoadedModel LoadObjects(ModelLoader loader, ModelDraft draft)
    {
        var open = DetectorLoader.Open(loader, draft);
        try
        {
            var reading = Reading(open.Outputs, draft, open.Recipe.Input);
            draft.Conclude("outputs", Describe(reading), "a probe run");
            if (reading.Form == SegmentationForm.Prototypes)
            {
                // YOLOv8's heads are columns, [1, 4 + classes + k, anchors]; those before and after are rows.
                reading = reading with { IsInterleaved = open.Family != "yolov8" };
            }

            var segmenter = new Segmenter(
                open.Recipe.Geometry,
                open.Recipe.Input.Channels,
                reading,
                background: null,
                Finder(open));

            // Who draws masks can name boxes: the same session answers both.
            return loader.Finish(
                draft,
                open.Recipe,
                open.Session,
                open.Family,
                open.Labels,
                open.Explain(loader, draft),
                model => new Model<SegmentRequest, SegmentResult>(model, segmenter),
                open.AsTask);
        }
        catch
        {
            open.Session.Dispose();
            throw;
        }
    }

    /// <summary>The classes that are asked for, or the one that covers most; each where it shows.</summary>
    private static TargetFinder Targets(Segmenter segmenter, LabelList labels) => (request, outputs) =>
    {
        var segment = AsSegment(request);
        var covered = segmenter.Coverage(segment, outputs);
        if (covered.Count == 0 && request.Classes is null)
        {
            throw new VisionException(
                VisionError.ExplainUnsupported, "There is nothing to explain: the image shows the background alone; 'class' can name it.");
        }

        var targets = new List<ExplainTarget>();
        foreach (var id in request.Classes ?? [covered[0].ClassId])
        {
            var elements = segmenter.Trace(segment, outputs, id);
            var cells = covered.FirstOrDefault(one => one.ClassId == id).Cells;
            targets.Add(elements.Length > 0 || cells > 0
                ? new ExplainTarget(id, labels.NameOf(id), segmenter.Fraction(segment, outputs, id), elements)
                : throw new VisionException(
                    VisionError.ExplainUnsupported,
                    $"There is no '{labels.NameOf(id)}' to explain; the image shows {string.Join(", ", covered.Select(one => labels.NameOf(one.ClassId)))}."));
        }

        return targets;
    };

    /// <summary>The mean score where the class showed; of class ids, how much of the picture still shows it.</summary>
    private static ScoreReader Score(Segmenter segmenter) => (outputs, request, target) => target.Elements.Count > 0
        ? target.Read(outputs) / target.Elements.Count
        : segmenter.Fraction(AsSegment(request), outputs, target.ClassId);

    private static SegmentRequest AsSegment(ExplainRequest request) =>
        new(request.Image, null, request.MinScore, request.MaxIoU, MaxDetections: 1);

    private static ObjectFinder Finder(OpenDetector open) => (request, outputs) =>
    {
        var detect = open.Request(
            request.Image, request.MinScore, request.MaxIoU, request.Suppression, request.Classes, request.MaxDetections);
        using var candidates = open.Detector.Find(detect, outputs);
        var found = new FoundObject[candidates.Count];
        for (var i = 0; i < found.Length; i++)
        {
            var box = candidates[i];
            found[i] = new FoundObject(
                candidates.ClassIds[i],
                candidates.Scores[i],
                new MaskBox(box.XMin, box.YMin, box.XMax, box.YMax),
                candidates.Rows[i]);
        }

        return found;
    };
}
