using System.Text.Json;

namespace VisionService.Tests.Detection;

/// <summary>The objects of an answer of <c>/detect</c>.</summary>
internal static class Found
{
    private static readonly string[] Edges = ["xmin", "ymin", "xmax", "ymax"];

    /// <summary>"red 0,0,10,20; blue 5,5,6,6": labels and corners in whole pixels, best score first.</summary>
    public static string In(JsonElement result) =>
        string.Join("; ", result.GetProperty("predictions").EnumerateArray().Select(static prediction =>
        {
            var box = prediction.GetProperty("box");
            var corners = Edges.Select(
                name => FormattableString.Invariant($"{box.GetProperty(name).GetDouble():0.##}"));
            return $"{prediction.GetProperty("label").GetString()} {string.Join(',', corners)}";
        }));

    public static string In(Answer answer) => In(answer.MustBe(System.Net.HttpStatusCode.OK).Json);
}
