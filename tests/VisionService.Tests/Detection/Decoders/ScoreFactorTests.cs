using VisionService.Detection.Decoders;

namespace VisionService.Tests.Detection.Decoders;

public sealed class ScoreFactorTests
{
    [Fact]
    public void A_head_that_is_sure_still_says_what_it_is_less_sure_of()
    {
        // 1 - sigmoid is 0 in single precision for both; e^-20 and e^-22 are not. Softmax of 22 and 0 is that sigmoid.
        using var tensors = new OutputTensors().Add("logits", [1, 4], 20f, 22, 22, 0);
        var outputs = tensors.Read();
        var first = ScoreFactor.Sigmoid(outputs, 0, 0);
        ScoreFactor[] others = [ScoreFactor.Sigmoid(outputs, 0, 1), ScoreFactor.Softmax(outputs, 0, 2, 2, 1, 2)];
        foreach (var second in others)
        {
            var weights = first.Times(second);
            Assert.Equal(MathF.Exp(2), weights[0].Weight / weights[1].Weight, 1e-3f);
        }
    }
}
