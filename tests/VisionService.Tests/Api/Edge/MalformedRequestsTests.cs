using System.Net;
using System.Text;
using System.Text.Json;

namespace VisionService.Tests.Api.Edge;

/// <summary>Bytes that are no HTTP, or HTTP that means harm, each on a connection of its own.</summary>
public class MalformedRequestsTests(ClassifyFixture fixture) : IClassFixture<ClassifyFixture>
{
    private const string Post = "POST /classify HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: image/png\r\n";
    private const string Chunked = $"{Post}Transfer-Encoding: chunked\r\n\r\n";

    private readonly TestService _service = fixture.Service;

    public static TheoryData<string, string> RefusedByKestrel => new()
    {
        // Lengths.
        { $"{Post}Content-Length: -1\r\n\r\n", "400" },
        { $"{Post}Content-Length: 5\r\nContent-Length: 6\r\n\r\n12345", "400" },
        { $"{Post}Content-Length: 5, 5\r\n\r\n12345", "400" },
        { $"{Post}Content-Length: 99999999999999999999\r\n\r\n", "400" },
        { $"{Post}Content-Length: 0x10\r\n\r\n", "400" },
        { $"{Post}Transfer-Encoding: gzip\r\n\r\n", "400" },
        { $"{Post}Transfer-Encoding: chunked, gzip\r\n\r\n", "400" },

        // The request line.
        { "GET /livez\r\n\r\n", "400" },
        { "GET /livez HTTP/9.9\r\nHost: a\r\n\r\n", "505" },
        { "GET /livez HTTP/1.1\r\n\r\n", "400" },
        { "GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400" },
        { "GET /livez HTTP/1.1\r\nHost: a b\r\n\r\n", "400" },
        { "G@T /livez HTTP/1.1\r\nHost: a\r\n\r\n", "400" },
        { "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", "400" },
        { "GET livez HTTP/1.1\r\nHost: a\r\n\r\n", "405" },
        { "GET http://b/livez HTTP/1.1\r\nHost: a\r\n\r\n", "400" },
        { "\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03 a client hello\r\n\r\n", "400" },
        { $"GET /{new string('a', 9000)} HTTP/1.1\r\nHost: a\r\n\r\n", "414" },

        // Headers.
        { "GET /livez HTTP/1.1\r\nHost: a\r\nNo colon\r\n\r\n", "400" },
        { "GET /livez HTTP/1.1\r\nHost: a\r\nSpace : b\r\n\r\n", "400" },
        { "GET /livez HTTP/1.1\r\nHost: a\r\nA: b\r\n folded\r\n\r\n", "400" },
        { "GET /livez HTTP/1.1\r\nHost: a\r\nA: \0\r\n\r\n", "400" },
        { $"GET /livez HTTP/1.1\r\nHost: a\r\nA: {new string('a', 20_000)}\r\n\r\n", "431" },
        { $"GET /livez HTTP/1.1\r\nHost: a\r\n{string.Concat(Enumerable.Range(0, 65).Select(i => $"A{i}: b\r\n"))}\r\n", "431" },
    };

    [Theory]
    [MemberData(nameof(RefusedByKestrel))]
    public async Task What_is_no_HTTP_is_refused_with_its_status_and_the_connection_closed(string request, string status)
    {
        var answer = await RawConnection.AskAsync(_service.Address, request);
        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
        Assert.Contains("Connection: close\r\n", answer, StringComparison.Ordinal);
        Assert.EndsWith("\r\n\r\n", answer, StringComparison.Ordinal); // nothing said
        await StillWellAsync();
    }

    [Theory]
    [InlineData("zz\r\nabc\r\n0\r\n\r\n")]
    [InlineData("-1\r\nabc\r\n0\r\n\r\n")]
    [InlineData("FFFFFFFFFFFFFFFFF\r\nabc\r\n")]
    [InlineData("3\r\nabcdef\r\n0\r\n\r\n")]
    [InlineData("3\nabc\n0\n\n")]
    [InlineData("3;a=\0\rb\r\nabcX0\r\n\r\n")]
    public async Task A_chunk_that_is_none_is_a_problem(string body) => await MustBeProblemAsync(
        await RawConnection.AskAsync(_service.Address, $"{Chunked}{body}"), 400);

