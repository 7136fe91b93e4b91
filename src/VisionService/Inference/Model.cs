using System.Diagnostics;
using Microsoft.ML.OnnxRuntime;

namespace VisionService.Inference;

/// <summary>Times of one item's way through a model, for the answer and for <c>Server-Timing</c>.</summary>
internal readonly record struct StageTimings(
    TimeSpan Preprocess, TimeSpan Queue, TimeSpan Inference, TimeSpan Postprocess);

/// <summary>A model that is loaded and warm, whatever its tasks: a session behind a batcher.</summary>
internal sealed partial class Model : IDisposable
{
    // So many failures one after the other are no matter of one input: the session is tried with a blank one.
    private const int SuspiciousFailures = 3;

    private readonly ModelSession _session;
    private readonly Batcher<ModelItem, ItemOutputs> _batcher;
    private readonly Admission _admission;
    private readonly ModelDevices _devices;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly string _name;
    private readonly TaskCompletionSource _fault = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _failures;

    /// <param name="session">Owned by the model from here on.</param>
    /// <param name="options">All choices made; the session's fixed batch has the last word on the batch size.</param>
    /// <param name="devices">Where it runs, shared with other models.</param>
    public Model(
        string name,
        ModelSession session,
        ModelInput input,
        BatchingOptions options,
        ModelDevices devices,
        TimeProvider time,
        ILogger logger)
    {
        (_name, _session, Input, _devices, _time, _logger) = (name, session, input, devices, time, logger);
        Batching = options with { MaxBatchSize = Math.Min(options.MaxBatchSize, session.FixedBatch ?? int.MaxValue) };
        WarmUp();
        _admission = new Admission(name, Batching, () => MillisecondsPerItem / 1000, time);
        _batcher = new Batcher<ModelItem, ItemOutputs>(
            name,
            Batching,
            new BatchWork<ModelItem, ItemOutputs>
            {
                Run = RunBatch,
                SameShape = static (a, b) => a.Matches(b),
                Cost = static (item, items) => item.Session.Cost.Predict(items * item.Size),
                Post = devices.Post,
            },
            _admission,
            time);
    }

    /// <summary>The shape of an item, or the largest where the network takes any size; empty where no image is
    /// taken.</summary>
    public ModelInput Input { get; }

    public BatchingOptions Batching { get; }

    /// <summary>Images that wait for a run, decoded or not.</summary>
    public int QueueLength => _admission.Waiting;

    /// <summary>Runs under way.</summary>
    public int Running => _batcher.Running;

    /// <summary>How long a newcomer would wait for its run.</summary>
    public TimeSpan PredictedWait => _admission.PredictWait();

    /// <summary>What runs cost, as learnt from them.</summary>
    public CostModel Cost => _session.Cost;

    /// <summary>Completes when the session answers nothing any more, not even a blank image: it is to be
    /// replaced.</summary>
    public Task Faulted => _fault.Task;

    private double MillisecondsPerItem => Cost.Predict(Batching.MaxBatchSize) / Batching.MaxBatchSize / Batching.Runners;

    public void Dispose()
    {
        _batcher.Dispose();
        _session.Dispose();
    }

    /// <inheritdoc cref="Admission.TryAdmit"/>
    public Ticket[]? TryAdmit(int images, long bytes, Urgency urgency, out VisionException? refusal) =>
        _admission.TryAdmit(images, bytes, urgency, out refusal);

    /// <inheritdoc cref="Admission.RefusalOf"/>
    public VisionException? RefusalOf(int images, long bytes, Urgency urgency) => _admission.RefusalOf(images, bytes, urgency);

    /// <summary>Continues on a core, to decode an image for this model.</summary>
    public WorkerSwitch BeginAsync(CancellationToken cancellationToken) => _devices.SwitchAsync(ComputeRank.Begin, cancellationToken);

    /// <summary>Takes one request through preprocessing, queue, run and postprocessing.</summary>
    /// <param name="ticket">The image's place.</param>
    /// <exception cref="VisionException">The model failed, the image's time is over, or the model is being
    /// unloaded.</exception>
    public async Task<(TResult Result, StageTimings Timings)> RunAsync<TRequest, TResult>(
        IVisionTask<TRequest, TResult> task, TRequest request, Ticket ticket, CancellationToken cancellationToken)
    {
        using var item = NewItem(task.Shape(request));
        await BeginAsync(cancellationToken);
        var start = _time.GetTimestamp();
        task.Preprocess(request, item.Planes);
        var preprocessed = _time.GetElapsedTime(start);
        Telemetry.Stage("preprocess", _name, preprocessed);
        var (outputs, queued) = await SubmitAsync(item, ticket, cancellationToken).ConfigureAwait(false);
        using (outputs)
        {
            await _devices.SwitchAsync(ComputeRank.Run, cancellationToken);
            start = _time.GetTimestamp();
            var result = task.Postprocess(request, outputs.Outputs);
            var timings = new StageTimings(preprocessed, queued, outputs.Duration, _time.GetElapsedTime(start));
            Telemetry.Stage("postprocess", _name, timings.Postprocess);
            return (result, timings);
        }
    }

