using VisionService.Imaging;
using VisionService.Inference;
namespace VisionService.Explanation;
#pragma warning disable
internal sealed record HeatMap(int Width, int Height, float[] Values);
internal enum CamMethod { GradCam, GradCamPlusPlus, HiResCam, LayerCam, XGradCam, EigenCam }
internal static class ClassActivationMap { public static HeatMap Combine(CamMethod m, ReadOnlySpan<float> a, ReadOnlySpan<float> g, int k, int h, int w) => null!; public static HeatMap Weighted(ReadOnlySpan<float> a, ReadOnlySpan<float> g, int k, int h, int w) => null!; }
internal sealed class ColorMap { public static IReadOnlyCollection<string> Names => []; public static ColorMap? Find(string n) => null; }
internal static class HeatMapPicture { public static RgbImage FeatureGrid(ReadOnlySpan<float> a, int k, int h, int w) => null!; public static void Draw(RgbImage i, HeatMap m, Placement p, ColorMap c, float o) {} public static byte[] Bare(HeatMap m, Placement p, ColorMap c, int w, int h) => []; }
internal abstract class Perturbation { public int Count; public abstract void Write(int index, ReadOnlySpan<byte> planes, Span<byte> to); public abstract HeatMap Combine(float s, ReadOnlySpan<float> scores); }
internal sealed class Occlusion(ModelInput i, ReadOnlySpan<byte> p) : Perturbation { public override void Write(int index, ReadOnlySpan<byte> planes, Span<byte> to){} public override HeatMap Combine(float s, ReadOnlySpan<float> scores) => null!; }
internal sealed class Rise(ModelInput i, ReadOnlySpan<byte> p) : Perturbation { public override void Write(int index, ReadOnlySpan<byte> planes, Span<byte> to){} public override HeatMap Combine(float s, ReadOnlySpan<float> scores) => null!; }
internal sealed class ScoreCam(ModelInput i, float[] p, int k, int h, int w) : Perturbation { public override void Write(int index, ReadOnlySpan<byte> planes, Span<byte> to){} public override HeatMap Combine(float s, ReadOnlySpan<float> scores) => null!; }
internal sealed class Faithfulness(HeatMap m, ModelInput i, ReadOnlySpan<byte> p) : Perturbation { public override void Write(int index, ReadOnlySpan<byte> planes, Span<byte> to){} public override HeatMap Combine(float s, ReadOnlySpan<float> scores) => null!; public FaithfulnessScores Measure(ReadOnlySpan<float> s) => null!; }
internal sealed record FaithfulnessScores(double Deletion, double Insertion, double RandomDeletion, double RandomInsertion);
internal abstract class PixelPath { public int Count; public void WritePoint(int k, Span<float> to) {} public void Add(float[] g) {} public HeatMap Combine() => null!; }
internal sealed class IntegratedGradients(ModelInput i, float[] x) : PixelPath {}
internal sealed class SmoothGrad(ModelInput i, float[] x) : PixelPath {}
internal static class Saliency { public static HeatMap Combine(ReadOnlySpan<float> g, ModelInput i) => null!; }
internal static class TraceStubs {
 public static OutputElement[] Trace(this VisionService.Detection.Detector d, VisionService.Detection.DetectRequest r, ModelOutputs o, int row, int c) => [];
 public static OutputElement[] Trace(this VisionService.Segmentation.Segmenter d, VisionService.Segmentation.SegmentRequest r, ModelOutputs o, int c) => [];
 public static IReadOnlyList<(int ClassId,long Cells)> Coverage(this VisionService.Segmentation.Segmenter d, VisionService.Segmentation.SegmentRequest r, ModelOutputs o) => [];
 public static float Fraction(this VisionService.Segmentation.Segmenter d, VisionService.Segmentation.SegmentRequest r, ModelOutputs o, int c) => 0;
}
