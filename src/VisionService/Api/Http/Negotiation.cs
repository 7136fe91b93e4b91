using System.Net.Mime;
using Microsoft.Net.Http.Headers;

namespace VisionService.Api.Http;

/// <summary>Chooses the form of the answer by <c>Accept</c>.</summary>
internal static class Negotiation
{
    /// <param name="offered">Media types on offer, the default first.</param>
    /// <exception cref="VisionException">Nothing on offer is acceptable; the message lists what is.</exception>
    public static string Choose(HttpRequest request, params ReadOnlySpan<string> offered)
    {
        var accept = request.Headers.Accept;
        if (accept.Count == 0 || !MediaTypeHeaderValue.TryParseList(accept, out var wanted) || wanted.Count == 0)
        {
            return offered[0];
        }

        string? best = null;
        var bestRank = (Quality: 0.0, Specificity: -1);
        foreach (var offer in offered)
        {
            var type = new MediaTypeHeaderValue(offer);

            // The most specific range that covers an offer decides its quality (RFC 9110, 12.5.1).
            var range = wanted.Where(type.IsSubsetOf).OrderByDescending(Specificity).FirstOrDefault();
            var rank = (Quality: range?.Quality ?? (range is null ? 0 : 1), Specificity: range is null ? -1 : Specificity(range));
            if (rank.Quality > 0 && rank.CompareTo(bestRank) > 0)
            {
                (best, bestRank) = (offer, rank);
            }
        }

        return best ?? throw new VisionException(
            VisionError.NotAcceptable,
            $"'{accept}' is not on offer here; there is {string.Join(", ", offered.ToArray())}.");
    }

    /// <summary>JSON is the only form on offer.</summary>
    public static void RequireJson(HttpRequest request) => Choose(request, MediaTypeNames.Application.Json);

    private static int Specificity(MediaTypeHeaderValue range) => range.MatchesAllTypes ? 0 : range.MatchesAllSubTypes ? 1 : 2;
}
