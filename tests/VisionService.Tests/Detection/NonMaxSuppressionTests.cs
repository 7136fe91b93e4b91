using System.Text.Json;
using VisionService.Detection;
using VisionService.Tests.Imaging;

namespace VisionService.Tests.Detection;

public sealed class NonMaxSuppressionTests
{
    // Twins overlap by 9 of 11, IoU .818; the third stands apart.
    private static readonly (Box Box, int ClassId, float Score)[] Scene =
    [
        (new Box(0, 0, 10, 1), 0, 0.8f),
        (new Box(1, 0, 11, 1), 0, 0.9f),
        (new Box(1, 0, 11, 1), 1, 0.7f),
        (new Box(50, 0, 60, 1), 0, 0.6f),
    ];

    public static TheoryData<int> ReferenceSets { get; } = [.. Enumerable.Range(0, 18)];

    [Theory]
    [InlineData(nameof(SuppressionMethod.Class), 1, 2, 3)]
    [InlineData(nameof(SuppressionMethod.Agnostic), 1, 3)]
    [InlineData(nameof(SuppressionMethod.None), 1, 0, 2, 3)]
    public void Each_method_keeps_what_it_says(string method, params int[] kept) =>
        Assert.Equal(kept, Keep(Scene, Enum.Parse<SuppressionMethod>(method), 0.5f));

    [Fact]
    public void Only_more_overlap_than_the_limit_suppresses()
    {
        (Box, int, float)[] halves = [(new Box(0, 0, 3, 1), 0, 0.9f), (new Box(1, 0, 4, 1), 0, 0.8f)]; // 2 of 4
        Assert.Equal([0, 1], Keep(halves, SuppressionMethod.Class, 0.5f));
        Assert.Equal([0], Keep(halves, SuppressionMethod.Class, 0.49f));
    }

    [Fact]
    public void Distant_centres_spare_a_box_that_overlap_alone_would_drop()
    {
        // IoU 2 / 4 = .5; centres 1 apart, diagonal squared 4 * 4 + 1 = 17: DIoU .441.
        (Box, int, float)[] halves = [(new Box(0, 0, 3, 1), 0, 0.9f), (new Box(1, 0, 4, 1), 0, 0.8f)];
        Assert.Equal([0], Keep(halves, SuppressionMethod.Class, 0.45f));
        Assert.Equal([0, 1], Keep(halves, SuppressionMethod.DIoU, 0.45f));
    }

    [Fact]
    public void Equal_scores_keep_the_first()
    {
        (Box, int, float)[] twins = [(new Box(0, 0, 10, 1), 0, 0.5f), (new Box(1, 0, 11, 1), 0, 0.5f)];
        Assert.Equal([0], Keep(twins, SuppressionMethod.Class, 0.5f));
    }

    [Fact]
    public void No_more_are_kept_than_asked_for() => Assert.Equal([1, 2], Keep(Scene, SuppressionMethod.Class, 0.5f, 2));

    [Theory]
    [InlineData(nameof(SuppressionMethod.Class))]
    [InlineData(nameof(SuppressionMethod.Agnostic))]
    [InlineData(nameof(SuppressionMethod.DIoU))]
    public void Suppressing_twice_is_suppressing_once(string method)
    {
        var scene = RandomScene(300);
        var once = Keep(scene, Enum.Parse<SuppressionMethod>(method), 0.4f);
        var again = Keep([.. once.Select(i => scene[i])], Enum.Parse<SuppressionMethod>(method), 0.4f);
        Assert.Equal(Enumerable.Range(0, once.Length), again);
    }

