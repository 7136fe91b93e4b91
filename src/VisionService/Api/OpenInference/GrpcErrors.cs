using Grpc.Core;

namespace VisionService.Api.OpenInference;

/// <summary>The one table from what went wrong to what gRPC says about it.</summary>
internal static class GrpcErrors
{
    public static RpcException Of(VisionException exception) => new(new Status(
        exception.Error switch
        {
            VisionError.InvalidRequest or VisionError.InvalidImage => StatusCode.InvalidArgument,
            VisionError.Unauthenticated => StatusCode.Unauthenticated,
            VisionError.Forbidden => StatusCode.PermissionDenied,
            VisionError.ModelNotFound => StatusCode.NotFound,
            VisionError.WrongTask or VisionError.ModelLoading => StatusCode.FailedPrecondition,
            VisionError.TooLarge or VisionError.RateLimited => StatusCode.ResourceExhausted,
            VisionError.ExplainUnsupported => StatusCode.Unimplemented,
            VisionError.InferenceFailed => StatusCode.Internal,
            VisionError.Overloaded or VisionError.Draining => StatusCode.Unavailable,
            VisionError.DeadlineExceeded => StatusCode.DeadlineExceeded,
            _ => StatusCode.InvalidArgument,
        },
        exception.Message));
}
