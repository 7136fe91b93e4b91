using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Options;
using VisionService.Api.Access;
using VisionService.Api.Calls;
using VisionService.Classification;
using VisionService.Detection;
using VisionService.Explanation;
using VisionService.Imaging;
using VisionService.Segmentation;
using Proto = VisionService.Api.Grpc.V1;

namespace VisionService.Api.Grpc;

/// <summary>The four tasks over gRPC: the same calls as REST, with messages for JSON.</summary>
internal sealed class VisionGrpcService(VisionPipeline pipeline, IOptions<ImagingOptions> imaging, TimeProvider time)
    : Proto.Vision.VisionBase
{
    // Below this gzip costs more than it saves.
    private const int LeastBytesToCompress = 4096;

    private static readonly Method<ClassifyRequest, ClassifyResult, Proto.ClassifyResponse> ClassifyMethod = new(
        ClassifyCall.Call,
        static (answer, image, parameters, timings) => Messages.Of(ClassifyCall.Answer(answer, image, parameters, timings)));

    private static readonly Method<DetectRequest, DetectResult, Proto.DetectResponse> DetectMethod = new(
        DetectCall.Call,
        static (answer, image, parameters, timings) => Messages.Of(DetectCall.Answer(answer, image, parameters, timings), image.Picture));

    private static readonly Method<SegmentRequest, SegmentResult, Proto.SegmentResponse> SegmentMethod = new(
        SegmentCall.Call,
        static (answer, image, parameters, timings) => Messages.Of(SegmentCall.Answer(answer, image, parameters, timings), image.Picture));

    private static readonly Method<ExplainRequest, ExplainResult, Proto.ExplainResponse> ExplainMethod = new(
        ExplainCall.Call,
        static (answer, image, parameters, timings) => Messages.Of(ExplainCall.Answer(answer, image, parameters, timings), image.Picture));

    public override Task<Proto.ClassifyResponse> Classify(Proto.ClassifyRequest request, ServerCallContext context) =>
        AnswerAsync(ClassifyMethod, request, MessageLimit.Elapsed(context.GetHttpContext()), context);

    public override Task<Proto.DetectResponse> Detect(Proto.DetectRequest request, ServerCallContext context) =>
        AnswerAsync(DetectMethod, request, MessageLimit.Elapsed(context.GetHttpContext()), context);

    public override Task<Proto.SegmentResponse> Segment(Proto.SegmentRequest request, ServerCallContext context) =>
        AnswerAsync(SegmentMethod, request, MessageLimit.Elapsed(context.GetHttpContext()), context);

    public override Task<Proto.ExplainResponse> Explain(Proto.ExplainRequest request, ServerCallContext context) =>
        AnswerAsync(ExplainMethod, request, MessageLimit.Elapsed(context.GetHttpContext()), context);

    public override Task Stream(
        IAsyncStreamReader<Proto.StreamRequest> requestStream,
        IServerStreamWriter<Proto.StreamResponse> responseStream,
        ServerCallContext context) =>
        new FrameStream(frame => AnswerFrameAsync(frame, context)).RunAsync(requestStream, responseStream, context.CancellationToken);

    private async Task<Proto.StreamResponse> AnswerFrameAsync(Proto.StreamRequest frame, ServerCallContext context)
    {
        try
        {
            if (Caller.RefusalOf(context.GetHttpContext(), images: 1, further: false) is { } refusal)
            {
                throw refusal;
            }

            return frame.RequestCase switch
            {
                Proto.StreamRequest.RequestOneofCase.Classify =>
                    new() { Classify = await AnswerAsync(ClassifyMethod, frame.Classify, TimeSpan.Zero, context) },
                Proto.StreamRequest.RequestOneofCase.Detect =>
                    new() { Detect = await AnswerAsync(DetectMethod, frame.Detect, TimeSpan.Zero, context) },
                Proto.StreamRequest.RequestOneofCase.Segment =>
                    new() { Segment = await AnswerAsync(SegmentMethod, frame.Segment, TimeSpan.Zero, context) },
                Proto.StreamRequest.RequestOneofCase.Explain =>
                    new() { Explain = await AnswerAsync(ExplainMethod, frame.Explain, TimeSpan.Zero, context) },
                _ => throw new VisionException(VisionError.InvalidRequest, "The request holds no image."),
            };
        }
        catch (VisionException exception)
        {
            var kind = ProblemKind.Of(exception.Error);
            return new() { Problem = new() { Code = (int)kind.GrpcStatus, Reason = kind.Slug, Message = exception.Message } };
        }
    }

    /// <param name="elapsed">What the request has taken of its time already.</param>
    private async Task<TMessage> AnswerAsync<TRequest, TResult, TMessage>(
        Method<TRequest, TResult, TMessage> method, IMessage request, TimeSpan elapsed, ServerCallContext context)
        where TMessage : IMessage
    {
        var start = time.GetTimestamp();
        var parameters = method.Call.Parameters.Read(RequestFields.Said(request));
        var picture = RequestFields.Picture(request);
        using var image = RequestFields.Image(request, imaging.Value);

        // A call without a deadline has one at the end of time.
        var left = context.Deadline == DateTime.MaxValue ? (TimeSpan?)null : context.Deadline - time.GetUtcNow().UtcDateTime;
        var origin = new CallOrigin(elapsed, Caller.IdentityOf(context.GetHttpContext()), elapsed + left);
        await pipeline.WakeAsync(method.Call, parameters, origin, context.CancellationToken);
        using var admitted = pipeline.Admit(method.Call, parameters, [image], origin, context.CancellationToken);
        var answer = await pipeline.RunAsync(admitted, [image], picture, context.CancellationToken);
        var timings = TimingsMs.Of(answer.Images[0].Decode, answer.Images[0].Timings, elapsed + time.GetElapsedTime(start));
        var message = method.Write(answer, answer.Images[0], parameters, timings);
        if (picture is null && message.CalculateSize() >= LeastBytesToCompress)
        {
            context.WriteOptions = new WriteOptions();
        }

        return message;
    }

    /// <summary>A task, and how its answer becomes a message.</summary>
    private sealed record Method<TRequest, TResult, TMessage>(
        VisionCall<TRequest, TResult> Call,
        Func<VisionAnswer<TResult>, ImageAnswer<TResult>, ParameterValues, TimingsMs, TMessage> Write);
}
