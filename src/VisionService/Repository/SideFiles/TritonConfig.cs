namespace VisionService.Repository.SideFiles;

/// <summary>Triton's <c>config.pbtxt</c>, as far as it speaks of what there is here.</summary>
/// <remarks>triton-inference-server/common, protobuf/model_config.proto.</remarks>
internal static class TritonConfig
{
    public const string FileName = "config.pbtxt";

    // As 'batching.max' of vision.yaml.
    private const int MostBatchSize = 256;

    // What to say nothing about: the service warms up every model by itself.
    private static readonly string[] Needless = ["model_warmup"];

    /// <exception cref="ModelLoadException">The file is malformed, or the model is for another backend.</exception>
    public static Manifest Read(string text)
    {
        var config = ProtoText.Parse(text, FileName);
        RefuseOtherBackends(config);
        var warnings = new List<string>();
        var maxBatch = config.Integer("max_batch_size", 0, int.MaxValue) ?? 0;
        if (maxBatch > MostBatchSize)
        {
            warnings.Add($"'max_batch_size' is {maxBatch}; batches here hold at most {MostBatchSize}");
        }

        var outputs = config.Messages("output");
        var labelled = outputs.FirstOrDefault(static output => output.Has("label_filename"))
            ?? (outputs is [var only] ? only : null);
        var batching = config.Message("dynamic_batching");
        var manifest = Manifest.Empty with
        {
            Source = FileName,
            Name = config.Text("name"),
            File = config.Text("default_model_filename"),
            Labels = labelled?.Text("label_filename") is { } labels
                ? new ManifestLabels(null, labels, "label_filename")
                : null,
            Versions = Policy(config.Message("version_policy")),
            Input = Input(config.Messages("input"), isBatchListed: maxBatch == 0, warnings),
            Output = Manifest.Empty.Output with { Scores = labelled?.Text("name") },
            Batching = Batching(batching, config.Messages("instance_group"), warnings) with
            {
                // 0: the first of the dimensions is nobody's batch axis.
                MaxBatchSize = (int)Math.Clamp(maxBatch, 1, MostBatchSize),
            },
            Tensors = new ManifestTensors(Names(config.Messages("input")), Names(outputs)),
        };
        var ofBatching = (batching?.Unread ?? []).Select(static key => $"dynamic_batching.{key}");
        var ignored = config.Unread.Except(Needless).Concat(ofBatching).ToArray();
        if (ignored.Length > 0)
        {
            warnings.Add($"ignored: {string.Join(", ", ignored)}");
        }

        return manifest with { Warnings = warnings };
    }

    private static void RefuseOtherBackends(ProtoMessage config)
    {
        var (backend, platform) = (config.Text("backend"), config.Text("platform"));
        if (backend is not (null or "onnxruntime"))
        {
            throw new ModelLoadException(
                $"{FileName}: 'backend' is '{backend}'; served here are ONNX models, 'onnxruntime'.");
        }

        if (platform is not (null or "onnxruntime_onnx"))
        {
            throw new ModelLoadException(
                $"{FileName}: 'platform' is '{platform}'; served here are ONNX models, 'onnxruntime_onnx'.");
        }
    }

    private static string[] Names(IEnumerable<ProtoMessage> tensors) =>
        [.. tensors.Select(static tensor => tensor.Text("name")).OfType<string>()];

    private static VersionPolicy? Policy(ProtoMessage? policy)
    {
        if (policy?.Message("specific") is { } specific)
        {
            var versions = specific.Integers("versions", 1, long.MaxValue);
            return new VersionPolicy(null, [.. versions.Select(static version => $"{version}")]);
        }

        return policy?.Message("all") is not null ? VersionPolicy.All
            : policy?.Message("latest") is not { } latest ? null
            : new VersionPolicy((int)(latest.Integer("num_versions", 1, 1000) ?? 1), null);
    }

    /// <summary>Layout and size of the input that has the form of an image.</summary>
    /// <param name="isBatchListed">Whether the batch axis may be among the dimensions; else it goes before
    /// them.</param>
    private static ManifestInput Input(IReadOnlyList<ProtoMessage> inputs, bool isBatchListed, List<string> warnings)
    {
        var input = Manifest.Empty.Input;
        foreach (var tensor in inputs)
        {
            var dims = tensor.Integers("dims", -1, int.MaxValue);
            var isInterleaved = tensor.Text("format") switch
            {
                "FORMAT_NHWC" => true,
                "FORMAT_NCHW" => false,
                _ => (bool?)null,
            };
            if (dims.Count - (isBatchListed ? 1 : 0) != 3 && dims.Count != 3)
            {
                continue;
            }

            var (first, middle, last) = (dims[^3], dims[^2], dims[^1]);

            var isLast = isInterleaved ?? (first is not (1 or 3) && last is 1 or 3);
            var (height, width) = isLast ? (first, middle) : (middle, last);
            if (height is > 0 and <= 16384 && width is > 0 and <= 16384)
            {
                input = input with { Size = ((int)width, (int)height) };
            }
            else if (height > 0 || width > 0)
            {
                warnings.Add($"'dims' of input '{tensor.Text("name")}' are no size of an image");
            }

            return input with { Layout = isInterleaved };
        }

        return input;
    }

    private static ManifestBatching Batching(
        ProtoMessage? dynamic, IReadOnlyList<ProtoMessage> groups, List<string> warnings)
    {
        var queue = dynamic?.Message("default_queue_policy");
        var batching = Manifest.Empty.Batching with
        {
            MaxQueueDelay = dynamic?.Integer("max_queue_delay_microseconds", 0, 1_000_000) is { } delay
                ? TimeSpan.FromMicroseconds(delay)
                : null,

            // 0: no limit.
            MaxQueueSize = queue?.Integer("max_queue_size", 0, 1_000_000) is > 0 and var size ? (int)size : null,
            MaxQueueWait = queue?.Integer("default_timeout_microseconds", 0, 600_000_000) is > 0 and var wait
                ? TimeSpan.FromMicroseconds(wait)
                : null,
        };
        if (dynamic?.Integers("preferred_batch_size", 1, int.MaxValue) is { Count: > 0 })
        {
            warnings.Add(
                "ignored: dynamic_batching.preferred_batch_size, since any size up to the largest is taken when it pays");
        }

        foreach (var group in groups)
        {
            var count = (int)(group.Integer("count", 1, 256) ?? 1);
            var kind = group.Text("kind") ?? "KIND_AUTO";
            if (kind is "KIND_CPU" or "KIND_AUTO")
            {
                batching = batching with { CpuInstances = Math.Min((batching.CpuInstances ?? 0) + count, 256) };
            }

            if (kind is "KIND_GPU" or "KIND_AUTO")
            {
                batching = batching with { CudaInstances = Math.Min((batching.CudaInstances ?? 0) + count, 256) };
            }

            if (kind is not ("KIND_CPU" or "KIND_GPU" or "KIND_AUTO"))
            {
                warnings.Add($"ignored: an instance_group of {kind}");
            }
        }

        return batching;
    }
}
