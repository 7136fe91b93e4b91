using VisionService.Detection.Decoders;

namespace VisionService.Tests.Detection.Decoders;

/// <summary>What a decoder says a score is made of, against what the score does when each number is moved.</summary>
public sealed class TraceTests
{
    // Far above rounding, far below what would bend the sigmoids.
    private const float Step = 0.005f;

    public static TheoryData<string> Names { get; } = [.. TraceCases.All.Keys];

    [Fact]
    public void Every_decoder_has_a_case()
    {
        var decoders = typeof(IDetectionDecoder).Assembly.GetTypes()
            .Where(static type => type.IsClass && typeof(IDetectionDecoder).IsAssignableFrom(type));
        var covered = TraceCases.All.Values.Select(static make => make().Decoder.GetType()).ToHashSet();
        Assert.Equal([], decoders.Where(type => !covered.Contains(type)).Select(static type => type.Name));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void The_weights_are_the_gradient_of_each_score_and_nothing_else_moves_it(string name)
    {
        var one = TraceCases.All[name]();
        using var tensors = one.Tensors();
        var scores = one.Scores(tensors);
        Assert.True(scores.Count >= one.MinCount, $"{scores.Count} candidates show little.");

        // 1. The slope of every candidate's score along every element: a central difference.
        var slopes = scores.Keys.ToDictionary(
            static key => key, static _ => new Dictionary<(int Output, int Index), float>());
        foreach (var (output, values) in one.Floats)
        {
            for (var i = 0; i < values.Length; i++)
            {
                var value = values[i];
                values[i] = value + Step;
                var above = one.Scores(tensors);
                values[i] = value - Step;
                var below = one.Scores(tensors);
                values[i] = value;
                foreach (var key in scores.Keys)
                {
                    slopes[key][(output, i)] = (above[key] - below[key]) / (2 * Step);
                }
            }
        }

        // 2. The same as the weights but for one factor, and nothing where there is no weight.
        foreach (var (key, slope) in slopes)
        {
            var traced = one.Decoder.Trace(tensors.Read(), key.Row, key.ClassId);
            Assert.NotEmpty(traced);
            Assert.True(traced is not [var alone] || alone.Weight == 1, "A single element weighs 1.");
            var (first, factor) = (traced[0], slope[(traced[0].Output, traced[0].Index)] / traced[0].Weight);
            Assert.True(factor > 0, $"{key}: {first} has slope {factor * first.Weight}");
            Assert.All(traced, element =>
            {
                var isThere = slope.Remove((element.Output, element.Index), out var expected);
                Assert.True(isThere, $"{element} is traced twice, or nowhere");
                Assert.Equal(1, element.Weight * factor / expected, 0.01f);
            });
            Assert.All(slope, rest => Assert.True(
                rest.Value == 0 || (rest.Value < 0 && one.Normalizes(traced, rest.Key)),
                $"{key}: {rest.Key} has slope {rest.Value}, and is not traced"));
        }
    }

    /// <summary>What a real model says of a photo; the root of the product where a score is one.</summary>
    public static TheoryData<string, string?, string, string> Models { get; } = new()
    {
        { "yolo11n", null, "bus.jpg", "number" },
        { "yolox-nano", "yolox", "bus.jpg", "product" },
        { "nanodet-m", null, "bus.jpg", "number" },
        { "ssd-st", null, "bus.jpg", "number" },
        { "deimv2", null, "bus.jpg", "number" },
        { "ultraface", null, "people-group-1.jpg", "number" },
        { "yunet", null, "people-group-1.jpg", "root" },
    };

    [Theory]
    [MemberData(nameof(Models))]
    public void The_numbers_of_a_real_model_are_those_of_the_score(
        string model, string? family, string photo, string form)
    {
        var found = RealDetectors.Models[model].Trace($"images/{photo}", family);
        Assert.NotEmpty(found);
        Assert.All(found, one =>
        {
            Assert.Equal(form == "number" ? 1 : 2, one.Traced.Length);
            var product = one.Traced.Aggregate((a, b) => a * b);
            Assert.Equal(one.Score, form == "root" ? MathF.Sqrt(product) : product);
        });
    }
}
