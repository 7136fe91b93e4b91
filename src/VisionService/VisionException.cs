namespace VisionService;

/// <summary>What a caller can act on; each maps to one HTTP and one gRPC status (see
/// <c>Api/ProblemKind</c>).</summary>
internal enum VisionError
{
    InvalidRequest,
    Unauthenticated,
    Forbidden,
    ModelNotFound,
    NotAcceptable,
    UnsupportedMediaType,
    WrongTask,
    ModelLoading,
    TooLarge,
    InvalidImage,
    ExplainUnsupported,
    RateLimited,
    InferenceFailed,
    Overloaded,
    Draining,
    DeadlineExceeded,
}

/// <summary>A failure that the caller can act on. The message names the limit and the value, and is shown to the
/// caller.</summary>
internal sealed class VisionException(VisionError error, string message, Exception? inner = null)
    : Exception(message, inner)
{
    public VisionError Error { get; } = error;

    /// <summary>When to try again; null where trying again is no use.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The parameter that is wrong, where it is one.</summary>
    public string? Parameter { get; init; }
}
