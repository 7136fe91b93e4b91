using System.Text;

namespace VisionService.Tests.Api;

public class ParametersTests(ClassifyFixture fixture) : IClassFixture<ClassifyFixture>
{
    private readonly TestService _service = fixture.Service;

    [Theory]
    [InlineData("top_k=1", "red .8")]
    [InlineData("top_k=2", "red .8, green .1")] // of equal scores the lower class id
    [InlineData("top_k=10000", "red .8, green .1, blue .1")]
    [InlineData("score_threshold=0.2", "red .8")]
    [InlineData("score_threshold=1", "")]
    [InlineData("classes=GREEN", "green .1")]
    [InlineData("classes=blue,0", "red .8, blue .1")]
    [InlineData("classes=blue&classes=red", "red .8, blue .1")]
    [InlineData("priority=0.5&timeout_ms=600000", "red .8, green .1, blue .1")]
    [InlineData("model=colors", "red .8, green .1, blue .1")]
    [InlineData("model=colors:1", "red .8, green .1, blue .1")]
    public async Task A_parameter_does_what_it_says(string query, string predictions) =>
        Assert.Equal(predictions, (await _service.PostAsync($"/classify?{query}", Photos.Red)).Predictions);

    [Theory]
    [InlineData("top_k=0", "Parameter 'top_k' must be a whole number from 1 to 10000, not '0'.")]
    [InlineData("top_k=10001", "Parameter 'top_k' must be a whole number from 1 to 10000, not '10001'.")]
    [InlineData("top_k=2.5", "Parameter 'top_k' must be a whole number from 1 to 10000, not '2.5'.")]
    [InlineData("top_k=99999999999999999999", "Parameter 'top_k' must be a whole number from 1 to 10000, not '99999999999999999999'.")]
    [InlineData("top_k", "Parameter 'top_k' must be a whole number from 1 to 10000, not ''.")]
    [InlineData("score_threshold=1.5", "Parameter 'score_threshold' must be a number from 0 to 1, not '1.5'.")]
    [InlineData("score_threshold=nan", "Parameter 'score_threshold' must be a number from 0 to 1, not 'nan'.")]
    [InlineData("priority=-1", "Parameter 'priority' must be a number from 0 to 1, not '-1'.")]
    [InlineData("timeout_ms=0", "Parameter 'timeout_ms' must be a whole number from 1 to 600000, not '0'.")]
    [InlineData("classes=gren", "The model has no class 'gren' (did you mean 'green'?); it has 3, ids 0 to 2.")]
    [InlineData("classes=,", "Parameter 'classes' names no class; leave it out for all of them.")]
    [InlineData("classes=3", "The model has no class '3'; it has 3, ids 0 to 2.")]
    [InlineData("topk=3", "Unknown parameter 'topk' (did you mean 'top_k'?). Known: model, timeout_ms, priority, top_k, score_threshold, classes.")]
    [InlineData("colour=3", "Unknown parameter 'colour'. Known: model, timeout_ms, priority, top_k, score_threshold, classes.")]
    [InlineData("top_k=1&top_k=2", "Parameter 'top_k' is given more than once.")]
    [InlineData("model=colors&model=colours", "Parameter 'model' is given more than once.")]
    public async Task A_wrong_parameter_is_refused_with_what_it_may_be(string query, string detail) =>
        Assert.Equal(detail, (await _service.PostAsync($"/classify?{query}", Photos.Red)).Problem(400, "invalid-request"));

