using System.Text;

namespace VisionService.Tests.Api.Edge;

/// <summary>Names of models that would lead out of their folder, in every way to write them.</summary>
public class PathTraversalTests(ClassifyFixture fixture) : IClassFixture<ClassifyFixture>
{
    private static readonly string[] Names =
    [
        "../secret", "..", ".", "%2e%2e", "%2e%2e%2fsecret", "%2E%2E/secret", "..%2fsecret", "%252e%252e%252fsecret", "..%5csecret", "..\\secret",
        "%2e%2e%5csecret", "%c0%ae%c0%ae/secret", "%c0%ae%c0%ae%c0%afsecret", "%uff0e%uff0e/secret", "%ef%bc%8e%ef%bc%8e%ef%bc%8fsecret",
        "%e2%80%a6%2fsecret", "..%00/secret", "secret%00", "..;/secret", "....//secret", "/etc/passwd", "%2fetc%2fpasswd", "file:%2f%2f%2fetc",
        "~", "colors%2f..%2f..%2fsecret", "colors/../../secret", "C:%5cwindows", "%5c%5chost%5cshare", "secret%0d%0aX:%20y", "..%c1%9csecret",
    ];

    private static readonly string[] Routes =
    [
        "GET /models/{0}", "GET /models/{0}/layers", "POST /models/{0}/load", "POST /models/{0}/unload", "POST /models/{0}/reload",
        "GET /v2/models/{0}", "GET /v2/models/{0}/ready", "POST /v2/models/{0}/infer", "GET /v2/models/colors/versions/{0}",
        "POST /v2/repository/models/{0}/load", "POST /v2/repository/models/{0}/unload", "GET /swagger/{0}", "GET /{0}",
    ];

    public static TheoryData<string> Requests => [.. Routes];

    [Theory]
    [MemberData(nameof(Requests))]
    public async Task A_name_that_leads_elsewhere_names_nothing(string route)
    {
        var (method, path) = route.Split(' ') is [var first, var second] ? (first, second) : default;
        foreach (var name in Names)
        {
            var target = path.Replace("{0}", name, StringComparison.Ordinal);
            var answer = await RawConnection.AskAsync(
                fixture.Service.Address,
                $"{method} {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}");
            var status = answer.Split(' ', 3)[1];

            // What the server itself folds away may leave a path that exists, such as /models.
            var isFolded = status is "200" or "301" or "405" && IsDots(name);
            Assert.True(isFolded || status is "400" or "404", $"{target}: {answer}");
            Assert.DoesNotContain("root:", answer, StringComparison.Ordinal);
            Assert.DoesNotContain(Path.GetTempPath(), answer, StringComparison.Ordinal);
            Assert.DoesNotContain("\r\nX: y", answer, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_model_of_another_folder_is_not_loaded_by_a_parameter()
    {
        foreach (var name in Names)
        {
            var answer = await AskAsync($"/classify?model={name.Replace("\\", "%5c", StringComparison.Ordinal)}");
            Assert.Matches("^HTTP/1.1 (400|404) ", answer);
        }

        Task<string> AskAsync(string target) => RawConnection.AskAsync(
            fixture.Service.Address,
            $"POST {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: image/png\r\nContent-Length: {Photos.Red.Length}\r\n\r\n"
            + Encoding.Latin1.GetString(Photos.Red));
    }

    private static bool IsDots(string name) => name.Replace("%2e", ".", StringComparison.OrdinalIgnoreCase).Split('/')[0] is "." or ".."
        || name.Contains("/..", StringComparison.Ordinal) || name.StartsWith("....", StringComparison.Ordinal);
}
