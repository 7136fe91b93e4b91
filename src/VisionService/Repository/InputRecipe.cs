using System.Globalization;
using OnnxGraph;
using VisionService.Imaging;
using VisionService.Inference;
using VisionService.Repository.Recognition;

namespace VisionService.Repository;

/// <summary>How an image becomes the network's input: geometry on our side, normalisation inside the graph.</summary>
internal sealed record InputRecipe(string InputName, ModelInput Input, InputGeometry Geometry, PixelNormalization Normalization)
{
    // The stride of most encoders: what sides must be multiples of where nobody says.
    private const int NativeMultiple = 32;

    /// <summary>Works the recipe out from the manifest, its preset, the graph's input, and what the family is used
    /// to.</summary>
    /// <param name="value">The graph's input that takes the image.</param>
    /// <exception cref="ModelLoadException">The input is no image, or the manifest contradicts the file.</exception>
    public static InputRecipe Of(ModelDraft draft, Value value, InputDefaults defaults)
    {
        var manifest = draft.Manifest.Input;
        var (isInterleaved, channels, fileWidth, fileHeight) = Picture(value, manifest.Layout);
        var isOpen = fileWidth is null || fileHeight is null;
        var (width, height) = Size(draft, fileWidth, fileHeight, defaults.Size);
        draft.Conclude(
            "input",
            $"{value.Type} {(isInterleaved ? "NHWC" : "NCHW")}, {channels} x {height} x {width}{(isOpen ? " at most" : "")}",
            isOpen && (manifest.Size ?? manifest.OpenSize) is not null
                ? draft.SourceOf(static layer => layer.Input.Size ?? layer.Input.OpenSize)
                : "the graph");

        var input = new ModelInput(channels, height, width);
        var geometry = ReadGeometry(draft, manifest, defaults, isOpen, width, height);
        using var trial = new InputTrial(draft.Graph, value, input, geometry, isInterleaved);
        var preset = Preset(draft, manifest, value, defaults, trial);
        return new InputRecipe(value.Name, input, geometry, ReadNormalization(draft, preset, isInterleaved, channels));
    }

    /// <summary>The model, to be shown pictures before its normalisation is known.</summary>
    /// <exception cref="ModelLoadException">The input is no image, or the manifest contradicts the file.</exception>
    public static InputTrial Trial(ModelDraft draft, Value value, InputDefaults defaults)
    {
        var (isInterleaved, channels, fileWidth, fileHeight) = Picture(value, draft.Manifest.Input.Layout);
        var (width, height) = Size(draft, fileWidth, fileHeight, defaults.Size);
        var geometry = new InputGeometry(width, height, defaults.Resize)
        {
            ResizeShortest = defaults.Shortest,
            Align = defaults.Align,
            Pad = defaults.Pad,
        };
        return new InputTrial(draft.Graph, value, new ModelInput(channels, height, width), geometry, isInterleaved);
    }

    /// <summary>The input that holds an image, among several that may not.</summary>
    /// <exception cref="ModelLoadException">There is none.</exception>
    public static Value ImageInput(Graph graph) =>
        graph.Inputs.FirstOrDefault(input => input.Shape is { Count: 3 or 4 }
            && input.Type is ElementType.Float or ElementType.Float16 or ElementType.UInt8 or ElementType.Double)
        ?? throw new ModelLoadException($"No input of the model takes an image. Inputs: {string.Join("; ", graph.Inputs)}.");

    /// <summary>Width and height as the file fixes them; negative where it leaves them open.</summary>
    public static (int Width, int Height) Sides(Value input)
    {
        var (_, _, width, height) = Picture(input, null);
        return ((int)(width ?? -1), (int)(height ?? -1));
    }

