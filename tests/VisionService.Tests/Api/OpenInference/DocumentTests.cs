using System.Net;

namespace VisionService.Tests.Api.OpenInference;

public class DocumentTests(OpenInferenceFixture fixture) : IClassFixture<OpenInferenceFixture>
{
    [Fact]
    public async Task The_protocols_paths_are_in_the_OpenAPI_document_under_one_tag()
    {
        var document = (await fixture.Service.GetAsync("/swagger/v1/swagger.json")).MustBe(HttpStatusCode.OK).Json;
        var operations = document.GetProperty("paths").EnumerateObject().Where(path => path.Name.StartsWith("/v2", StringComparison.Ordinal))
            .SelectMany(path => path.Value.EnumerateObject().Select(operation => (Name: $"{operation.Name} {path.Name}", operation.Value))).ToArray();
        Assert.Equal(
            [
                "get /v2", "get /v2/health/live", "get /v2/health/ready", "get /v2/models/{model}", "get /v2/models/{model}/ready",
                "get /v2/models/{model}/versions/{version}", "get /v2/models/{model}/versions/{version}/ready",
                "post /v2/models/{model}/infer", "post /v2/models/{model}/versions/{version}/infer",
                "post /v2/repository/index", "post /v2/repository/models/{model}/load", "post /v2/repository/models/{model}/unload",
            ],
            operations.Select(operation => operation.Name).Order(StringComparer.Ordinal));
        Assert.All(operations, operation =>
        {
            Assert.Equal("Open Inference Protocol", operation.Value.GetProperty("tags")[0].GetString());
            Assert.NotEmpty(operation.Value.GetProperty("summary").GetString()!);
        });
    }
}
