using System.ComponentModel.DataAnnotations;

namespace VisionService.Explanation;

/// <summary>What explaining may cost; section <c>Explanation</c>.</summary>
internal sealed class ExplanationOptions
{
    /// <summary>Sessions that are kept for explaining, over all models; the one unused longest goes first. Default
    /// 16.</summary>
    [Range(1, 1000)]
    public int MaxSessions { get; init; } = 16;

    /// <summary>What their graphs may take of memory together, in bytes; one always may. Default 2 GiB.</summary>
    [Range(1, long.MaxValue)]
    public long MaxSessionBytes { get; init; } = 2L << 30;
}
