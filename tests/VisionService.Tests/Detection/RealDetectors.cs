using VisionService.Imaging;

namespace VisionService.Tests.Detection;

/// <summary>The detectors of the shared folder with their preprocessing. Not antialiased, as OpenCV does: so the
/// references were made.</summary>
internal static class RealDetectors
{
    private static readonly float[] NanoDetMean = [103.53f, 116.28f, 123.675f];
    private static readonly float[] NanoDetDeviation = [57.375f, 57.12f, 58.395f];

    public static readonly Dictionary<string, RealModel> Models = new()
    {
        ["yolo11n"] = new("yolo11n-int8.onnx", Letterbox(320, 320)),
        ["yolo11n-seg"] = new("yolo11n-seg-int8.onnx", Letterbox(640, 640)),
        ["yolox-nano"] = new("yolox-nano-kazuhito.onnx", TopLeft(416, 416, pad: 114))
        {
            IsBgr = true,
            Normalize = static (_, pixel) => pixel,
        },
        ["nanodet-m"] = new("nanodet-m-416.onnx", Letterbox(416, 416) with { Pad = 0 })
        {
            IsBgr = true,
            Normalize = static (channel, pixel) => (pixel - NanoDetMean[channel]) / NanoDetDeviation[channel],
        },
        ["deimv2"] = new("deimv2-atto-coco.onnx", Stretch(320, 320)),
        ["ultraface"] = new("ultraface-version-RFB-640.onnx", Stretch(640, 480))
        {
            Normalize = static (_, pixel) => (pixel - 127f) / 128,
        },
        ["yunet"] = new("yunet_n_dynamic.onnx", TopLeft(640, 480, pad: 0))
        {
            IsBgr = true,
            Normalize = static (_, pixel) => pixel,
        },
        ["ssd-st"] = new("ssd-mobilenetv1-025-256-st.onnx", Stretch(256, 256)),
    };

    private static InputGeometry Stretch(int width, int height) => new(width, height, ResizeMode.Stretch) { Antialias = false };

    private static InputGeometry Letterbox(int width, int height) => new(width, height, ResizeMode.Letterbox)
    {
        Pad = 114,
        Antialias = false,
    };

    private static InputGeometry TopLeft(int width, int height, byte pad) => new(width, height, ResizeMode.Letterbox)
    {
        Align = LetterboxAlign.TopLeft,
        Rounding = LetterboxRounding.Down,
        Pad = pad,
        Antialias = false,
    };
}
