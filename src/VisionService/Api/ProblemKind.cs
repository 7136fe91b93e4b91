using Grpc.Core;

namespace VisionService.Api;

/// <summary>What each transport says about one kind of failure.</summary>
/// <param name="Slug">The last part of the problem's type, and gRPC's reason.</param>
internal sealed record ProblemKind(int HttpStatus, StatusCode GrpcStatus, string Slug, string Title)
{
    private static readonly Dictionary<VisionError, ProblemKind> Table = new()
    {
        [VisionError.InvalidRequest] = new(400, StatusCode.InvalidArgument, "invalid-request", "The request is not valid"),
        [VisionError.Unauthenticated] = new(401, StatusCode.Unauthenticated, "unauthenticated", "A key is missing or wrong"),
        [VisionError.Forbidden] = new(403, StatusCode.PermissionDenied, "forbidden", "The key may not do this"),
        [VisionError.ModelNotFound] = new(404, StatusCode.NotFound, "model-not-found", "There is no such model"),
        [VisionError.NotAcceptable] = new(406, StatusCode.InvalidArgument, "not-acceptable", "The wanted form is not on offer"),
        [VisionError.UnsupportedMediaType] = new(
            415, StatusCode.InvalidArgument, "unsupported-media-type", "The body's form is not understood"),
        [VisionError.WrongTask] = new(409, StatusCode.FailedPrecondition, "wrong-task", "The model has another task"),
        [VisionError.ModelLoading] = new(409, StatusCode.FailedPrecondition, "model-loading", "The model is still loading"),
        [VisionError.TooLarge] = new(413, StatusCode.ResourceExhausted, "too-large", "The request is too large"),
        [VisionError.InvalidImage] = new(422, StatusCode.InvalidArgument, "invalid-image", "The image cannot be decoded"),
        [VisionError.ExplainUnsupported] = new(
            422, StatusCode.Unimplemented, "explain-unsupported", "The model cannot be explained so"),
        [VisionError.RateLimited] = new(429, StatusCode.ResourceExhausted, "rate-limited", "Too many requests from this caller"),
        [VisionError.InferenceFailed] = new(500, StatusCode.Internal, "inference-failed", "The model failed"),
        [VisionError.Overloaded] = new(503, StatusCode.Unavailable, "overloaded", "The server is overloaded"),
        [VisionError.Draining] = new(503, StatusCode.Unavailable, "draining", "The server is shutting down"),
        [VisionError.DeadlineExceeded] = new(504, StatusCode.DeadlineExceeded, "deadline-exceeded", "The answer came too late"),
    };

    public static ProblemKind Of(VisionError error) => Table[error];
}