    /// <summary>An empty item of the model's own session.</summary>
    public ModelItem NewItem(ModelInput shape) => new(_session, shape)
    {
        Size = Input.Length == 0 ? 1 : (double)shape.Length / Input.Length,
    };

    /// <summary>Queues an item, of this model's session or of another one that shares its runners, such as one that
    /// computes gradients.</summary>
    /// <param name="item">Stays the caller's.</param>
    /// <param name="isBackground">Whether it is one of many runs behind one image, which have time.</param>
    /// <inheritdoc cref="RunAsync" path="/exception"/>
    public async Task<(ItemOutputs Outputs, TimeSpan Queued)> SubmitAsync(
        ModelItem item, Ticket ticket, CancellationToken cancellationToken, bool isBackground = false)
    {
        var answer = await _batcher.SubmitAsync(item, ticket, isBackground, cancellationToken).ConfigureAwait(false);
        if (!isBackground)
        {
            Telemetry.Stage("queue", _name, answer.Queued, ago: answer.Answer.Duration);
            Telemetry.Stage("inference", _name, answer.Answer.Duration);
        }

        return answer;
    }

    /// <summary>The first run of a shape allocates and picks kernels: nobody should wait for that. The second says what
    /// a run costs.</summary>
    private void WarmUp()
    {
        if (Input.Length == 0)
        {
            return; // tensors of whatever shape: there is no telling which
        }

        _session.WarmUp(Input, Batching.MaxBatchSize);
    }

    private ItemOutputs[] RunBatch(int runner, IReadOnlyList<ModelItem> items, CancellationToken cancellationToken)
    {
        var answers = new List<ItemOutputs>(items.Count);
        try
        {
            // A session whose batch is fixed takes a longer batch in parts.
            foreach (var part in items.Chunk(items[0].Session.FixedBatch ?? items.Count))
            {
                var session = part[0].Session;
                var start = Stopwatch.GetTimestamp();
                var outputs = session.Run(runner, part, cancellationToken);
                var duration = Stopwatch.GetElapsedTime(start);
                answers.AddRange(part.Select((_, i) => new ItemOutputs(outputs, i, duration)));
            }

            Volatile.Write(ref _failures, 0);
            return [.. answers];
        }
        catch (OperationCanceledException)
        {
            answers.ForEach(answer => answer.Dispose());
            throw;
        }
        catch (Exception exception) when (exception is OnnxRuntimeException or InvalidOperationException)
        {
            answers.ForEach(answer => answer.Dispose());
            Log.RunFailed(_logger, _name, items.Count, exception);
            if (Interlocked.Increment(ref _failures) >= SuspiciousFailures)
            {
                ExamineSession(runner);
            }

            throw new VisionException(VisionError.InferenceFailed, "The model failed on this input.", exception);
        }
    }

    /// <summary>Tells inputs that no model could take from a session that is broken: that one fails on a blank image,
    /// which it could answer when it was loaded.</summary>
    private void ExamineSession(int runner)
    {
        Volatile.Write(ref _failures, 0);
        if (Input.Length == 0 || _fault.Task.IsCompleted)
        {
            return;
        }

        try
        {
            using var blank = NewItem(Input);
            blank.Planes.Clear();
            _session.Run(runner, [blank], CancellationToken.None).Release();
        }
        catch (Exception exception) when (exception is OnnxRuntimeException or InvalidOperationException)
        {
            Log.SessionFaulted(_logger, _name, exception);
            _fault.TrySetResult();
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Error, Message = "Model {Model} failed on a batch of {Items}.")]
        public static partial void RunFailed(ILogger logger, string model, int items, Exception exception);

        [LoggerMessage(Level = LogLevel.Critical, Message = "The session of model {Model} fails even on a blank image; it is to be replaced.")]
        public static partial void SessionFaulted(ILogger logger, string model, Exception exception);
    }
}

/// <summary>
/// A model and a task that gives its numbers a meaning. Several tasks may share one model: who draws masks can name
/// boxes, and every answer can be explained.
/// </summary>
/// <param name="run">Answers a request that has a ticket.</param>
internal sealed class Model<TRequest, TResult>(
    Model model, Func<TRequest, Ticket, CancellationToken, Task<(TResult Result, StageTimings Timings)>> run)
{
    public Model(Model model, IVisionTask<TRequest, TResult> task)
        : this(model, (request, ticket, cancellationToken) => model.RunAsync(task, request, ticket, cancellationToken))
    {
    }

    public BatchingOptions Batching => model.Batching;

    /// <inheritdoc cref="Model.RunAsync"/>
    public Task<(TResult Result, StageTimings Timings)> RunAsync(
        TRequest request, Ticket ticket, CancellationToken cancellationToken) =>
        run(request, ticket, cancellationToken);
}
