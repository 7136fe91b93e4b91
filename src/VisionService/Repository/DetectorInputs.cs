using VisionService.Imaging;
using VisionService.Repository.Recognition;

namespace VisionService.Repository;

/// <summary>How each family of detectors wants its pixels, as its own project's code prepares them.</summary>
internal static class DetectorInputs
{
    private const string Source = "the family";

    private static readonly (int Width, int Height) Vga = (640, 640);

    private static readonly double[] RetinaFaceMean = [104, 117, 123];

    private static readonly InputPreset Bytes = InputPreset.Raw;

    private static readonly InputPreset BgrBytes = InputPreset.Raw with { Name = "bgr bytes", Color = InputColor.Bgr };

    // MMDetection's ImageNet values, in BGR order.
    private static readonly InputPreset Mmdetection =
        new("mmdetection", InputColor.Bgr, 1, [103.53, 116.28, 123.675], [57.375, 57.12, 58.395]);

    /// <summary>Ultralytics' LetterBox: centred on grey 114, sampled as OpenCV does.</summary>
    private static readonly InputDefaults Ultralytics = new(Source, InputPreset.Unit, ResizeMode.Letterbox)
    {
        Size = Vga,
        MultipleOf = 32,
        Pad = 114,
        Antialias = false,
    };

    private static readonly InputDefaults TopLeft = Ultralytics with { Align = LetterboxAlign.TopLeft };

    private static readonly InputDefaults Yolox =
        TopLeft with
        {
            Preset = BgrBytes,
            Rounding = LetterboxRounding.Down,

            // The weights of its first year were trained on ImageNet's normalisation; the graphs are the same.
            Readings = [BgrBytes, InputPreset.Torchvision],
            Tell = static (trial, readings) => StopSignTrial.Find(trial, readings),
        };

    /// <summary>Pillow's antialiased resize to the input, aspect ratio lost: transformers since RT-DETR, and most that
    /// follow torchvision.</summary>
    private static readonly InputDefaults Stretch = new(Source, InputPreset.Unit, ResizeMode.Stretch) { Size = Vga };

    private static readonly InputDefaults SampledStretch = Stretch with { Antialias = false };

    private static readonly InputDefaults OtherFaces =
        SampledStretch with { Preset = new("(x - 127) / 128", InputColor.Rgb, 1, [127], [128]) };

    private static readonly Dictionary<string, InputDefaults> ByFamily = new(StringComparer.Ordinal)
    {
        ["yolov2"] = SampledStretch with { Preset = Bytes },
        ["yolov3-zoo"] = Ultralytics with { Pad = 128, Interpolation = Interpolation.Bicubic },
        ["yolov4"] = Ultralytics with { Pad = 128 },
        ["yolov4-darknet"] = SampledStretch,
        ["yolox"] = Yolox,
        ["yolox-decoded"] = Yolox,
        ["nanodet"] = Ultralytics with { Preset = Mmdetection, Pad = 0 },
        ["nanodet-plus"] = Ultralytics with { Preset = Mmdetection, Pad = 0 },
        ["yolo-nas"] = TopLeft,
        ["yolo-nas-batch"] = TopLeft,
        ["yolo-nas-flat"] = TopLeft,
        ["fastestdet"] = SampledStretch with { Preset = InputPreset.Unit with { Color = InputColor.Bgr } },
        ["yolo-fastestv2"] = SampledStretch with { Preset = InputPreset.Unit with { Color = InputColor.Bgr } },
        ["grid"] = Stretch,
        ["yolov1"] = Stretch,
        ["multibox"] = Stretch,
        ["ssd-priors"] = Stretch,
        ["retinanet"] = Stretch with { Preset = InputPreset.Torchvision },
        ["yunet"] = TopLeft with { Preset = BgrBytes, Pad = 0 },
        ["ultraface"] = OtherFaces,
        ["pytorch-ssd"] = OtherFaces,
        ["scrfd"] = TopLeft with { Preset = new("(x - 127.5) / 128", InputColor.Rgb, 1, [127.5], [128]), Pad = 0 },
        ["retinaface"] = TopLeft with { Preset = new("caffe bytes", InputColor.Bgr, 1, RetinaFaceMean, []), Pad = 0 },
        ["blazeface"] = Ultralytics with { Preset = new("-1..1", InputColor.Rgb, 1 / 127.5, [1], []), Pad = 0 },
        ["rt-detr-upstream"] = SampledStretch,
        ["rt-detr"] = Stretch,
        ["rt-detr-ultralytics"] = SampledStretch,
        ["rf-detr"] = Stretch with { Preset = InputPreset.Torchvision },
        ["detr"] = new InputDefaults(Source, InputPreset.Torchvision, ResizeMode.Letterbox)
        {
            Size = (1333, 1333),
            Shortest = 800,
            Longest = 1333,
            MultipleOf = 1,
            Align = LetterboxAlign.TopLeft,
        },
        ["tf-object-detection"] = Stretch with { Preset = Bytes },
        ["efficientdet"] = Stretch with { Preset = Bytes },
        ["effdet"] = TopLeft with { Preset = InputPreset.Torchvision, Pad = 0 },
        ["mmdeploy"] = TopLeft with { Preset = Mmdetection },
        ["pp-yoloe"] = Stretch with { Preset = InputPreset.Torchvision },
        ["ssd-12"] = Stretch with { Preset = InputPreset.Torchvision },
        ["torchvision"] = Stretch,
    };

    /// <summary>By the family's own name; YOLO and its kin, which go without an entry, as Ultralytics does.</summary>
    public static InputDefaults Of(string family) => ByFamily.GetValueOrDefault(family, Ultralytics);

    /// <summary>The families with an entry, which a test compares with those there are.</summary>
    public static IEnumerable<string> Families => ByFamily.Keys;
}
