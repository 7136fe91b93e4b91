using System.Diagnostics;
using Microsoft.ML.OnnxRuntime;

namespace VisionService.Inference;

/// <summary>Times of one item's way through a model, for the answer and for <c>Server-Timing</c>.</summary>
internal readonly record struct StageTimings(
    TimeSpan Preprocess, TimeSpan Queue, TimeSpan Inference, TimeSpan Postprocess);

/// <summary>A model that is loaded and warm, whatever its tasks: a session behind a batcher.</summary>
internal sealed partial class Model : IDisposable
{
    private readonly ModelSession _session;
    private readonly Batcher<ModelItem, ItemOutputs> _batcher;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly string _name;

    /// <param name="session">Owned by the model from here on.</param>
    /// <param name="options">All choices made; the session's fixed batch has the last word on the batch size.</param>
    public Model(
        string name, ModelSession session, ModelInput input, BatchingOptions options, TimeProvider time, ILogger logger)
    {
        (_name, _session, Input, _time, _logger) = (name, session, input, time, logger);
        Batching = options with { MaxBatchSize = Math.Min(options.MaxBatchSize, session.FixedBatch ?? int.MaxValue) };
        WarmUp();
        _batcher = new Batcher<ModelItem, ItemOutputs>(
            name, Batching, static (a, b) => a.Matches(b), RunBatch, time);
    }

    /// <summary>The shape of an item, or the largest where the network takes any size; empty where no image is
    /// taken.</summary>
    public ModelInput Input { get; }

    public BatchingOptions Batching { get; }

    public int QueueLength => _batcher.QueueLength;

    public void Dispose()
    {
        _batcher.Dispose();
        _session.Dispose();
    }

    /// <summary>Takes one request through preprocessing, queue, run and postprocessing, on the caller's thread but for
    /// the run.</summary>
    /// <param name="priority">0, the default, to 1000 (first).</param>
    /// <exception cref="VisionException">The queue is full, the model failed, or it is being unloaded.</exception>
    public async Task<(TResult Result, StageTimings Timings)> RunAsync<TRequest, TResult>(
        IVisionTask<TRequest, TResult> task, TRequest request, int priority, CancellationToken cancellationToken)
    {
        using var item = NewItem(task.Shape(request));
        var start = _time.GetTimestamp();
        task.Preprocess(request, item.Planes);
        var preprocessed = _time.GetElapsedTime(start);

        var (outputs, queued) = await SubmitAsync(item, priority, cancellationToken).ConfigureAwait(false);
        using (outputs)
        {
            start = _time.GetTimestamp();
            var result = task.Postprocess(request, outputs.Outputs);
            return (result, new StageTimings(preprocessed, queued, outputs.Duration, _time.GetElapsedTime(start)));
        }
    }

    /// <summary>An empty item of the model's own session.</summary>
    public ModelItem NewItem(ModelInput shape) => new(_session, shape);

    /// <summary>Queues an item, of this model's session or of another one that shares its runners, such as one that
    /// computes gradients.</summary>
    /// <param name="item">Stays the caller's.</param>
    /// <inheritdoc cref="RunAsync" path="/exception"/>
    public Task<(ItemOutputs Outputs, TimeSpan Queued)> SubmitAsync(
        ModelItem item, int priority, CancellationToken cancellationToken) =>
        _batcher.SubmitAsync(item, priority, cancellationToken);

    /// <summary>The first run of a shape allocates and picks kernels: nobody should wait for that.</summary>
    private void WarmUp()
    {
        if (Input.Length == 0)
        {
            return; // tensors of whatever shape: there is no telling which
        }

        _session.WarmUp(Input, Batching.MaxBatchSize);
    }

    private ItemOutputs[] RunBatch(int runner, IReadOnlyList<ModelItem> items)
    {
        var answers = new List<ItemOutputs>(items.Count);
        try
        {
            // A session whose batch is fixed takes a longer batch in parts.
            foreach (var part in items.Chunk(items[0].Session.FixedBatch ?? items.Count))
            {
                var start = Stopwatch.GetTimestamp();
                var outputs = part[0].Session.Run(runner, part, CancellationToken.None);
                var duration = Stopwatch.GetElapsedTime(start);
                answers.AddRange(part.Select((_, i) => new ItemOutputs(outputs, i, duration)));
            }

            return [.. answers];
        }
        catch (Exception exception) when (exception is OnnxRuntimeException or InvalidOperationException)
        {
            answers.ForEach(answer => answer.Dispose());
            Log.RunFailed(_logger, _name, items.Count, exception);
            throw new VisionException(VisionError.InferenceFailed, "The model failed on this input.", exception);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Error, Message = "Model {Model} failed on a batch of {Items}.")]
        public static partial void RunFailed(ILogger logger, string model, int items, Exception exception);
    }
}

/// <summary>
/// A model and a task that gives its numbers a meaning. Several tasks may share one model: who draws masks can name
/// boxes, and every answer can be explained.
/// </summary>
/// <param name="run">Answers a request of a priority.</param>
internal sealed class Model<TRequest, TResult>(
    Model model, Func<TRequest, int, CancellationToken, Task<(TResult Result, StageTimings Timings)>> run)
{
    public Model(Model model, IVisionTask<TRequest, TResult> task)
        : this(model, (request, priority, cancellationToken) => model.RunAsync(task, request, priority, cancellationToken))
    {
    }

    public BatchingOptions Batching => model.Batching;

    /// <inheritdoc cref="Model.RunAsync"/>
    public Task<(TResult Result, StageTimings Timings)> RunAsync(
        TRequest request, int priority, CancellationToken cancellationToken) =>
        run(request, priority, cancellationToken);
}
