using System.Text.Json;

namespace VisionService.Tests.Api;

public class OpenApiTests(ClassifyFixture fixture) : IClassFixture<ClassifyFixture>
{
    private readonly TestService _service = fixture.Service;

    [Fact]
    public async Task The_document_lists_every_path_of_our_own() => Assert.Equal(
        ["/classify", "/detect", "/explain", "/healthz", "/livez", "/metrics", "/models", "/models/{name}", "/models/{name}/layers", "/models/{name}/load", "/models/{name}/reload",
            "/models/{name}/unload", "/readyz", "/segment"],
        (await DocumentAsync()).GetProperty("paths").EnumerateObject().Select(path => path.Name)
            .Where(path => !path.StartsWith("/v2", StringComparison.Ordinal)).Order(StringComparer.Ordinal));

    [Fact]
    public async Task Classify_has_its_parameters_its_body_forms_an_example_and_its_problems()
    {
        var operation = (await DocumentAsync()).GetProperty("paths").GetProperty("/classify").GetProperty("post");
        Assert.Equal(
            ["model string", "timeout_ms integer", "priority number", "top_k integer", "score_threshold number", "classes string"],
            operation.GetProperty("parameters").EnumerateArray().Select(
                parameter => $"{parameter.GetProperty("name")} {parameter.GetProperty("schema").GetProperty("type")}"));

        var content = operation.GetProperty("requestBody").GetProperty("content");
        Assert.Equal(
            ["multipart/form-data", "image/*", "application/octet-stream", "application/json"],
            content.EnumerateObject().Select(form => form.Name));
        var image = content.GetProperty("multipart/form-data").GetProperty("schema").GetProperty("properties").GetProperty("image");
        Assert.Equal("binary", image.GetProperty("items").GetProperty("format").GetString());

        var responses = operation.GetProperty("responses");
        Assert.Superset(
            new HashSet<string> { "200", "400", "404", "413", "415", "422", "503", "504" },
            responses.EnumerateObject().Select(response => response.Name).ToHashSet());
        var example = responses.GetProperty("200").GetProperty("content").GetProperty("application/json").GetProperty("example");
        Assert.NotEmpty(Answer.PredictionsOf(example));
    }

    [Fact]
    public async Task The_example_answer_has_the_members_of_a_real_one()
    {
        var example = (await DocumentAsync()).GetProperty("paths").GetProperty("/classify").GetProperty("post").GetProperty("responses")
            .GetProperty("200").GetProperty("content").GetProperty("application/json").GetProperty("example");
        Assert.Equal(Members((await _service.PostAsync("/classify", Photos.Red)).Json), Members(example));
    }

    private static SortedSet<string> Members(JsonElement element, string path = "")
    {
        var members = new SortedSet<string>(StringComparer.Ordinal);
        if (element.ValueKind == JsonValueKind.Object)
        {
            foreach (var member in element.EnumerateObject())
            {
                members.Add($"{path}.{member.Name}");
                members.UnionWith(Members(member.Value, $"{path}.{member.Name}"));
            }
        }
        else if (element.ValueKind == JsonValueKind.Array)
        {
            members.UnionWith(element.EnumerateArray().SelectMany(item => Members(item, $"{path}[]")));
        }

        return members;
    }

    private async Task<JsonElement> DocumentAsync() =>
        (await _service.GetAsync("/swagger/v1/swagger.json")).MustBe(System.Net.HttpStatusCode.OK).Json;
}
