using System.Net;
using System.Text;

namespace VisionService.Tests.Api;

/// <summary>Bodies that were good once, with a few bytes changed, cut, doubled or swapped; the seed is fixed.</summary>
public class FuzzTests(ClassifyFixture fixture) : IClassFixture<ClassifyFixture>
{
    private const int Rounds = 300;

    private static readonly string[] Tokens =
        ["\r\n", "--b", "--b--", "\"", "{", "}", "[", "]", "null", ":", ",", "\\u0000", "\\ud800", ";", "=", "base64,", "filename=", "Content-Disposition", "\0", "é", "1e999", "-1"];

    private readonly TestService _service = fixture.Service;

    [Theory]
    [InlineData("multipart/form-data; boundary=b")]
    [InlineData("application/json")]
    public async Task A_mutated_body_never_breaks_the_service(string contentType)
    {
        var good = contentType == "application/json"
            ? Encoding.UTF8.GetBytes($$"""{"image": "{{Convert.ToBase64String(Photos.Red)}}", "top_k": [2], "classes": ["red", 1], "model": "colors"}""")
            : RequestFormsTests.Multipart(
                "b", "name=\"image\"; filename=\"red.png\"", Photos.Red, "name=\"top_k\"", "2"u8.ToArray(), "name=\"classes\"", "red"u8.ToArray());
        (await _service.PostAsync("/classify", good, contentType)).MustBe(HttpStatusCode.OK);

#pragma warning disable CA5394 // the same bodies each time are the point
        var random = new Random(2);
        var statuses = new HashSet<HttpStatusCode>();
        for (var round = 0; round < Rounds; round++)
        {
            var body = good.ToList();
            for (var change = random.Next(4); change >= 0; change--)
            {
                Mutate(body, random);
            }

            var answer = await _service.PostAsync("/classify", [.. body], contentType);
            Assert.True((int)answer.Status < 500, $"{answer.Text}\n{Encoding.UTF8.GetString([.. body])}");
            statuses.Add(answer.Status);
        }

        Assert.Contains(HttpStatusCode.BadRequest, statuses); // else the mutations did nothing
        (await _service.PostAsync("/classify", good, contentType)).MustBe(HttpStatusCode.OK);
    }

    private static void Mutate(List<byte> body, Random random)
    {
        var at = random.Next(body.Count);
        var length = Math.Min(random.Next(1, 30), body.Count - at);
        switch (random.Next(6))
        {
            case 0:
                body[at] = (byte)random.Next(256);
                break;
            case 1:
                body.RemoveRange(at, length);
                break;
            case 2:
                body.InsertRange(at, body.GetRange(at, length));
                break;
            case 3:
                body.InsertRange(at, Encoding.UTF8.GetBytes(Tokens[random.Next(Tokens.Length)]));
                break;
            case 4:
                body.RemoveRange(at, body.Count - at);
                break;
            default:
                var moved = body.GetRange(at, length);
                body.RemoveRange(at, length);
                body.InsertRange(random.Next(body.Count + 1), moved);
                break;
        }

        if (body.Count == 0)
        {
            body.Add((byte)' ');
        }
    }
#pragma warning restore CA5394
}
