using System.Globalization;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using VisionService.Api.Http;

namespace VisionService.Api.Grpc;

/// <summary>Says over gRPC what went wrong: a status, and google.rpc.Status with what programs can act on.</summary>
internal static class RpcProblems
{
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

    /// <summary>Writes what a thrown exception would become, where no method is there to throw it.</summary>
    /// <param name="trailers">The response's trailers; its headers, where it has nothing else.</param>
    /// <param name="exception">With a message of plain ASCII.</param>
    public static void Write(IHeaderDictionary trailers, VisionException exception, HttpContext http)
    {
        var status = Describe(exception, http);
        trailers["grpc-status"] = status.Code.ToString(CultureInfo.InvariantCulture);
        trailers["grpc-message"] = status.Message;
        trailers["grpc-status-details-bin"] = Convert.ToBase64String(status.ToByteArray());
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
