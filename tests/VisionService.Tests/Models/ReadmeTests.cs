using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace VisionService.Tests.Models;

/// <summary>README's first calls, made as they stand there: what it shows is what a newcomer gets.</summary>
public sealed partial class ReadmeTests
{
    private static readonly string[] Tasks = ["/classify", "/detect", "/segment", "/explain"];

    // Other processors and decoders round otherwise.
    private const double Tolerance = 0.02;

    [Fact]
    public async Task The_four_first_calls_answer_what_README_shows()
    {
        var readme = await File.ReadAllTextAsync(Path.Combine(Checkout.Root, "README.md"), TestContext.Current.CancellationToken);
        var calls = Call().Matches(readme).ToArray();
        Assert.Equal(Tasks, calls.Select(static call => call.Groups["path"].Value.Split('?')[0]));
        await using var service = await TestService.StartAsync([], null);
        foreach (var call in calls)
        {
            var image = await File.ReadAllBytesAsync(Path.Combine(Checkout.Root, call.Groups["image"].Value), TestContext.Current.CancellationToken);
            using var form = new MultipartFormDataContent { { new ByteArrayContent(image), "image", "image.png" } };
            var answer = (await service.PostAsync(call.Groups["path"].Value, form)).MustBe(HttpStatusCode.OK).Json;
            MustShow(call.Groups["path"].Value, JsonDocument.Parse(Json(call.Groups["json"].Value)).RootElement, answer);
        }
    }

    /// <summary>What a person reads as "and so on" ends a text or a list.</summary>
    private static string Json(string shown) => shown.Replace(",...]", "]", StringComparison.Ordinal);

    /// <summary>Everything shown is there: members, numbers within rounding, texts up to their dots, lists from their start on.</summary>
    private static void MustShow(string place, JsonElement shown, JsonElement found)
    {
        Assert.True(shown.ValueKind == found.ValueKind, $"{place} is {found}, not {shown}");
        switch (shown.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (var member in shown.EnumerateObject().Where(static member => member.Name != "timings_ms"))
                {
                    Assert.True(found.TryGetProperty(member.Name, out var value), $"{place} has no {member.Name}");
                    MustShow($"{place}.{member.Name}", member.Value, value);
                }

                break;
            case JsonValueKind.Array:
                foreach (var (index, item) in shown.EnumerateArray().Index())
                {
                    MustShow($"{place}[{index}]", item, found[index]);
                }

                break;
            case JsonValueKind.Number:
                var (expected, actual) = (shown.GetDouble(), found.GetDouble());
                Assert.True(Math.Abs(expected - actual) <= Tolerance * Math.Max(1, Math.Abs(expected)), $"{place} is {actual}, not {expected}");
                break;
            case JsonValueKind.String:
                var text = shown.GetString()!;
                Assert.True(
                    text.EndsWith("...", StringComparison.Ordinal)
                        ? found.GetString()!.StartsWith(text[..^3], StringComparison.Ordinal)
                        : found.GetString() == text,
                    $"{place} is {found}, not {text}");
                break;
        }
    }

    [GeneratedRegex(@"^\$ curl -F image=@(?<image>models/\S+) '?localhost:8080(?<path>/[^'\s]+)'?\n(?<json>\{.*?)(?=^\$|^```)", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Call();
}
