using VisionService.Classification;
using VisionService.Inference;

namespace VisionService.Tests.Classification;

public class ProbabilitiesTests
{
    [Fact]
    public void Softmax_divides_exponentials_by_their_sum() => // (1, 2, 5) / 8
        AssertNear([0.125f, 0.25f, 0.625f], Of(ScoreActivation.Softmax, 0, MathF.Log(2), MathF.Log(5)));

    [Fact]
    public void Softmax_does_not_overflow() => AssertNear([1, 0, 0], Of(ScoreActivation.Softmax, 10_000, -10_000, float.NegativeInfinity));

    [Fact]
    public void Sigmoid_judges_each_class_alone() => // 1 / (1 + 3), 1 / (1 + 1)
        AssertNear([0.25f, 0.5f, 0, 1], Of(ScoreActivation.Sigmoid, -MathF.Log(3), 0, -1000, 1000));

    [Fact]
    public void Probabilities_stay_as_they_are() => AssertNear([0.7f, 0.3f], Of(ScoreActivation.None, 0.7f, 0.3f));

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void What_is_no_number_is_noticed_under_every_activation(float logit)
    {
        foreach (var activation in Enum.GetValues<ScoreActivation>())
        {
            Assert.False(new Probabilities([0, logit, 0], activation).AreFinite);
        }
    }

    private static float[] Of(ScoreActivation activation, params float[] logits)
    {
        var probabilities = new Probabilities(logits, activation);
        Assert.True(probabilities.AreFinite);
        return [.. logits.Select(probabilities.Of)];
    }

    private static void AssertNear(float[] expected, float[] actual) =>
        Assert.Equal(expected.Select(value => Math.Round(value, 5)), actual.Select(value => Math.Round(value, 5)));
}
