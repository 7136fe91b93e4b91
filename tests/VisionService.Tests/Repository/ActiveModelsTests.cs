using System.Net;

namespace VisionService.Tests.Repository;

/// <summary>More models than may be in memory.</summary>
public class ActiveModelsTests
{
    private const string Unit = "input: {preset: unit}";

    [Fact]
    public async Task The_least_recently_used_model_makes_room_and_comes_back_when_it_is_asked_for()
    {
        await using var service = await TestService.StartAsync(Three(), "--Repository:MaxActiveModels", "2");
        Assert.Equal("a ready, b ready, c idle", await ModelCatalogTests.StatesAsync(service));
        await AskAsync(service, "a");
        await AskAsync(service, "c");
        Assert.Equal("a ready, b idle, c ready", await ModelCatalogTests.StatesAsync(service));
        await AskAsync(service, "b");
        Assert.Equal("a idle, b ready, c ready", await ModelCatalogTests.StatesAsync(service));
        (await service.GetAsync("/readyz")).MustBe(HttpStatusCode.OK);
        Assert.Equal("classify", (await service.GetAsync("/models/a")).Json.GetProperty("task").GetString());
    }

    [Fact]
    public async Task What_there_is_no_room_for_is_tried_once_all_the_same()
    {
        var folder = Three().Add("d", TinyModels.TwoInputs(), Unit)
            .Add("e", Detection.TinyDetectors.Fixed((0, 0.9f, 0, 0, 40, 40)), Detection.TinyDetectors.Unit, ModelFolder.ColorLabels);
        await using var service = await TestService.StartAsync(folder, "--Repository:MaxActiveModels", "1");
        Assert.Equal("a ready, b idle, c idle, d failed, e idle", await ModelCatalogTests.StatesAsync(service));

        // The task alone is enough to wake the one that can.
        Assert.Equal("red .9", (await service.PostAsync("/detect", Photos.Red)).MustBe(HttpStatusCode.OK).Predictions);
        Assert.Equal("a idle, b idle, c idle, d failed, e ready", await ModelCatalogTests.StatesAsync(service));
    }

    [Fact]
    public async Task A_pinned_model_never_makes_room()
    {
        await using var service = await TestService.StartAsync(Three(), "--Repository:MaxActiveModels", "2", "--Repository:Pinned:0", "c");
        Assert.Equal("a ready, b idle, c ready", await ModelCatalogTests.StatesAsync(service));
        await AskAsync(service, "c");
        await AskAsync(service, "a");
        await AskAsync(service, "b");
        Assert.Equal("a idle, b ready, c ready", await ModelCatalogTests.StatesAsync(service));
    }

    [Fact]
    public async Task Where_all_are_pinned_another_one_is_refused_with_the_setting_s_name()
    {
        await using var service = await TestService.StartAsync(Three(), "--Repository:MaxActiveModels", "1", "--Repository:Pinned:0", "a");
        Assert.Equal(
            "Model 'b' cannot be loaded: Repository:MaxActiveModels allows 1, and those that are loaded are pinned by Repository:Pinned",
            (await service.PostJsonAsync("/models/b/load", "")).Problem(400, "invalid-request"));
        await AskAsync(service, "a");
    }

    [Fact]
    public async Task Every_request_wakes_a_model_whatever_its_protocol()
    {
        await using var service = await TestService.StartAsync(Three(), "--Repository:MaxActiveModels", "1");
        await AskAsync(service, "c");
        (await service.GetAsync("/v2/models/b/ready")).MustBe(HttpStatusCode.OK);
        Assert.Equal("a idle, b idle, c ready", await ModelCatalogTests.StatesAsync(service));
        (await service.GetAsync("/v2/models/b")).MustBe(HttpStatusCode.OK);
        Assert.Equal("a idle, b ready, c idle", await ModelCatalogTests.StatesAsync(service));
        var tensor = $$"""{"inputs": [{"name": "pixels", "datatype": "FP32", "shape": [1, 3, 4, 4], "data": [{{string.Join(',', Enumerable.Repeat("1", 48))}}]}]}""";
        (await service.PostJsonAsync("/v2/models/a/infer", tensor)).MustBe(HttpStatusCode.OK);
        Assert.Equal("a ready, b idle, c idle", await ModelCatalogTests.StatesAsync(service));
        (await service.PostAsync("/classify?model=d", Photos.Red)).Problem(404, "model-not-found");
    }

    [Fact]
    public async Task Who_cannot_wait_for_a_model_is_told_to_come_again()
    {
        var folder = Three();
        await using var service = await TestService.StartAsync(folder, "--Repository:MaxActiveModels", "2");
        var answer = await service.PostAsync("/classify?model=c&timeout_ms=1", Photos.Red);
        if (answer.Status == HttpStatusCode.OK)
        {
            return; // a machine that loads a model within a millisecond has nobody to turn away
        }

        answer.Problem((int)answer.Status, answer.Status == HttpStatusCode.ServiceUnavailable ? "overloaded" : "deadline-exceeded");
        await AskAsync(service, "c"); // what has begun is ended
    }

    [Fact]
    public async Task Many_callers_of_more_models_than_fit_are_all_answered()
    {
        await using var service = await TestService.StartAsync(Three(), "--Repository:MaxActiveModels", "2");
        string[] models = ["a", "b", "c"];
        await Task.WhenAll(Enumerable.Range(0, 3).Select(async caller =>
        {
            for (var i = 0; i < 20; i++)
            {
                var model = models[(i + caller) % 3];
                var answer = await service.PostAsync($"/classify?model={model}&top_k=1", Photos.Red);

                // Whoever comes in the moment in which his model goes again may be sent away for a moment, never answered wrong.
                Assert.True(answer.Status is HttpStatusCode.OK or HttpStatusCode.ServiceUnavailable, answer.Text);
                Assert.True(answer.Status != HttpStatusCode.OK || answer.Predictions == $"{model} .8", answer.Text);
            }
        }));
        Assert.True(service.Models.Entries.Count(static entry => entry.Loaded is not null) <= 2);
    }

    [Fact]
    public async Task A_model_that_comes_later_makes_the_room_it_needs()
    {
        var folder = Three();
        await using var service = await TestService.StartAsync(folder, "--Repository:MaxActiveModels", "2");
        await AskAsync(service, "b");
        folder.Add("late", TinyModels.Colors(), Unit, "late\n1\n2");
        (await service.PostJsonAsync("/models/late/load", "")).MustBe(HttpStatusCode.OK);
        Assert.Equal("a idle, b ready, c idle, late ready", await ModelCatalogTests.StatesAsync(service));
        (await service.PostJsonAsync("/models/late/reload", "")).MustBe(HttpStatusCode.OK);
        Assert.Equal("a idle, b ready, c idle, late ready", await ModelCatalogTests.StatesAsync(service));
    }

    private static ModelFolder Three() => new ModelFolder()
        .Add("a", TinyModels.Colors(), Unit, "a\n1\n2").Add("b", TinyModels.Colors(), Unit, "b\n1\n2").Add("c", TinyModels.Colors(), Unit, "c\n1\n2");

    private static async Task AskAsync(TestService service, string model) => Assert.Equal(
        $"{model} .8", (await service.PostAsync($"/classify?model={model}&top_k=1", Photos.Red)).MustBe(HttpStatusCode.OK).Predictions);
}