    [Theory]
    [InlineData("Content-Length: 10\r\n\r\n12345")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n5\r\n12")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n")]
    public async Task A_body_that_ends_early_is_a_problem_to_who_still_listens(string rest)
    {
        using var connection = await RawConnection.OpenAsync(_service.Address);
        await connection.SendAsync($"{Post}{rest}");
        connection.EndSending();
        var answer = await connection.ReadToEndAsync();
        Assert.True(answer.Length == 0 || answer.StartsWith("HTTP/1.1 400 ", StringComparison.Ordinal), answer);
        await StillWellAsync();
    }

    [Fact]
    public async Task A_chunk_extension_is_passed_over()
    {
        var red = Encoding.Latin1.GetString(Photos.Red);
        var answer = await RawConnection.AskAsync(_service.Address, $"{Chunked}{red.Length:x};a=b\r\n{red}\r\n0\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 200 ", answer, StringComparison.Ordinal);
        Assert.Contains("\"red\"", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_two_lengths_the_chunks_count_and_nothing_is_smuggled()
    {
        var answer = await RawConnection.AskAsync(
            _service.Address,
            "POST /classify HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nContent-Length: 40\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "0\r\n\r\nGET /livez HTTP/1.1\r\nHost: a\r\n\r\n");
        Assert.Single(Statuses(answer));
        Assert.StartsWith("HTTP/1.1 400 ", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Requests_in_one_packet_are_answered_in_their_order()
    {
        var answer = await RawConnection.AskAsync(
            _service.Address,
            "GET /livez HTTP/1.1\r\nHost: a\r\n\r\nGET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n"
            + "GET http://a/livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        Assert.Equal(["200", "404", "200"], Statuses(answer));
    }

    [Theory]
    [InlineData("BREW /classify", 405)]
    [InlineData("GET /classify", 405)]
    [InlineData("TRACE /livez", 405)]
    [InlineData("GET /%zz", 404)]
    [InlineData("GET /%c0%af", 404)]
    [InlineData("OPTIONS *", 404)]
    public async Task What_nobody_answers_is_a_problem(string request, int status) => await MustBeProblemAsync(
        await RawConnection.AskAsync(_service.Address, $"{request} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), status);

    [Fact]
    public async Task HTTP_2_in_the_clear_has_a_port_of_its_own()
    {
        const string Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        var answer = await RawConnection.AskAsync(_service.Address, Preface);
        Assert.Equal("\0\0\b\a\0\0\0\0\0\0\0\0\0\0\0\0\r", answer); // GOAWAY: HTTP/1.1 is required

        // And the other way round.
        answer = await RawConnection.AskAsync(_service.GrpcAddress, "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 400 ", answer, StringComparison.Ordinal);
        await StillWellAsync();
    }

    [Fact]
    public async Task Ten_thousand_parts_are_refused()
    {
        var form = string.Concat(Enumerable.Repeat("--b\r\nContent-Disposition: form-data; name=\"i\"; filename=\"i\"\r\n\r\nx\r\n", 10_000));
        var answer = await _service.PostAsync("/classify", Encoding.Latin1.GetBytes($"{form}--b--\r\n"), "multipart/form-data; boundary=b");
        Assert.Contains("Api:MaxImages", answer.Problem(413, "too-large"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ten_thousand_fields_are_refused()
    {
        var form = string.Concat(Enumerable.Repeat("--b\r\nContent-Disposition: form-data; name=\"top_k\"\r\n\r\n1\r\n", 10_000));
        var answer = await _service.PostAsync("/classify", Encoding.Latin1.GetBytes($"{form}--b--\r\n"), "multipart/form-data; boundary=b");
        Assert.Contains("256", answer.Problem(413, "too-large"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/classify", "{{\"classes\": [{0}1]}}", "100000")]
    [InlineData("/v2/models/colors/infer", "{{\"parameters\": {{\"a\": [{0}1]}}}}", "100000")]
    [InlineData("/v2/models/colors/infer", "{{\"outputs\": [{0}1]}}", "1000")]
    public async Task Lists_without_end_are_refused(string path, string json, string limit)
    {
        var element = json.Contains("outputs", StringComparison.Ordinal) ? "{\"name\":\"o\"}," : "1,";
        var answer = await _service.PostJsonAsync(
            path, string.Format(System.Globalization.CultureInfo.InvariantCulture, json, string.Concat(Enumerable.Repeat(element, 200_000))));
        Assert.Contains($"more than {limit} ", answer.MustBe(HttpStatusCode.RequestEntityTooLarge).Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--b\r\nContent-Disposition: form-data; name=\"i\"; filename=\"i\"\r\n\r\nhalf of a pa")]
    [InlineData("--b\r\nContent-Disposition: form-data; name=\"i\"; filename=\"i\"")]
    [InlineData("--other\r\n\r\n--other--\r\n")]
    [InlineData("")]
    public async Task A_form_without_an_end_is_a_problem(string body) =>
        (await _service.PostAsync("/classify", Encoding.Latin1.GetBytes(body), "multipart/form-data; boundary=b"))
            .Problem(400, "invalid-request");

    [Theory]
    [InlineData("A: b\r\n", 50)]
    [InlineData("A: 01234567890123456789\r\n", 2000)]
    public async Task A_flood_of_headers_in_a_part_is_a_problem(string header, int times) =>
        (await _service.PostAsync(
            "/classify",
            Encoding.Latin1.GetBytes($"--b\r\n{string.Concat(Enumerable.Repeat(header, times))}\r\nx\r\n--b--\r\n"),
            "multipart/form-data; boundary=b")).Problem(400, "invalid-request");

    [Theory]
    [InlineData("/classify", "{\"top_k\":")]
    [InlineData("/classify", "{\"image\":")]
    [InlineData("/v2/models/colors/infer", "{\"inputs\":")]
    [InlineData("/v2/models/colors/infer", "{\"x\":")]
    [InlineData("/v2/repository/index", "")]
    public async Task JSON_nested_a_million_times_is_refused(string path, string start)
    {
        var answer = await _service.PostJsonAsync(path, start + new string('[', 1_000_000));
        answer.MustBe(HttpStatusCode.BadRequest);
        Assert.True(answer.Text.Length < 1000, answer.Text);
    }

    private static string[] Statuses(string answer) =>
        [.. answer.Split("HTTP/1.1 ").Skip(1).Select(static part => part[..3])];

    private async Task MustBeProblemAsync(string answer, int status)
    {
        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
        Assert.Contains("application/problem+json", answer, StringComparison.Ordinal);
        var body = answer[(answer.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..];
        Assert.Equal(status, JsonDocument.Parse(body).RootElement.GetProperty("status").GetInt32());
        Assert.DoesNotContain("   at ", body, StringComparison.Ordinal);
        await StillWellAsync();
    }

    private async Task StillWellAsync() => (await _service.GetAsync("/healthz")).MustBe(HttpStatusCode.OK);
}
