using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;

namespace VisionService.Tests.Api;

/// <summary>The shape of answers, problems and headers.</summary>
public partial class AnswersTests(ClassifyFixture fixture) : IClassFixture<ClassifyFixture>
{
    private readonly TestService _service = fixture.Service;

    [Fact]
    public async Task A_result_has_the_approved_shape()
    {
        var answer = await _service.PostAsync("/classify", Photos.Of(new(255, 0, 0), null, 40, 30));
        Assert.Equal("application/json", answer.Response.Content.Headers.ContentType?.ToString());
        var rounded = Score().Replace(answer.Text, match => FormattableString.Invariant(
            $"\"score\":{Math.Round(double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture), 4)}"));
        Assert.Equal(
            """
            {"model":{"name":"colors","version":"1","task":"classify","family":"classifier"},
            "image":{"width":40,"height":30},
            "predictions":[{"label":"red","class_id":0,"score":0.8},{"label":"green","class_id":1,"score":0.1},{"label":"blue","class_id":2,"score":0.1}],
            "timings_ms":{"decode":T,"preprocess":T,"queue":T,"inference":T,"postprocess":T,"total":T}}
            """.ReplaceLineEndings(""),
            Timing().Replace(rounded, "\"$1\":T"));
    }

    [Fact]
    public async Task The_stages_of_an_answer_add_up_to_no_more_than_its_total()
    {
        var timings = (await _service.PostAsync("/classify", Photos.Red)).Json.GetProperty("timings_ms");
        var stages = timings.EnumerateObject().Where(time => time.Name != "total").Sum(time => time.Value.GetDouble());
        Assert.InRange(stages, double.Epsilon, timings.GetProperty("total").GetDouble() + 0.01);
    }

    [Fact]
    public async Task Server_Timing_names_every_stage() => Assert.Matches(
        @"^decode;dur=[\d.]+, preprocess;dur=[\d.]+, queue;dur=[\d.]+, inference;dur=[\d.]+, postprocess;dur=[\d.]+, total;dur=[\d.]+$",
        (await _service.PostAsync("/classify", Photos.Red)).Header("Server-Timing"));

    [Fact]
    public async Task A_request_id_is_echoed_in_answers_and_problems()
    {
        foreach (var path in new[] { "/classify", "/classify?top_k=0", "/nowhere" })
        {
            var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(Photos.Red) };
            request.Headers.Add("X-Request-Id", "my-id/7");
            Assert.Equal("my-id/7", (await _service.SendAsync(request)).Header("X-Request-Id"));
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData("with a space")]
    [InlineData("<script>")]
    public async Task A_request_without_a_plain_id_gets_one(string? said)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, "/livez");
        if (said is not null)
        {
            request.Headers.TryAddWithoutValidation("X-Request-Id", said);
        }

        Assert.Matches("^[0-9a-f]{32}$", (await _service.SendAsync(request)).Header("X-Request-Id"));
    }

    [Fact]
    public async Task A_problem_carries_the_trace_of_the_caller()
    {
        const string Trace = "0af7651916cd43dd8448eb211c80319c";
        var request = new HttpRequestMessage(HttpMethod.Post, "/classify?top_k=0") { Content = new ByteArrayContent(Photos.Red) };
        request.Headers.Add("traceparent", $"00-{Trace}-b7ad6b7169203331-01");
        Assert.Equal(Trace, (await _service.SendAsync(request)).Json.GetProperty("traceId").GetString());
    }

    [Theory]
    [InlineData("*/*")]
    [InlineData("application/json")]
    [InlineData("application/*;q=0.1, text/html")]
    [InlineData("not a media type")]
    public async Task Whoever_accepts_json_gets_it(string accept) => (await Accepting(accept)).MustBe(HttpStatusCode.OK);

    [Theory]
    [InlineData("text/html")]
    [InlineData("image/png, image/jpeg")]
    [InlineData("application/json;q=0, */*")]
    public async Task Whoever_does_not_accept_json_is_told_what_there_is(string accept) =>
        Assert.Equal($"'{accept}' is not on offer here; there is application/json.", (await Accepting(accept)).Problem(406, "not-acceptable"));

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("video/mp4")]
    [InlineData("nonsense")]
    public async Task A_body_of_another_kind_is_refused_with_the_kinds_there_are(string contentType)
    {
        var content = new ByteArrayContent(Photos.Red);
        content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        Assert.Equal(
            $"A body of type '{contentType}' is not understood; send image/*, application/octet-stream, multipart/form-data or application/json.",
            (await _service.PostAsync("/classify", content)).Problem(415, "unsupported-media-type"));
    }

    [Fact]
    public async Task Another_method_is_refused_with_those_that_work()
    {
        var answer = await _service.GetAsync("/classify");
        Assert.Equal("/classify does not answer GET; it answers POST.", answer.Problem(405, "method-not-allowed"));
        Assert.Equal("POST", answer.Response.Content.Headers.Allow.Single());
    }

    [Fact]
    public async Task An_unknown_path_is_a_problem_that_says_where_to_look() => Assert.Equal(
        "There is nothing at GET /clasify; /swagger lists what there is.",
        (await _service.GetAsync("/clasify")).Problem(404, "not-found"));

    [Theory]
    [InlineData("no image at all")]
    [InlineData("")]
    public async Task A_file_that_is_no_image_is_unprocessable(string text)
    {
        using var form = new MultipartFormDataContent { { new StringContent(text), "image", "photo.jpg" } };
        Assert.NotEmpty((await _service.PostAsync("/classify", form)).Problem(422, "invalid-image"));
    }

    private Task<Answer> Accepting(string accept)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, "/classify") { Content = new ByteArrayContent(Photos.Red) };
        request.Headers.TryAddWithoutValidation("Accept", accept);
        return _service.SendAsync(request);
    }

    [GeneratedRegex(@"""score"":([0-9.]+)")]
    private static partial Regex Score();

    [GeneratedRegex(@"""(decode|preprocess|queue|inference|postprocess|total)"":[0-9.E-]+")]
    private static partial Regex Timing();
}
