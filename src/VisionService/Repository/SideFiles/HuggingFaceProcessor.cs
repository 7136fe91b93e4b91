using VisionService.Imaging;

namespace VisionService.Repository.SideFiles;

/// <summary>
/// The <c>preprocessor_config.json</c> of a Hugging Face model: how its image processor makes an input of a picture.
/// Processors of different models read the same keys in different ways; their rules are here, by the processor's name.
/// </summary>
/// <remarks>huggingface/transformers, models/*/image_processing_*.py.</remarks>
internal static class HuggingFaceProcessor
{
    public const string FileName = "preprocessor_config.json";

    /// <summary>Where newer versions keep the same, under a key.</summary>
    public const string CombinedFileName = "processor_config.json";

    // Those that take 'size: 224' for the shorter side; to the others it is both sides.
    private static readonly string[] KeepRatio =
    [
        "CLIP", "ChineseCLIP", "Bit", "ConvNext", "Levit", "MobileNetV1", "MobileNetV2", "MobileViT", "PoolFormer",
        "Detr", "ConditionalDetr", "DeformableDetr", "Yolos", "VideoMAE", "Flava",
    ];

    private static readonly Dictionary<int, Interpolation?> Resamplings = new()
    {
        [0] = Interpolation.Nearest,
        [1] = Interpolation.Lanczos3,
        [2] = Interpolation.Bilinear,
        [3] = Interpolation.Bicubic,
        [4] = Interpolation.Area,
    };

    /// <exception cref="ModelLoadException">A value is not what it should be.</exception>
    public static Manifest Read(string text) => Read(SideSection.OfJson(text, FileName), FileName);

    /// <exception cref="ModelLoadException">A value is not what it should be.</exception>
    public static Manifest ReadCombined(string text)
    {
        var file = SideSection.OfJson(text, CombinedFileName);
        return file.Section("image_processor") is { } processor ? Read(processor, CombinedFileName)
            : file.Has("image_mean") || file.Has("do_resize") ? Read(file, CombinedFileName)
            : Manifest.Empty with { Source = CombinedFileName };
    }

    private static Manifest Read(SideSection processor, string source)
    {
        var warnings = new List<string>();
        var type = Type(processor);
        var input = Geometry(processor, type, warnings);
        input = Pixels(processor, type, warnings)?.Over(input) ?? input;
        var flips = processor.Flag("do_flip_channel_order") ?? type == "MobileViT";
        return Manifest.Empty with
        {
            Source = source,
            Input = flips ? input with { Color = InputColor.Bgr } : input,
            Warnings = warnings,
        };
    }

    /// <summary>The processor's name without what all of them share: <c>ViTImageProcessorFast</c> is
    /// <c>ViT</c>.</summary>
    private static string Type(SideSection processor)
    {
        var type = processor.Text("image_processor_type") ?? processor.Text("feature_extractor_type") ?? "";
        foreach (var ending in (string[])["Fast", "ImageProcessor", "FeatureExtractor"])
        {
            type = type.EndsWith(ending, StringComparison.Ordinal) ? type[..^ending.Length] : type;
        }

        return type;
    }

    private static PixelSteps? Pixels(SideSection processor, string type, List<string> warnings)
    {
        var steps = PixelSteps.None;
        if (processor.Flag("do_rescale") ?? true)
        {
            steps = steps.Times(processor.Number("rescale_factor", 0, 1e6) ?? 1.0 / 255);
            steps = processor.Flag("rescale_offset") ?? false ? steps.Plus(-1) : steps;
        }

        if (!(processor.Flag("do_normalize") ?? processor.Has("image_mean")))
        {
            return steps;
        }

        if (!processor.Has("image_mean") || !processor.Has("image_std"))
        {
            warnings.Add("'do_normalize' without 'image_mean' and 'image_std': their defaults are not known here");
            return null;
        }

        steps = steps.Normalize(processor, "image_mean", "image_std");

        // EfficientNet's divides once more, unless it is told not to.
        return type == "EfficientNet" && (processor.Flag("include_top") ?? true)
            ? steps.Normalize([], processor.Numbers("image_std", 1e-9, 1e6)!)
            : steps;
    }