    private static (bool IsInterleaved, int Channels, long? Width, long? Height) Picture(Value input, bool? saidInterleaved)
    {
        if (input.Shape is not { Count: 3 or 4 } shape)
        {
            throw new ModelLoadException($"The input '{input}' is no image: it needs 3 or 4 dimensions.");
        }

        var axes = shape.Skip(shape.Count - 3).Select(dimension => dimension.Size).ToArray();
        var isInterleaved = saidInterleaved ?? (axes[0] is not (1 or 3) && axes[2] is 1 or 3);
        var (channels, height, width) = isInterleaved ? (axes[2], axes[0], axes[1]) : (axes[0], axes[1], axes[2]);
        return channels is null or 1 or 3
            ? (isInterleaved, (int)(channels ?? 3), width, height)
            : throw new ModelLoadException($"The input '{input}' has {channels} channels; an image has 3, or 1.");
    }

    private static (int Width, int Height) Size(
        ModelDraft draft, long? fileWidth, long? fileHeight, (int Width, int Height)? usual)
    {
        var manifest = draft.Manifest.Input;
        if (manifest.Size is { } said)
        {
            return (fileWidth ?? said.Width) == said.Width && (fileHeight ?? said.Height) == said.Height ? said
                : throw new ModelLoadException(
                    $"{draft.SourceOf(static layer => layer.Input.Size)}: 'size' is [{said.Width}, {said.Height}], but the file fixes [{fileWidth}, {fileHeight}] (width, height).");
        }

        return fileWidth is > 0 and <= 16384 && fileHeight is > 0 and <= 16384 ? ((int)fileWidth, (int)fileHeight)
            : manifest.OpenSize ?? (manifest.Longest is { } longest ? (longest, longest) : usual) ?? throw new ModelLoadException(
                $"The file leaves the size of its input open; {Manifest.FileName} must say it: input: {{size: [width, height]}}.");
    }

    private static InputPreset Preset(
        ModelDraft draft, ManifestInput manifest, Value input, InputDefaults defaults, InputTrial trial)
    {
        const string Subject = "input normalisation";
        if (manifest.Preset is { } said)
        {
            draft.Conclude(Subject, said.Name, draft.SourceOf(static layer => layer.Input.Preset?.Name));
            return Listed(manifest, said);
        }

        // Whose graph takes bytes normalises in the graph, whatever another tool's file says of the network behind it.
        var own = draft.Manifest.Layers[0].Input;
        var isSaid = own.Scale is not null || own.Mean is not null || own.Std is not null
            || (input.Type != ElementType.UInt8 && (manifest.Scale is not null || manifest.Mean is not null || manifest.Std is not null));
        if (isSaid)
        {
            var scale = (manifest.Scale ?? 1).ToString("G4", CultureInfo.InvariantCulture);
            draft.Conclude(
                Subject,
                $"scale {scale}, mean and std as listed",
                draft.SourceOf(static layer => layer.Input.Scale ?? layer.Input.Mean ?? (object?)layer.Input.Std));
            return Listed(manifest, InputPreset.Raw);
        }

        if (input.Type == ElementType.UInt8)
        {
            draft.Conclude(Subject, "none: the model takes bytes", "the graph");
            return InputPreset.Raw;
        }

        if (defaults.Readings.Count > 0)
        {
            MustFit(draft, trial.Input.Channels);
            var readings = manifest.Color is { } color
                ? [.. defaults.Readings.Select(reading => reading with { Color = color }).Distinct()]
                : defaults.Readings;
            if (defaults.Tell?.Invoke(trial, readings) is { } told)
            {
                draft.Conclude(Subject, told.Manifest, "a probe run: only so it knows what drawn pictures show");
                return told;
            }

            if (defaults.MustTell)
            {
                throw new ModelLoadException(
                    $"Nothing tells how the pixels of input '{input.Name}' are normalised, and the answers hang on it; {Manifest.FileName} must say which: {string.Join(" or ", readings.Select(static reading => $"'{reading.Manifest}'"))}, or scale, mean and std.");
            }
        }

        draft.Conclude(Subject, defaults.Preset.Name, defaults.Source);
        return defaults.Preset;
    }

