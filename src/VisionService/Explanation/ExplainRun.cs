using System.Buffers;
using System.Diagnostics;
using VisionService.Imaging;
using VisionService.Inference;

namespace VisionService.Explanation;

/// <summary>Reads one item's outputs while they are there.</summary>
internal delegate T OutputReader<out T>(ModelOutputs outputs);

/// <summary>One request's image and its runs, all of them behind the other work of the model.</summary>
internal sealed class ExplainRun : IDisposable
{
    private readonly Model _model;
    private readonly SemaphoreSlim _turns;
    private readonly int _concurrency;
    private readonly ExplainSource _source;
    private readonly Ticket _ticket;
    private readonly CancellationToken _cancellationToken;
    private readonly byte[] _rented;
    private readonly TimeSpan _preprocess;
    private readonly long _start = Stopwatch.GetTimestamp();
    private long _queueTicks;
    private long _inferenceTicks;

    /// <param name="turns">One for each run that may be under way for this model.</param>
    public ExplainRun(
        Model model, ExplainSource source, ExplainRequest request, SemaphoreSlim turns, int concurrency, Ticket ticket, CancellationToken cancellationToken)
    {
        (_turns, _concurrency) = (turns, concurrency);
        (_model, _source, Request, _ticket, _cancellationToken) = (model, source, request, ticket, cancellationToken);
        var (width, height) = (request.Image.SourceWidth, request.Image.SourceHeight);
        Placement = source.Geometry.Fitted(width, height).Place(width, height);
        Input = new ModelInput(source.Channels, Placement.Geometry.Height, Placement.Geometry.Width);
        _rented = ArrayPool<byte>.Shared.Rent(Input.Length);
        Imaging.Planes.Write(request.Image, Placement, _rented.AsSpan(0, Input.Length), source.Channels);
        _preprocess = Stopwatch.GetElapsedTime(_start);
    }

    public ExplainRequest Request { get; }

    public Placement Placement { get; }

    public ModelInput Input { get; }

    /// <summary>The same for what knows no models.</summary>
    public ModelInput Shape => Input;

    /// <summary>The image as the network sees it, [C, H, W].</summary>
    public ReadOnlySpan<byte> Planes => _rented.AsSpan(0, Input.Length);

    /// <summary>Queueing and inference are summed over all runs, which overlap.</summary>
    public StageTimings Timings
    {
        get
        {
            var (queue, inference) = (TimeSpan.FromTicks(_queueTicks), TimeSpan.FromTicks(_inferenceTicks));
            var rest = Stopwatch.GetElapsedTime(_start) - _preprocess - queue - inference;
            return new StageTimings(_preprocess, queue, inference, rest > TimeSpan.Zero ? rest : TimeSpan.Zero);
        }
    }

    /// <summary>The image, or one like it, through the model itself.</summary>
    /// <param name="write">Fills the planes [C, H, W].</param>
    public async Task<T> ForwardAsync<T>(ExplainSession? own, Action<Span<byte>> write, OutputReader<T> read)
    {
        if (own is not null)
        {
            return await RunAsync(own, pixels => Widen(write, pixels), static _ => { }, read);
        }

        using var item = _model.NewItem(Input);
        write(item.Planes);
        return await SubmitAsync(item, read);
    }

    /// <summary>The image as it is, through a session for explaining.</summary>
    /// <param name="seed">Fills the inputs behind the image.</param>
    public Task<T> RunAsync<T>(ExplainSession session, Action<ModelItem> seed, OutputReader<T> read) => RunAsync(
        session,
        pixels =>
        {
            for (var i = 0; i < pixels.Length; i++)
            {
                pixels[i] = _rented[i];
            }
        },
        seed,
        read);

    /// <summary>An image of floats through a session for explaining.</summary>
    /// <param name="write">Fills the pixels [C, H, W], 0-255.</param>
    public async Task<T> RunAsync<T>(ExplainSession session, Action<Span<float>> write, Action<ModelItem> seed, OutputReader<T> read)
    {
        using var item = new ModelItem(session.Session, session.Inputs);
        write(item.Elements<float>(0));
        seed(item);
        return await SubmitAsync(item, read);
    }

    /// <summary>What the scores of a target in changed copies of the image say together.</summary>
    /// <param name="own">The session to ask; null: the model's.</param>
    /// <param name="read">What of the answer counts; null: the score.</param>
    public async Task<T> AskAsync<T>(ExplainSession? own, Perturbation<T> perturbation, ExplainTarget target, ScoreReader? read = null)
    {
        read ??= _source.Score;
        var score = await ForwardAsync(own, planes => Planes.CopyTo(planes), outputs => read(outputs, Request, target));
        var scores = new float[perturbation.Count];
        await ForEachAsync(scores.Length, async index => scores[index] = await ForwardAsync(
            own,
            planes => perturbation.Write(index, Planes, planes),
            outputs => read(outputs, Request, target)));
        return perturbation.Combine(score, scores);
    }

    /// <summary>Runs under way at the same time, but no more than keep the runners busy: the queue is there for
    /// others.</summary>
    public Task ForEachAsync(int count, Func<int, Task> run) => Parallel.ForAsync(
        0,
        count,
        new ParallelOptions { MaxDegreeOfParallelism = _concurrency, CancellationToken = _cancellationToken },
        async (index, _) => await run(index));

    public void Dispose() => ArrayPool<byte>.Shared.Return(_rented);

    private static void Widen(Action<Span<byte>> write, Span<float> pixels)
    {
        var bytes = ArrayPool<byte>.Shared.Rent(pixels.Length);
        write(bytes.AsSpan(0, pixels.Length));
        for (var i = 0; i < pixels.Length; i++)
        {
            pixels[i] = bytes[i];
        }

        ArrayPool<byte>.Shared.Return(bytes);
    }

    private async Task<T> SubmitAsync<T>(ModelItem item, OutputReader<T> read)
    {
        var start = Stopwatch.GetTimestamp();
        await _turns.WaitAsync(_cancellationToken);
        try
        {
            var waited = Stopwatch.GetElapsedTime(start);
            var (outputs, queued) = await _model.SubmitAsync(item, _ticket, _cancellationToken, isBackground: true);
            using (outputs)
            {
                Interlocked.Add(ref _queueTicks, (waited + queued).Ticks);
                Interlocked.Add(ref _inferenceTicks, outputs.Duration.Ticks);
                return read(outputs.Outputs);
            }
        }
        finally
        {
            _turns.Release();
        }
    }
}
