using VisionService.Detection;

namespace VisionService.Tests.Detection;

internal static class Expect
{
    /// <summary>One object, its box within a hundredth of a pixel.</summary>
    public static DetectedObject One(
        List<DetectedObject> found, int classId, float score, float xMin, float yMin, float xMax, float yMax)
    {
        var only = Assert.Single(found);
        Assert.Equal(classId, only.ClassId);
        Assert.Equal(score, only.Score, 1e-4f);
        Near(new Box(xMin, yMin, xMax, yMax), only.Box);
        return only;
    }

    public static void Near(Box expected, Box actual, float tolerance = 0.01f)
    {
        Assert.Equal(expected.XMin, actual.XMin, tolerance);
        Assert.Equal(expected.YMin, actual.YMin, tolerance);
        Assert.Equal(expected.XMax, actual.XMax, tolerance);
        Assert.Equal(expected.YMax, actual.YMax, tolerance);
    }

    public static float Logit(float probability) => MathF.Log(probability / (1 - probability));
}
