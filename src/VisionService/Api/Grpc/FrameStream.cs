using System.Threading.Channels;
using Grpc.Core;
using Proto = VisionService.Api.Grpc.V1;

namespace VisionService.Api.Grpc;

/// <summary>
/// Frames in, answers out, in order. One frame is being answered and one waits; a newer one takes the waiting one's place, so
/// that a camera faster than the model gets answers about now, and memory holds three frames at most.
/// </summary>
/// <param name="answer">Answers a frame; throws only what should end the stream.</param>
internal sealed class FrameStream(Func<Proto.StreamRequest, Task<Proto.StreamResponse>> answer)
{
    /// <exception cref="VisionException">The first message sets no task, or the server stops; frames read before are
    /// answered.</exception>
    public async Task RunAsync(
        IAsyncStreamReader<Proto.StreamRequest> frames,
        IAsyncStreamWriter<Proto.StreamResponse> answers,
        CancellationToken cancellationToken)
    {
        var dropped = 0;
        var waiting = Channel.CreateBounded<Proto.StreamRequest>(
            new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true, SingleWriter = true },
            _ => Interlocked.Increment(ref dropped));
        using var reading = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var reader = ReadAsync(frames, waiting.Writer, reading.Token);
        try
        {
            await foreach (var frame in waiting.Reader.ReadAllAsync(cancellationToken))
            {
                var missed = Interlocked.Exchange(ref dropped, 0);
                var response = await answer(frame);
                response.FrameId = frame.FrameId;
                response.Dropped = (uint)missed;
                await answers.WriteAsync(response, cancellationToken);
            }
        }
        finally
        {
            await reading.CancelAsync();
            await reader;
        }
    }

    /// <summary>Reads to the end of the stream; how it ended is told by the channel, after the frames in it.</summary>
    private static async Task ReadAsync(
        IAsyncStreamReader<Proto.StreamRequest> frames, ChannelWriter<Proto.StreamRequest> waiting, CancellationToken cancellationToken)
    {
        try
        {
            Proto.StreamRequest? settings = null;
            while (await frames.MoveNext(cancellationToken))
            {
                var (frame, image) = Whole(frames.Current, settings);
                settings = frame;
                waiting.TryWrite(image);
            }

            waiting.TryComplete();
        }
        catch (Exception exception)
        {
            waiting.TryComplete(exception);
        }
    }

    /// <summary>A frame with the task and the parameters of the one before it, where it brings none of its own.</summary>
    private static (Proto.StreamRequest Settings, Proto.StreamRequest Frame) Whole(Proto.StreamRequest frame, Proto.StreamRequest? settings)
    {
        if (frame.RequestCase != Proto.StreamRequest.RequestOneofCase.Image)
        {
            return (frame, frame);
        }

        if (settings is null)
        {
            throw new VisionException(VisionError.InvalidRequest, "The first message of a stream must set the task.");
        }

        var whole = settings.Clone();
        whole.FrameId = frame.FrameId;
        switch (whole.RequestCase)
        {
            case Proto.StreamRequest.RequestOneofCase.Classify:
                whole.Classify.Image = frame.Image;
                break;
            case Proto.StreamRequest.RequestOneofCase.Detect:
                whole.Detect.Image = frame.Image;
                break;
            case Proto.StreamRequest.RequestOneofCase.Segment:
                whole.Segment.Image = frame.Image;
                break;
            case Proto.StreamRequest.RequestOneofCase.Explain:
                whole.Explain.Image = frame.Image;
                break;
        }

        return (whole, whole);
    }
}
