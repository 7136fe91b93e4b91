using VisionService.Detection;

namespace VisionService.Tests.Detection;

/// <summary>The detectors of the shared folder, with their preprocessing and the family each is read as.</summary>
internal static class RealDetectors
{
    private static readonly float[] NanoDetMean = [103.53f, 116.28f, 123.675f];
    private static readonly float[] NanoDetDeviation = [57.375f, 57.12f, 58.395f];

    public static readonly Dictionary<string, RealModel> Models = new()
    {
        ["yolo11n"] = new("yolo11n-int8.onnx", 320, 320),
        ["yolo11n-seg"] = new("yolo11n-seg-int8.onnx", 640, 640),
        ["yolox-nano"] = new("yolox-nano-kazuhito.onnx", 416, 416)
        {
            Fitting = RealModel.Fit.TopLeft,
            IsBgr = true,
            Normalize = static (_, pixel) => pixel,
        },
        ["nanodet-m"] = new("nanodet-m-416.onnx", 416, 416)
        {
            IsBgr = true,
            Pad = 0,
            Normalize = static (channel, pixel) => (pixel - NanoDetMean[channel]) / NanoDetDeviation[channel],
        },
        ["deimv2"] = new("deimv2-atto-coco.onnx", 320, 320) { Fitting = RealModel.Fit.Stretch },
        ["ultraface"] = new("ultraface-version-RFB-640.onnx", 640, 480)
        {
            Fitting = RealModel.Fit.Stretch,
            Normalize = static (_, pixel) => (pixel - 127f) / 128,
        },
        ["yunet"] = new("yunet_n_dynamic.onnx", 640, 480)
        {
            Fitting = RealModel.Fit.TopLeft,
            IsBgr = true,
            Pad = 0,
            Normalize = static (_, pixel) => pixel,
        },
        ["ssd-st"] = new("ssd-mobilenetv1-025-256-st.onnx", 256, 256) { Fitting = RealModel.Fit.Stretch },
    };

    /// <summary>The family that names and shapes tell, or that the manifest names.</summary>
    public static DetectorFamily FamilyOf(DetectorSignature signature, string? manifest = null) =>
        manifest is null ? Assert.Single(DetectorFamilies.Recognize(signature)) : DetectorFamilies.Find(manifest)!;
}
