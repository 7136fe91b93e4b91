using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using VisionService.Api.Http;

namespace VisionService.Api.Grpc;

/// <summary>Says over gRPC what went wrong: a status, and google.rpc.Status with what programs can act on.</summary>
internal static class RpcProblems
{
    public const string DetailsTrailer = "grpc-status-details-bin";

    private const string Domain = "visionservice";

    public static RpcException ToRpcException(VisionException exception, HttpContext http) => Describe(exception, http).ToRpcException();

    /// <summary>A failure that is nobody's business but ours; the trace id finds it in the log.</summary>
    public static RpcException Internal(HttpContext http) =>
        Describe(StatusCode.Internal, "internal-error", Problems.InternalError, http).ToRpcException();

    public static Google.Rpc.Status Describe(VisionException exception, HttpContext http)
    {
        var kind = ProblemKind.Of(exception.Error);
        var status = Describe(kind.GrpcStatus, kind.Slug, exception.Message, http);
        if (exception.RetryAfter is { } after)
        {
            status.Details.Add(Any.Pack(new RetryInfo { RetryDelay = after.ToDuration() }));
        }

        if (exception.Error == VisionError.InvalidRequest)
        {
            var violation = new BadRequest.Types.FieldViolation { Field = exception.Parameter ?? "", Description = exception.Message };
            status.Details.Add(Any.Pack(new BadRequest { FieldViolations = { violation } }));
        }

        return status;
    }

    /// <summary>Answers a request that no method has seen yet: with trailers only.</summary>
    public static void Write(HttpContext http, VisionException exception)
    {
        var status = Describe(exception, http);
        http.Response.ContentType = "application/grpc";
        http.Response.Headers["grpc-status"] = status.Code.ToString(System.Globalization.CultureInfo.InvariantCulture);
        http.Response.Headers["grpc-message"] = Uri.EscapeDataString(status.Message);
        http.Response.Headers[DetailsTrailer] = Convert.ToBase64String(status.ToByteArray());
    }

    private static Google.Rpc.Status Describe(StatusCode code, string reason, string message, HttpContext http) => new()
    {
        Code = (int)code,
        Message = message,
        Details =
        {
            Any.Pack(new ErrorInfo { Reason = reason, Domain = Domain, Metadata = { ["trace_id"] = Problems.TraceId(http) } }),
        },
    };
}
