using System.Net;

namespace VisionService.Tests.Api.Urls;

/// <summary>Images by URL, as a caller of the service asks for them.</summary>
public sealed class UrlRequestsTests : IAsyncLifetime
{
    private ImageHost _host = null!;
    private TestService _service = null!;

    public async ValueTask InitializeAsync()
    {
        _host = await ImageHost.StartAsync();
        _service = await TestService.StartAsync(
            ModelFolder.WithColors(), "--Api:Urls:TrustedOrigins:0", _host.Http.GetLeftPart(UriPartial.Authority), "--Api:MaxImages", "3");
    }

    public async ValueTask DisposeAsync()
    {
        await _service.DisposeAsync();
        await _host.DisposeAsync();
    }

    [Fact]
    public async Task A_url_answers_one_result() => Assert.Equal(
        "red .8", (await AskAsync($$"""{"url": "{{_host.Http}}red.png", "top_k": 1}""")).MustBe(HttpStatusCode.OK).Predictions);

    [Fact]
    public async Task Many_urls_answer_in_their_order_each_a_result_or_a_problem()
    {
        var results = (await AskAsync(
                $$"""{"top_k": 1, "urls": ["{{_host.Http}}green.png", "{{_host.Http}}nowhere", "{{_host.Http}}red.png"]}"""))
            .MustBe(HttpStatusCode.OK).Json.GetProperty("results");
        Assert.StartsWith("green", Answer.PredictionsOf(results[0]), StringComparison.Ordinal);
        Assert.Equal("'127.0.0.1' answers a URL with 404.", Answer.ProblemOf(results[1], 400, "invalid-request"));
        Assert.StartsWith("red", Answer.PredictionsOf(results[2]), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"url": "https://169.254.169.254/"}""", 400, "not among Api:Urls:AllowedHosts")]
    [InlineData("""{"url": 5}""", 400, "that is not a text")]
    [InlineData("""{"urls": "a"}""", 400, "that is not a list")]
    [InlineData("""{"url": "a", "image": ""}""", 400, "not both")]
    [InlineData("""{"urls": ["a", "a", "a", "a"]}""", 413, "Api:MaxImages")]
    public async Task What_cannot_be_fetched_is_a_problem(string json, int status, string detail)
    {
        var slug = status == 400 ? "invalid-request" : "too-large";
        Assert.Contains(detail, (await AskAsync(json)).Problem(status, slug), StringComparison.Ordinal);
    }

    [Fact]
    public async Task By_default_urls_are_refused_with_the_setting_that_would_allow_them()
    {
        await using var service = await TestService.StartAsync(ModelFolder.WithColors());
        Assert.Contains(
            "Api:Urls:AllowedHosts",
            (await service.PostJsonAsync("/classify", $$"""{"url": "{{_host.Http}}red.png"}""")).Problem(400, "invalid-request"),
            StringComparison.Ordinal);
        Assert.Equal("", _host.LastHeaders);
    }

    private Task<Answer> AskAsync(string json) => _service.PostJsonAsync("/classify", json);
}