    [Theory]
    [InlineData(nameof(SuppressionMethod.Class))]
    [InlineData(nameof(SuppressionMethod.Agnostic))]
    [InlineData(nameof(SuppressionMethod.Soft))]
    [InlineData(nameof(SuppressionMethod.DIoU))]
    public void The_order_of_candidates_does_not_matter(string method)
    {
        var scene = RandomScene(200);
        var order = Enumerable.Range(0, scene.Length).ToArray();
        new Random(5).Shuffle(order);
        var straight = Keep(scene, Enum.Parse<SuppressionMethod>(method), 0.4f);
        var shuffled = Keep([.. order.Select(i => scene[i])], Enum.Parse<SuppressionMethod>(method), 0.4f);
        Assert.Equal(straight, shuffled.Select(i => order[i]));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Eight_at_a_time_keep_what_the_plain_loop_keeps(bool perClass)
    {
        var scene = RandomScene(500);
        var method = perClass ? SuppressionMethod.Class : SuppressionMethod.Agnostic;
        Assert.Equal(PlainLoop(scene, 0.3f, perClass), Keep(scene, method, 0.3f));
    }

    [Theory]
    [MemberData(nameof(ReferenceSets))]
    public void The_references_are_met(int index)
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(SharedFiles.Path("explain/ops/nms.json")));
        var set = json.RootElement.GetProperty("sets")[index];
        var scores = set.GetProperty("scores").EnumerateArray().Select(static e => e.GetSingle()).ToArray();
        var labels = set.GetProperty("labels").EnumerateArray().Select(static e => e.GetInt32()).ToArray();
        var scene = set.GetProperty("boxes").EnumerateArray().Select((box, i) => (
            new Box(box[0].GetSingle(), box[1].GetSingle(), box[2].GetSingle(), box[3].GetSingle()), labels[i], scores[i]))
            .ToArray();
        var maxIoU = set.GetProperty("iou_threshold").GetSingle();

        Assert.Equal(Integers(set.GetProperty("nms")), Keep(scene, SuppressionMethod.Agnostic, maxIoU));
        Assert.Equal(Integers(set.GetProperty("batched_nms")), Keep(scene, SuppressionMethod.Class, maxIoU));
        AssertSoft(set, "soft_nms_linear", scene, SuppressionMethod.SoftLinear);
        AssertSoft(set, "soft_nms_gaussian", scene, SuppressionMethod.Soft);
    }

    private static void AssertSoft(
        JsonElement set, string name, (Box Box, int ClassId, float Score)[] scene, SuppressionMethod method)
    {
        if (!set.TryGetProperty(name, out var expected))
        {
            return;
        }

        // The reference knows no classes and stops below .001.
        using var candidates = Fill([.. scene.Select(static one => one with { ClassId = 0 })], minScore: 0.001f);
        NonMaxSuppression.Keep(candidates, method, 0.3f);
        Assert.Equal(expected.EnumerateArray().Select(static pair => pair[0].GetInt32()), candidates.Rows.ToArray());
        var i = 0;
        foreach (var pair in expected.EnumerateArray())
        {
            Assert.Equal(pair[1].GetSingle(), candidates.Scores[i++], 1e-5f);
        }
    }

    private static IEnumerable<int> Integers(JsonElement list) => list.EnumerateArray().Select(static e => e.GetInt32());

    private static int[] PlainLoop((Box Box, int ClassId, float Score)[] scene, float maxIoU, bool perClass)
    {
        var kept = new List<int>();
        foreach (var i in Enumerable.Range(0, scene.Length).OrderByDescending(i => scene[i].Score))
        {
            if (!kept.Exists(k => (!perClass || scene[k].ClassId == scene[i].ClassId) && IoU.Of(scene[k].Box, scene[i].Box) > maxIoU))
            {
                kept.Add(i);
            }
        }

        return [.. kept];
    }

    private static int[] Keep(
        (Box Box, int ClassId, float Score)[] scene, SuppressionMethod method, float maxIoU, int maxDetections = int.MaxValue)
    {
        using var candidates = Fill(scene, minScore: 0);
        NonMaxSuppression.Keep(candidates, method, maxIoU, maxDetections);
        return candidates.Rows.ToArray();
    }

    private static Candidates Fill((Box Box, int ClassId, float Score)[] scene, float minScore)
    {
        var candidates = Candidates.Rent(new ScoreFilter(minScore));
        for (var i = 0; i < scene.Length; i++)
        {
            candidates.Add(scene[i].Box, scene[i].ClassId, scene[i].Score, i);
        }

        return candidates;
    }

    private static (Box Box, int ClassId, float Score)[] RandomScene(int count)
    {
        var random = new Random(11);
        return
        [
            .. Enumerable.Range(0, count).Select(i =>
            {
                var (x, y) = (random.NextSingle() * 100, random.NextSingle() * 100);
                var box = new Box(x, y, x + 5 + (random.NextSingle() * 40), y + 5 + (random.NextSingle() * 40));
                return (box, random.Next(3), 0.1f + (0.9f * random.NextSingle()));
            }),
        ];
    }
}
