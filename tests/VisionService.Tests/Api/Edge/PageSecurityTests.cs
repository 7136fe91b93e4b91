using System.Net;

namespace VisionService.Tests.Api.Edge;

/// <summary>What browsers are told.</summary>
public class PageSecurityTests(ClassifyFixture fixture) : IClassFixture<ClassifyFixture>
{
    private readonly TestService _service = fixture.Service;

    [Fact]
    public async Task A_page_may_be_framed_by_nobody_and_runs_no_scripts_of_others()
    {
        var page = (await _service.GetAsync("/swagger/index.html")).MustBe(HttpStatusCode.OK);
        var policy = page.Header("Content-Security-Policy").Split("; ");
        Assert.Contains("default-src 'self'", policy);
        Assert.Contains("frame-ancestors 'none'", policy);
        Assert.DoesNotContain(policy, static directive => directive.StartsWith("script-src", StringComparison.Ordinal)); // the default's
        Assert.Equal("no-referrer", page.Header("Referrer-Policy"));
    }

    [Theory]
    [InlineData("/swagger/index.html")]
    [InlineData("/swagger/v1/swagger.json")]
    [InlineData("/models")]
    [InlineData("/nowhere")]
    [InlineData("/v2/nowhere")]
    public async Task Types_are_not_to_be_guessed(string path) =>
        Assert.Equal("nosniff", (await _service.GetAsync(path)).Header("X-Content-Type-Options"));

    [Fact]
    public async Task By_default_no_page_of_others_may_call()
    {
        var answer = await AskAsync(_service, HttpMethod.Options, "https://example.com");
        Assert.Equal(HttpStatusCode.MethodNotAllowed, answer.Status);
        Assert.Equal("", answer.Header("Access-Control-Allow-Origin"));
        Assert.Equal("", (await AskAsync(_service, HttpMethod.Get, "https://example.com")).Header("Access-Control-Allow-Origin"));
    }

    [Fact]
    public async Task A_listed_origin_may_call_and_others_not()
    {
        await using var service = await TestService.StartAsync(
            ModelFolder.WithColors(), "--Api:CorsOrigins:0", "https://example.com", "--Api:CorsOrigins:1", "http://localhost:3000");
        var preflight = await AskAsync(service, HttpMethod.Options, "https://example.com");
        Assert.Equal(HttpStatusCode.NoContent, preflight.Status);
        Assert.Equal("https://example.com", preflight.Header("Access-Control-Allow-Origin"));
        Assert.Contains("x-api-key", preflight.Header("Access-Control-Allow-Headers"), StringComparison.OrdinalIgnoreCase);
        Assert.Equal("", preflight.Header("Access-Control-Allow-Credentials"));

        var refused = await AskAsync(service, HttpMethod.Post, "http://localhost:3000"); // an empty body is no image
        Assert.Equal(HttpStatusCode.BadRequest, refused.Status);
        Assert.Equal("http://localhost:3000", refused.Header("Access-Control-Allow-Origin"));
        Assert.Contains("X-Request-Id", refused.Header("Access-Control-Expose-Headers"), StringComparison.Ordinal);
        foreach (var other in new[] { "https://example.org", "http://example.com", "https://a.example.com", "null" })
        {
            Assert.Equal("", (await AskAsync(service, HttpMethod.Options, other)).Header("Access-Control-Allow-Origin"));
        }
    }

    private static Task<Answer> AskAsync(TestService service, HttpMethod method, string origin)
    {
        var request = new HttpRequestMessage(method, "/classify");
        request.Headers.Add("Origin", origin);
        if (method == HttpMethod.Options)
        {
            request.Headers.Add("Access-Control-Request-Method", "POST");
            request.Headers.Add("Access-Control-Request-Headers", "x-api-key,content-type");
        }

        return service.SendAsync(request);
    }
}
