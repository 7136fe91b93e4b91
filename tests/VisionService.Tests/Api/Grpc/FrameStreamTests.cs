using System.Threading.Channels;
using Google.Protobuf;
using Grpc.Core;
using VisionService.Api.Grpc;
using Proto = VisionService.Api.Grpc.V1;

namespace VisionService.Tests.Api.Grpc;

public class FrameStreamTests
{
    private readonly Channel<Proto.StreamRequest> _sent = Channel.CreateUnbounded<Proto.StreamRequest>();
    private readonly Channel<Proto.StreamResponse> _answers = Channel.CreateUnbounded<Proto.StreamResponse>();
    private readonly Channel<(Proto.StreamRequest Frame, TaskCompletionSource Done)> _begun =
        Channel.CreateUnbounded<(Proto.StreamRequest, TaskCompletionSource)>();

    // Whoever asks for one more has passed on all before.
    private readonly TaskCompletionSource _allRead = new(TaskCreationOptions.RunContinuationsAsynchronously);

    [Fact]
    public async Task While_a_frame_is_answered_the_newest_of_the_others_waits()
    {
        var run = RunAsync();
        Send(1);
        var (_, first) = await _begun.Reader.ReadAsync(TestContext.Current.CancellationToken);
        Send(2, 3, 4);
        _sent.Writer.Complete();
        await _allRead.Task;
        first.SetResult();
        (await _begun.Reader.ReadAsync(TestContext.Current.CancellationToken)).Done.SetResult();
        await run;
        Assert.Equal([(1, 0), (4, 2)], Answers());
    }

    [Fact]
    public async Task A_frame_without_a_task_has_that_of_the_one_before_even_of_a_dropped_one()
    {
        var run = RunAsync();
        Send(1);
        var (_, first) = await _begun.Reader.ReadAsync(TestContext.Current.CancellationToken);
        _sent.Writer.TryWrite(new() { FrameId = 2, Detect = new() { MaxDetections = 7, Image = Image(2) } });
        _sent.Writer.TryWrite(new() { FrameId = 3, Image = Image(3) });
        _sent.Writer.Complete();
        await _allRead.Task;
        first.SetResult();
        var (frame, last) = await _begun.Reader.ReadAsync(TestContext.Current.CancellationToken);
        Assert.Equal(new Proto.StreamRequest { FrameId = 3, Detect = new() { MaxDetections = 7, Image = Image(3) } }, frame);
        last.SetResult();
        await run;
    }

    [Fact]
    public async Task What_was_read_is_answered_before_a_broken_stream_fails()
    {
        var run = RunAsync();
        Send(1);
        var (_, first) = await _begun.Reader.ReadAsync(TestContext.Current.CancellationToken);
        Send(2);
        _sent.Writer.Complete(new IOException("gone"));
        await _allRead.Task;
        first.SetResult();
        (await _begun.Reader.ReadAsync(TestContext.Current.CancellationToken)).Done.SetResult();
        Assert.Equal("gone", (await Assert.ThrowsAsync<IOException>(() => run)).Message);
        Assert.Equal([(1, 0), (2, 0)], Answers());
    }

    [Fact]
    public async Task An_answer_that_fails_ends_the_stream_and_its_reading()
    {
        var run = RunAsync();
        Send(1);
        (await _begun.Reader.ReadAsync(TestContext.Current.CancellationToken)).Done.SetException(new InvalidOperationException("broken"));
        Assert.Equal("broken", (await Assert.ThrowsAsync<InvalidOperationException>(() => run)).Message);
    }

    private static Proto.Image Image(byte content) => new() { Encoded = ByteString.CopyFrom(content) };

    private (int Id, int Dropped)[] Answers()
    {
        _answers.Writer.Complete();
        return [.. _answers.Reader.ReadAllAsync().ToBlockingEnumerable().Select(static answer => ((int)answer.FrameId, (int)answer.Dropped))];
    }

    private void Send(params ulong[] ids) => Array.ForEach(ids, id => _sent.Writer.TryWrite(
        new() { FrameId = id, Classify = new() { Image = Image((byte)id) } }));

    private Task RunAsync() => new FrameStream(async frame =>
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _begun.Writer.TryWrite((frame, done));
        await done.Task;
        return new();
    }).RunAsync(new Reader(_sent.Reader, _allRead), new Writer(_answers.Writer), TestContext.Current.CancellationToken);

    private sealed class Reader(ChannelReader<Proto.StreamRequest> frames, TaskCompletionSource allRead)
        : IAsyncStreamReader<Proto.StreamRequest>
    {
        public Proto.StreamRequest Current { get; private set; } = new();

        public async Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            if (frames.Completion.IsCompleted)
            {
                allRead.TrySetResult();
            }

            try
            {
                Current = await frames.ReadAsync(cancellationToken);
                return true;
            }
            catch (ChannelClosedException exception)
            {
                allRead.TrySetResult();
                return exception.InnerException is { } inner ? throw inner : false;
            }
        }
    }

    private sealed class Writer(ChannelWriter<Proto.StreamResponse> answers) : IAsyncStreamWriter<Proto.StreamResponse>
    {
        public WriteOptions? WriteOptions { get; set; }

        public Task WriteAsync(Proto.StreamResponse message) => answers.WriteAsync(message).AsTask();

        public Task WriteAsync(Proto.StreamResponse message, CancellationToken cancellationToken) => WriteAsync(message);
    }
}
