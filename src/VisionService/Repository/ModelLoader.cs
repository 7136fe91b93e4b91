using System.Runtime.InteropServices;
using Microsoft.Extensions.Options;
using Microsoft.ML.OnnxRuntime;
using OnnxGraph;
using VisionService.Detection;
using VisionService.Explanation;
using VisionService.Imaging;
using VisionService.Inference;
using VisionService.Repository.Recognition;

namespace VisionService.Repository;

/// <summary>Takes a model from its files to a warm session behind a batcher, in one line of steps.</summary>
internal sealed partial class ModelLoader(
    IOptions<InferenceOptions> options,
    IOptions<RepositoryOptions> repository,
    ExecutionProvider provider,
    ComputeDevices devices,
    SessionCache explainSessions,
    TimeProvider time,
    ILoggerFactory loggers)
{
    /// <summary>The source of a conclusion that rests on nothing but custom; the log warns of it.</summary>
    public const string Assumed = "assumed";

    /// <summary>The subject of what does not keep a model from answering, but should be known.</summary>
    public const string Warning = "warning";

    private const string Tensors = "tensors";

    private static readonly Dictionary<string, Func<ModelLoader, ModelDraft, LoadedModel>> Tasks = new()
    {
        ["classify"] = ClassifierLoader.Load,
        ["detect"] = DetectorLoader.Load,
        ["segment"] = SegmenterLoader.Load,
        [Tensors] = static (loader, draft) => loader.LoadTensors(draft),
    };

    private readonly ILogger _logger = loggers.CreateLogger<ModelLoader>();

    /// <exception cref="ModelLoadException">With the reason, for whoever put the model there.</exception>
    public LoadedModel Load(ModelFiles files)
    {
        Graph? graph = null;
        try
        {
            // 1. Read what lies there.
            var file = new LoadedFile(files.Name, files.Onnx!);
            graph = Graph.Load(files.Onnx!, repository.Value.MaxModelBytes);
            var settings = ModelSettings.Read(files, graph);
            var draft = new ModelDraft(files, settings, graph) { File = file, Labels = ModelSettings.ReadLabels(files, settings) };
            UnknownOperators.RefuseForeign(graph);

            // 2. Decide what it is for.
            var task = Task(draft);
            Report(draft);

            // 3. The task does the rest, with Open and Finish below.
            return Tasks[task](this, draft);
        }
        catch (OnnxGraphException exception)
        {
            throw new ModelLoadException(exception.Message, exception);
        }
        catch (OnnxRuntimeException exception)
        {
            UnknownOperators.Explain(exception, graph!);
            throw new ModelLoadException($"ONNX Runtime refuses the model: {exception.Message}", exception);
        }
    }

    /// <summary>Whether what a run gives back travels far: less of it is then worth an operation in the
    /// graph.</summary>
    public bool OutputsTravel => provider.IsCuda;

    /// <summary>Fuses the normalisation into the graph and opens a session on it.</summary>
    public ModelSession Open(ModelDraft draft, InputRecipe recipe)
    {
        draft.RewriteInput(graph => InputNormalization.Fuse(graph, recipe.InputName, recipe.Normalization));
        draft.Batching = Batching(draft.Manifest);
        return Reopen(draft, recipe);
    }

    /// <summary>Opens a session on the graph as it is now, with an open batch axis where that is wanted and
    /// right.</summary>
    public ModelSession Reopen(ModelDraft draft, InputRecipe recipe) =>
        draft.Batching.MaxBatchSize > 1 ? OpenForBatches(draft, recipe) : OpenSession(draft.Graph, draft);

    /// <summary>What explaining needs of a model: its file, to be read again, and sessions beside its own.</summary>
    /// <param name="findTargets">What of an answer to explain.</param>
    public ExplainSource Explain(ModelDraft draft, InputRecipe recipe, HeadKind head, TargetFinder findTargets)
    {
        // Neither the draft nor its graph: they hold the weights, which the session has copied.
        var (file, rewrites, batching) = (draft.File, draft.InputRewrites.ToArray(), draft.Batching);
        return new ExplainSource(head, recipe.InputName, recipe.Geometry, recipe.Input.Channels)
        {
            FindTargets = findTargets,
            OpenGraph = () =>
            {
                var graph = Graph.Load(file.Path);
                Array.ForEach(rewrites, rewrite => rewrite(graph));
                return graph;
            },
            OpenSession = model => provider.Open(model, batching, isExact: true),
        };
    }

    /// <summary>Puts the session behind a batcher and warms it up.</summary>
    /// <param name="session">Disposed of by the caller if that fails.</param>
    /// <param name="source">How the answers are explained.</param>
    /// <param name="tasks">The model as each of its tasks, its own first.</param>
    public LoadedModel Finish(
        ModelDraft draft,
        InputRecipe recipe,
        ModelSession session,
        string family,
        LabelList labels,
        ExplainSource source,
        params Func<Model, object>[] tasks)
    {
        // Devices may add up in whatever order; on the CPU one thread computes the same again, unless the graph throws dice.
        if (!provider.IsCuda && session.Probe(recipe.Input, Values) != session.Probe(recipe.Input, Values))
        {
            Warn(draft, "two runs of one image give different answers: the graph draws random numbers", "a probe run");
        }

        var model = new Model(
            draft.Files.Name, session, recipe.Input, draft.Batching, devices.Join(), time, loggers.CreateLogger<Model>());
        var explainer = new Explainer(draft.Files.Name, model, source, explainSessions);
        draft.Conclude("execution provider", provider.Name, provider.Reason);
        return new LoadedModel(
            model, draft.Evidence[0].Conclusion, family, recipe.Geometry, labels, draft.Evidence, TimeSpan.Zero)
        {
            Tasks = [.. tasks.Select(task => task(model)), new Model<ExplainRequest, ExplainResult>(model, explainer.RunAsync)],
            Defaults = draft.Defaults,
            Recipe = recipe,
            Explainer = explainer,
            Tensors = RawTensors(draft, model, provider.Open),
        };
    }

    private static TensorModel RawTensors(ModelDraft draft, Model model, Func<string, BatchingOptions, ModelSession> open)
    {
        // Not the draft, which holds the weights.
        var (file, batching) = (draft.File, draft.Batching);
        return new TensorModel(draft.Files.Name, model, draft.FileInputs, draft.FileOutputs, () => open(file.Path, batching));
    }

    /// <summary>A model that no task speaks for: it answers tensors with tensors, over the Open Inference Protocol
    /// alone.</summary>
    private LoadedModel LoadTensors(ModelDraft draft)
    {
        // Nothing tells whether rows are independent: they share runs only where the manifest says so.
        draft.Batching = Batching(draft.Manifest) with { MaxBatchSize = draft.Manifest.Batching.MaxBatchSize ?? 1 };
        var session = provider.Open(draft.Files.Onnx!, draft.Batching);
        var model = new Model(
            draft.Files.Name, session, default, draft.Batching, devices.Join(), time, loggers.CreateLogger<Model>());
        draft.Conclude("execution provider", provider.Name, provider.Reason);
        return new LoadedModel(
            model,
            draft.Evidence[0].Conclusion,
            draft.Manifest.Family ?? Tensors,
            new InputGeometry(1, 1, ResizeMode.None),
            draft.Labels ?? LabelList.Numbered(0),
            draft.Evidence,
            TimeSpan.Zero)
        {
            Tasks = [],
            Defaults = draft.Defaults,
            Tensors = RawTensors(draft, model, (_, _) => session),
        };
    }

    private static string Task(ModelDraft draft)
    {
        const string Subject = "task";
        if (draft.Manifest.Task is { } said)
        {
            var who = draft.SourceOf(static layer => layer.Task);
            draft.Conclude(Subject, said, who);
            return Tasks.ContainsKey(said) ? said : throw new ModelLoadException(
                $"{who}: 'task' must be one of {string.Join(", ", Tasks.Keys)}, not '{said}'.");
        }

        var (task, source) = SegmenterLoader.DrawsObjects(draft) ? ("segment", "names and shapes of the outputs")
            : draft.Manifest.Family is { } family && DetectorFamilies.Find(family) is not null ? ("detect", draft.SourceOf(static layer => layer.Family))
            : DetectorLoader.IsDetector(draft) ? ("detect", "names and shapes of the outputs")
            : OutputKind.IsPicture(draft) ? (Tensors, "a probe run: it answers a picture with a picture")
            : SegmenterLoader.DrawsMaps(draft) ? ("segment", "the outputs' shapes")
            : OutputKind.IsEmbedding(draft.Graph) ? (Tensors, "the graph: it ends in a vector that is no scores")
            : ("classify", "the outputs' shapes");
        draft.Conclude(Subject, task, source);
        return task;
    }

    /// <summary>Keeps as evidence what the files beside the graph gave and what of them was left aside, and refuses those
    /// that speak of another graph.</summary>
    private static int Values(BatchOutputs run)
    {
        var hash = default(HashCode);
        foreach (var output in run.Outputs.Where(static output => output.IsFloat))
        {
            hash.AddBytes(MemoryMarshal.AsBytes(output.Floats(0)));
        }

        return hash.ToHashCode();
    }

    private void Report(ModelDraft draft)
    {
        foreach (var layer in draft.Manifest.Layers)
        {
            foreach (var warning in layer.Warnings)
            {
                Warn(draft, warning, layer.Source);
            }
        }

        foreach (var note in draft.Files.Notes)
        {
            Warn(draft, note, "the folder");
        }

        if (draft.Labels is { } labels)
        {
            draft.Conclude("labels", $"{labels.Count} names", draft.SourceOf(static layer => layer.Labels));
        }

        if (draft.Manifest.Tensors is { } tensors)
        {
            var who = draft.SourceOf(static layer => layer.Tensors);
            RefuseOthers(who, "input", tensors.Inputs, draft.FileInputs);
            RefuseOthers(who, "output", tensors.Outputs, draft.FileOutputs);
        }
    }

    private void Warn(ModelDraft draft, string warning, string source)
    {
        draft.Conclude(Warning, warning, source);
        Log.Warned(_logger, draft.Files.Name, source, warning);
    }

    private static void RefuseOthers(string who, string kind, IEnumerable<string> said, IReadOnlyList<GraphTensor> file)
    {
        if (said.FirstOrDefault(name => file.All(tensor => tensor.Name != name)) is { } unknown)
        {
            var names = file.Select(static tensor => tensor.Name).ToArray();
            throw new ModelLoadException(
                $"{who}: the file has no {kind} '{unknown}'{Nearest.Hint(unknown, names)}; it has {string.Join(", ", names)}.");
        }
    }

    private ModelSession OpenSession(Graph graph, ModelDraft draft) => provider.Open(graph.ToBytes(), draft.Batching);

    /// <summary>
    /// A batch axis that the file leaves open, or that the graph lets us open, counts only once a run of several equals
    /// the runs of each; else the file's own batch stays, or single items.
    /// </summary>
    private ModelSession OpenForBatches(ModelDraft draft, InputRecipe recipe)
    {
        const string Subject = "batch axis";
        var opened = draft.Graph.Clone();
        var session = OpenSession(BatchAxis.TryMakeDynamic(opened, recipe.InputName) ? opened : draft.Graph, draft);
        if (session.FixedBatch is { } batch)
        {
            draft.Conclude(Subject, $"fixed at {batch}", "the graph");
            return session;
        }

        if (BatchProbe.RowsAreIndependent(session, recipe.Input))
        {
            draft.Conclude(Subject, "open", "a probe run: each row as if alone");
            return session;
        }

        draft.Conclude(Subject, "single items", "a probe run: rows depend on their batch");
        draft.Batching = draft.Batching with { MaxBatchSize = 1 };
        session.Dispose();
        return OpenSession(draft.Graph, draft);
    }

    /// <summary>The service's options under what the manifest says.</summary>
    private BatchingOptions Batching(Manifest manifest)
    {
        var defaults = provider.Batching(options.Value);
        var said = manifest.Batching;
        return new BatchingOptions(
            (provider.IsCuda ? said.CudaInstances : said.CpuInstances) is { } instances
                ? provider.Runners(instances)
                : defaults.Runners,
            said.MaxBatchSize ?? defaults.MaxBatchSize,
            said.MaxQueueDelay ?? defaults.MaxQueueDelay,
            said.MaxQueueSize ?? defaults.MaxQueueSize)
        {
            MaxQueueBytes = defaults.MaxQueueBytes,
            MaxQueueWait = said.MaxQueueWait ?? defaults.MaxQueueWait,
            MaxRunTime = said.MaxRunTime ?? defaults.MaxRunTime,
            AnswersOnRunner = defaults.AnswersOnRunner,
        };
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "Model {Model}: {Source}: {Text}.")]
        public static partial void Warned(ILogger logger, string model, string source, string text);
    }
}
