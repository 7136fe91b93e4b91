using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;

namespace VisionService.Tests.Api.OpenInference;

/// <summary>Requests and answers as the public specification has them, kept as texts: what a client sends and what it may rely on.</summary>
public class RecordedTests(OpenInferenceFixture fixture) : IClassFixture<OpenInferenceFixture>
{
    private const string Binary = "binary ";
    private const string HeaderLength = "Inference-Header-Content-Length";

    public static TheoryData<string> Names => [.. Directory.GetFiles(Folder, "*.txt").Select(file => Path.GetFileNameWithoutExtension(file)).Order()];

    private static string Folder => Path.Combine(AppContext.BaseDirectory, "Api", "OpenInference", "Recorded");

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_recorded_request_gets_its_recorded_answer(string name)
    {
        var lines = await File.ReadAllLinesAsync(Path.Combine(Folder, $"{name}.txt"), TestContext.Current.CancellationToken);
        var arrow = Array.FindIndex(lines, line => line.StartsWith("-> ", StringComparison.Ordinal));
        using var response = await fixture.Service.Client.SendAsync(Request(lines[..arrow]), TestContext.Current.CancellationToken);
        var body = await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);

        Assert.True(response.StatusCode == Enum.Parse<HttpStatusCode>(lines[arrow][3..]), $"{response.StatusCode}: {Encoding.UTF8.GetString(body)}");
        var binary = lines[(arrow + 1)..].Where(line => line.StartsWith(Binary, StringComparison.Ordinal)).Select(line => line[Binary.Length..]).FirstOrDefault("");
        Assert.Equal(binary != "", response.Headers.Contains(HeaderLength));
        Assert.Equal(binary != "" ? "application/octet-stream" : "application/json", response.Content.Headers.ContentType?.MediaType);
        var length = binary != "" ? int.Parse(response.Headers.GetValues(HeaderLength).Single()) : body.Length;
        Assert.Equal(binary, Convert.ToHexStringLower(body.AsSpan(length)));
        var json = JsonNode.Parse(body.AsSpan(0, length))!;
        if (lines.Length > arrow + 1)
        {
            Assert.True(JsonNode.DeepEquals(JsonNode.Parse(lines[arrow + 1]), json), $"{json.ToJsonString()}\ninstead of\n{lines[arrow + 1]}");
        }
        else
        {
            Assert.NotEmpty(json["error"]!.GetValue<string>());
        }
    }

    private static HttpRequestMessage Request(string[] lines)
    {
        var first = lines[0].Split(' ');
        var request = new HttpRequestMessage(new HttpMethod(first[0]), first[1]);
        var blank = Array.IndexOf(lines, "");
        if (lines.Length > blank + 1)
        {
            var binary = lines.Length > blank + 2 ? Convert.FromHexString(lines[blank + 2][Binary.Length..]) : [];
            request.Content = new ByteArrayContent([.. Encoding.UTF8.GetBytes(lines[blank + 1]), .. binary]);
        }

        foreach (var (name, value) in lines[1..blank].Select(line => line.Split(": ")).Select(pair => (pair[0], pair[1])))
        {
            if (name == "Content-Type")
            {
                request.Content!.Headers.ContentType = MediaTypeHeaderValue.Parse(value);
            }
            else
            {
                request.Headers.Add(name, value);
            }
        }

        return request;
    }
}