    private static ManifestInput Geometry(SideSection processor, string type, List<string> warnings)
    {
        var size = Measures.Read(processor, "size", KeepRatio.Contains(type));
        var isCropped = processor.Flag("do_center_crop") ?? (type is not "ConvNext" && processor.Has("crop_size"));
        var crop = isCropped ? Measures.Read(processor, "crop_size", keepsRatio: false)?.Square ?? size?.Square : null;
        var input = Manifest.Empty.Input with
        {
            Interpolation = Resampling(processor, warnings),
            Antialias = true,
        };
        if (!(processor.Flag("do_resize") ?? size is not null))
        {
            return crop is null ? input : input with { Size = crop, Resize = ResizeMode.ShortestCrop };
        }

        switch (size)
        {
            case { Shortest: { } shortest, Longest: { } longest }:
                return input with
                {
                    Resize = ResizeMode.Letterbox,
                    Shortest = shortest,
                    Longest = longest,
                    Align = LetterboxAlign.TopLeft,
                    Pad = 0,
                };

            case { Shortest: { } shortest } when type is "ConvNext":
                // It crops below 384 pixels and stretches from there on.
                return input with
                {
                    Size = (shortest, shortest),
                    Resize = shortest < 384 ? ResizeMode.ShortestCrop : ResizeMode.Stretch,
                    Shortest = shortest < 384 ? (int)(shortest / CropPart(processor, 224.0 / 256)) : null,
                };

            case { Shortest: { } shortest } when crop is not null:
                return input with
                {
                    Size = crop,
                    Resize = ResizeMode.ShortestCrop,
                    Shortest = type switch
                    {
                        "Levit" => (int)(256.0 / 224 * shortest),
                        "PoolFormer" => (int)(shortest / CropPart(processor, 0.9)),
                        _ => shortest,
                    },
                };

            case { Width: { } width, Height: { } height } when crop is not null && crop != (width, height):
                warnings.Add(
                    "'size' stretches before 'crop_size' cuts; here the shorter side is resized and the ratio kept");
                return input with { Size = crop, Resize = ResizeMode.ShortestCrop, Shortest = Math.Min(width, height) };

            case { Width: { } width, Height: { } height }:
                return input with { Size = (width, height), Resize = ResizeMode.Stretch };

            default:
                warnings.Add("'size' gives no size that an input could have");
                return input;
        }
    }

    private static double CropPart(SideSection processor, double otherwise) =>
        processor.Number("crop_pct", 0.01, 1) ?? otherwise;

    private static Interpolation? Resampling(SideSection processor, List<string> warnings)
    {
        var said = processor.Integer("resample", 0, int.MaxValue);
        var known = said is null ? null : Resamplings.GetValueOrDefault(said.Value);
        if (said is not null && known is null)
        {
            warnings.Add($"'resample' is {said}, which is none of Pillow's filters known here");
        }

        return known;
    }

    /// <summary><c>224</c>, <c>{"height", "width"}</c>, or <c>{"shortest_edge"[, "longest_edge"]}</c>.</summary>
    private sealed record Measures(int? Width, int? Height, int? Shortest, int? Longest)
    {
        public (int Width, int Height)? Square => Width is { } width && Height is { } height ? (width, height)
            : Shortest is { } side ? (side, side) : null;

        public static Measures? Read(SideSection processor, string key, bool keepsRatio)
        {
            if (processor.Section(key) is { } sides)
            {
                return new Measures(
                    sides.Integer("width", 1, 16384),
                    sides.Integer("height", 1, 16384),
                    sides.Integer("shortest_edge", 1, 16384),
                    sides.Integer("longest_edge", 1, 16384));
            }

            return processor.Numbers(key, 1, 16384) switch
            {
                null => null,
                [var side] when keepsRatio =>
                    new Measures(null, null, (int)side, processor.Integer("max_size", 1, 16384)),
                [var side] => new Measures((int)side, (int)side, null, null),
                [var height, var width] => new Measures((int)width, (int)height, null, null),
                _ => throw processor.Wrong(key, "a side, or height and width"),
            };
        }
    }
}