    [Theory]
    [InlineData("/classify", "soon", "Parameter 'timeout_ms' must be a whole number from 1 to 600000, not 'soon'.")]
    [InlineData("/classify?timeout_ms=5", "5", "Parameter 'timeout_ms' is given more than once.")]
    public async Task The_timeout_may_be_said_in_a_header(string path, string header, string detail)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(Photos.Red) };
        request.Headers.Add("X-Request-Timeout-Ms", header);
        using var response = await _service.Client.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(System.Net.HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains(detail, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("\"top_k\": 0", "Parameter 'top_k' must be a whole number from 1 to 10000, not '0'.")]
    [InlineData("\"top_k\": [1, 2]", "Parameter 'top_k' is given more than once.")]
    [InlineData("\"top_k\": []", "Parameter 'top_k' is an empty list.")]
    [InlineData("\"model\": []", "Parameter 'model' is an empty list.")]
    [InlineData("\"classes\": []", "Parameter 'classes' is an empty list.")]
    [InlineData("\"top_k\": null", "The JSON body has a member 'top_k' that is neither text, number, true, false nor a list of these.")]
    [InlineData("\"top_k\": {\"a\": 1}", "The JSON body has a member 'top_k' that is neither text, number, true, false nor a list of these.")]
    [InlineData("\"top_k\": true", "Parameter 'top_k' must be a whole number from 1 to 10000, not 'true'.")]
    [InlineData("\"top_k\": 1, \"top_k\": 2", "Parameter 'top_k' is given more than once.")]
    [InlineData("\"img\": \"x\"", "Unknown parameter 'img'. Known: model, timeout_ms, priority, top_k, score_threshold, classes.")]
    public async Task A_wrong_member_of_the_json_is_refused(string member, string detail)
    {
        var answer = await _service.PostJsonAsync("/classify", $$"""{ {{member}}, "image": "{{Convert.ToBase64String(Photos.Red)}}"}""");
        Assert.Equal(detail, answer.Problem(400, "invalid-request"));
    }

    [Fact]
    public async Task A_parameter_said_in_the_query_and_in_the_form_is_said_twice()
    {
        using var form = new MultipartFormDataContent
        {
            { new StringContent("1"), "top_k" },
            { new ByteArrayContent(Photos.Red), "image", "red.png" },
        };
        Assert.Equal(
            "Parameter 'top_k' is given more than once.",
            (await _service.PostAsync("/classify?top_k=1", form)).Problem(400, "invalid-request"));
    }

    [Theory]
    [InlineData("model=colour", "There is no model 'colour' (did you mean 'colors'?). Models: colors.")]
    [InlineData("model=resnet", "There is no model 'resnet'. Models: colors.")]
    [InlineData("model=colors:2", "Model 'colors' has no version '2'. Versions: 1.")]
    public async Task A_model_that_is_not_there_is_answered_with_those_that_are(string query, string detail) =>
        Assert.Equal(detail, (await _service.PostAsync($"/classify?{query}", Photos.Red)).Problem(404, "model-not-found"));

    [Theory]
    [InlineData("", "The request holds no image.")]
    [InlineData("[]", "The JSON body must be an object, such as {\"image\": \"<base64>\"}.")]
    [InlineData("{}", "The request holds no image.")]
    [InlineData("{\"images\": []}", "The request holds no image.")]
    [InlineData("{\"images\": \"x\"}", "The JSON body has a member 'images' that is not a list.")]
    [InlineData("{\"image\": 5}", "The JSON body has something in 'image' that is not a text of base64.")]
    [InlineData("{\"image\": null}", "The JSON body has something in 'image' that is not a text of base64.")]
    [InlineData("{\"image\": \"not base64!\"}", "The JSON body has something in 'image' that is not base64.")]
    [InlineData("{\"image\": \"data:image/png,abc\"}", "The JSON body has a data: URI in 'image' that is not of the form data:image/...;base64,....")]
    [InlineData("{\"image\":\n \"YQ==\" \"b\"}", "The body is not valid JSON, line 2, byte 8.")]
    [InlineData("{\"image\": \"", "The body is not valid JSON, line 1, byte 11.")]
    [InlineData("{\"top_k\": 1} x", "The body is not valid JSON, line 1, byte 13.")]
    [InlineData("{\"url\": \"https://localhost/x.jpg\"}", "Images by URL are off here; Api:Urls:AllowedHosts would list hosts to fetch them from. Send the image itself.")]
    public async Task A_json_body_without_a_good_image_is_refused(string body, string detail)
    {
        var answer = body.Length == 0
            ? await _service.PostAsync("/classify", [], "application/octet-stream")
            : await _service.PostJsonAsync("/classify", body);
        Assert.Equal(detail, answer.Problem(400, "invalid-request"));
    }

    [Fact]
    public async Task Json_that_is_not_utf8_is_refused()
    {
        byte[] body = [.. "{\"model\": \""u8, 0xFF, 0xFE, .. "\"}"u8];
        Assert.Contains("UTF-8", (await _service.PostAsync("/classify", body, "application/json")).Problem(400, "invalid-request"));
    }

    [Theory]
    [InlineData("multipart/form-data", "The multipart boundary must have 1 to 70 characters, not 0.")]
    [InlineData("multipart/form-data; boundary=other", "The body cannot be read: ")]
    [InlineData("multipart/form-data; boundary=b", "The body cannot be read: ")]
    public async Task A_form_that_is_cut_off_or_has_another_boundary_is_refused(string contentType, string detail)
    {
        var body = RequestFormsTests.Multipart("b", "name=\"image\"; filename=\"red.png\"", Photos.Red)[..^12];
        Assert.StartsWith(detail, (await _service.PostAsync("/classify", body, contentType)).Problem(400, "invalid-request"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_part_without_a_disposition_is_refused()
    {
        var body = Encoding.ASCII.GetBytes("--b\r\nContent-Type: image/png\r\n\r\nx\r\n--b--\r\n");
        Assert.Equal(
            "A part of the form has no Content-Disposition.",
            (await _service.PostAsync("/classify", body, "multipart/form-data; boundary=b")).Problem(400, "invalid-request"));
    }
}
