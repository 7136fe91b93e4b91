using System.Globalization;

namespace VisionService.Api.Access;

/// <summary>So many requests in a second, minute, hour or day: all at once, or spread over it.</summary>
/// <param name="Unit"><c>s</c>, <c>m</c>, <c>h</c> or <c>d</c>.</param>
internal readonly record struct RequestRate(int Count, char Unit)
{
    public TimeSpan Period => TimeSpan.FromSeconds(Unit switch
    {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        _ => 86_400,
    });

    public double PerSecond => Count / Period.TotalSeconds;

    /// <exception cref="FormatException">It is no rate.</exception>
    public static RequestRate Parse(string text) =>
        text.Split('/') is [var count, ['s' or 'm' or 'h' or 'd'] unit]
            && int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0
            ? new RequestRate(number, unit[0])
            : throw new FormatException($"A rate is requests per s, m, h or d, such as 50/s, not '{text}'.");

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Count}/{Unit}");
}
