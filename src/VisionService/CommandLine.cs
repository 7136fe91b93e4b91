namespace VisionService;

/// <summary>The command line, turned into configuration; it wins over the environment and appsettings.json.</summary>
/// <param name="Command">What to do instead of serving, such as <c>evaluate detect</c>; empty: serve.</param>
/// <param name="Settings">Configuration keys and values.</param>
/// <param name="Problem">What is wrong with it; null when nothing is.</param>
internal sealed record CommandLine(
    string Command, IReadOnlyDictionary<string, string?> Settings, bool WantsHelp, string? Problem)
{
    public const string EvaluateDetect = "evaluate detect";
    public const string EvaluateSegment = "evaluate segment";
    public const string Inspect = "inspect";
    public const string Config = "config";
    public const string Health = "health";
    public const string CreateKey = "key create";

    /// <summary>The key of the URL that the command <see cref="Health"/> asks.</summary>
    public const string HealthUrl = "Health:Url";

    /// <summary>What the service runs itself as; not for people.</summary>
    public const string TryLoad = "try-load";

    private static readonly Option[] Options =
    [
        new("--models", "DIR", "Repository:Models", "A folder of models, one model's folder, or an ONNX file; may be repeated.", true),
        new("--address", "IP", "Api:Address", "The address to listen on, such as 127.0.0.1 (all)."),
        new("--http-port", "N", "Api:HttpPort", "Port of REST and the pages (8080)."),
        new("--grpc-port", "N", "Api:GrpcPort", "Port of gRPC (8081)."),
        new("--provider", "P", "Inference:Provider", "auto, cpu or cuda (auto: CUDA where there is a device)."),
        new("--instances", "N", "Inference:Instances", "Concurrent runs per model (0: one per core on the CPU)."),
        new("--max-batch-size", "N", "Inference:MaxBatchSize", "Most images in one run (0: 1 on the CPU, 16 on CUDA)."),
        new("--max-queue-size", "N", "Inference:MaxQueueSize", "Most images that wait for one model (256)."),
        new("--model", "NAME", "Evaluate:Model", "evaluate: the model to measure (the task's default)."),
        new("--coco", "FILE", "Evaluate:Coco", "evaluate detect: COCO's instances.json."),
        new("--images", "DIR", "Evaluate:Images", "evaluate: the folder of the images."),
        new("--min-score", "S", "Evaluate:MinScore", "evaluate detect: lowest score that counts (0.001)."),
        new("--max-iou", "O", "Evaluate:MaxIoU", "evaluate detect: overlap of duplicates (the model's, else 0.7)."),
        new("--label-maps", "DIR", "Evaluate:LabelMaps", "evaluate segment: PNGs of labels, named as their images."),
        new("--map", "L=C,...", "Evaluate:Map", "evaluate segment: 3=road,*=background (labels are class ids)."),
        new("--merge", "C=C,...", "Evaluate:Merge", "evaluate segment: classes that count as another, mark=road."),
        new("--void", "N", "Evaluate:Void", "evaluate segment: the label that does not count (255)."),
        new("--url", "URL", HealthUrl, "health: the service to ask (the one that these settings start here)."),
        new("--name", "NAME", "Key:Name", "key create: whose key it is."),
        new("--role", "R", "Key:Role", "key create: infer, or admin, who loads and unloads models (infer)."),
        new("--rate", "N/s", "Key:Rate", "key create: images per s, m, h or d (any)."),
        new("--concurrency", "N", "Key:Concurrency", "key create: most requests at once (any)."),
        new("--expires", "DATE", "Key:Expires", "key create: until when, such as 2027-01-31 (for ever)."),
        new("--file", "FILE", "Key:File", "key create: the file of keys to add it to (its line is printed)."),
    ];

    private static readonly string[] Commands = [EvaluateDetect, EvaluateSegment, Inspect, Config, Health, CreateKey];

    private static readonly string[] Sections =
        ["Api", "Access", "Imaging", "Inference", "Repository", "Explanation", "Evaluate", "Telemetry", "Logging", "Kestrel"];

    private static readonly string[] Names = [.. Options.Select(option => option.Name), .. Sections.Select(section => $"--{section}")];

    public static string Help { get; } = $"""
        VisionService serves ONNX vision models over REST and gRPC.

        Usage: VisionService [options]                     serves
               VisionService evaluate detect [options]     measures a detector, and its masks, on a set in COCO's form
               VisionService evaluate segment [options]    measures a segmenter on images and label maps
               VisionService inspect PATH [options]        says what a model's files are taken for, and why
               VisionService config [options]              prints every setting in effect and where it comes from
               VisionService health [options]              asks a running service whether it is ready; exit code 0: it is
               VisionService key create --name NAME [..]   makes a key that callers must then show

        {string.Join('\n', Options.Select(option => $"  {option.Name + " " + option.Value,-22}{option.Description}"))}
          --Section:Key VALUE   Any other setting, such as --Imaging:MaxBytes 50000000.
          --help                This text.
        """;

    public static CommandLine Parse(IReadOnlyList<string> args)
    {
        var settings = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        var words = args.TakeWhile(arg => !arg.StartsWith('-')).ToArray();
        var command = string.Join(' ', words);
        if (words is [Inspect, .. var paths])
        {
            command = Inspect;
            for (var i = 0; i < paths.Length; i++)
            {
                settings[$"Repository:Models:{i}"] = paths[i];
            }
        }

        if (command.Length > 0 && command != TryLoad && !Commands.Contains(command))
        {
            return Wrong($"Unknown command '{command}'{Nearest.Hint(command, Commands)}; --help lists them.");
        }

        for (var i = words.Length; i < args.Count; i++)
        {
            if (args[i] is "--help" or "-h" or "-?")
            {
                return new CommandLine(command, settings, WantsHelp: true, null);
            }

            var (name, value) = args[i].Split('=', 2) is [var left, var right] ? (left, right) : (args[i], null);
            var option = Find(name);
            if (option is null)
            {
                return Wrong($"Unknown option '{name}'{Nearest.Hint(name.Split(':')[0], Names)}; --help lists them.");
            }

            if (value is null && (++i == args.Count || args[i].StartsWith("--", StringComparison.Ordinal)))
            {
                return Wrong($"Option '{name}' needs a value.");
            }

            value ??= args[i];
            var key = option.IsList ? $"{option.Key}:{settings.Keys.Count(k => k.StartsWith(option.Key, StringComparison.Ordinal))}" : option.Key;
            if (!settings.TryAdd(key, value))
            {
                return Wrong($"Option '{name}' is given more than once.");
            }
        }

        return command == Inspect && settings.Count == 0
            ? Wrong("Command 'inspect' needs the path of a model: a file, or a folder.")
            : new CommandLine(command, settings, WantsHelp: false, null);

        CommandLine Wrong(string problem) => new(command, settings, WantsHelp: false, problem);
    }

    private static Option? Find(string name) =>
        Options.FirstOrDefault(option => option.Name == name)
        ?? (name.StartsWith("--", StringComparison.Ordinal) && name.Split(':') is [var section, _, ..]
            && Sections.Contains(section[2..], StringComparer.OrdinalIgnoreCase)
            ? new Option(name, "VALUE", name[2..], "")
            : null);

    private sealed record Option(string Name, string Value, string Key, string Description, bool IsList = false);
}