    private static InputPreset Listed(ManifestInput manifest, InputPreset preset) => preset with
    {
        Scale = manifest.Scale ?? preset.Scale,
        Mean = manifest.Mean ?? preset.Mean,
        Std = manifest.Std ?? preset.Std,
    };

    private static InputGeometry ReadGeometry(
        ModelDraft draft, ManifestInput manifest, InputDefaults defaults, bool isOpen, int width, int height)
    {
        // What another tool's file says of every graph of its kind is no contradiction to this one.
        if (!isOpen && draft.Manifest.Layers[0] is { Input.MultipleOf: not null } own)
        {
            throw new ModelLoadException(
                $"{own.Source}: 'multiple_of' is for a file that leaves the size of its input open; this one fixes [{width}, {height}] (width, height).");
        }

        var mode = draft.Choose("resize", static layer => layer.Input.Resize, defaults.Resize, defaults.Source);
        if (mode == ResizeMode.Native && !isOpen)
        {
            throw new ModelLoadException(
                $"{draft.SourceOf(static layer => layer.Input.Resize)}: 'resize: native' is for a file that leaves the size of its input open; this one fixes [{width}, {height}] (width, height).");
        }

        var isUsual = mode == defaults.Resize;
        return new InputGeometry(width, height, mode)
        {
            ResizeShortest = manifest.Shortest ?? (isUsual ? defaults.Shortest : 0),
            ResizeLongest = !isOpen ? 0 : manifest.Longest ?? (isUsual && manifest.Size is null ? defaults.Longest : 0),
            MultipleOf = isOpen ? manifest.MultipleOf ?? (mode == ResizeMode.Native ? NativeMultiple : defaults.MultipleOf) : 0,
            Align = manifest.Align ?? defaults.Align,
            Rounding = defaults.Rounding,
            Interpolation = manifest.Interpolation ?? defaults.Interpolation,
            Antialias = manifest.Antialias ?? (isUsual ? defaults.Antialias : mode != ResizeMode.Letterbox),
            Pad = (byte)(manifest.Pad ?? (isUsual ? defaults.Pad : mode == ResizeMode.Letterbox ? 114 : 0)),
        };
    }

    private static PixelNormalization ReadNormalization(
        ModelDraft draft, InputPreset preset, bool isInterleaved, int channels)
    {
        var manifest = draft.Manifest.Input;
        MustFit(draft, channels);
        var color = manifest.Color ?? (channels == 1 ? InputColor.Gray : preset.Color);
        return new PixelNormalization
        {
            Order = color == InputColor.Bgr ? ChannelOrder.Bgr : ChannelOrder.Rgb,
            Invert = manifest.Invert ?? preset.Invert,
            Scale = (float)preset.Scale,
            Mean = PerChannel(draft, "mean", preset.Mean, 0, channels),
            Std = PerChannel(draft, "std", preset.Std, 1, channels),
            Layout = isInterleaved ? TensorLayout.Interleaved : TensorLayout.Planar,
        };
    }

    private static void MustFit(ModelDraft draft, int channels)
    {
        if (draft.Manifest.Input.Color is { } said && (said == InputColor.Gray) != (channels == 1))
        {
            throw new ModelLoadException(
                $"{draft.SourceOf(static layer => layer.Input.Color)}: 'color' is {said.ToString().ToLowerInvariant()}, but the input has {channels} channel(s).");
        }
    }

    private static float[] PerChannel(
        ModelDraft draft, string key, IReadOnlyList<double> values, double neutral, int channels) =>
        values.Count switch
        {
            0 => [(float)neutral],
            _ when values.Count == 1 || values.Count == channels => [.. values.Select(value => (float)value)],
            _ => throw new ModelLoadException(
                $"{draft.SourceOf(static layer => layer.Input.Mean ?? layer.Input.Std)}: '{key}' has {values.Count} values; the input has {channels} channel(s)."),
        };
}
