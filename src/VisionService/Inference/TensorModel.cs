using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace VisionService.Inference;

/// <summary>
/// A model as its file has it: the file's own tensors in and out, whatever a task makes of them. They run on a session
/// beside the model's own, on the same runners and behind the same queue. It is opened on first use, one for each model,
/// and closed with it.
/// </summary>
/// <param name="open">Opens a session on the file.</param>
internal sealed class TensorModel(
    string name, Model model, IReadOnlyList<GraphTensor> inputs, IReadOnlyList<GraphTensor> outputs, Func<ModelSession> open) : IDisposable
{
    private readonly SemaphoreSlim _opening = new(1);
    private ModelSession? _session;

    /// <summary>In the file's order.</summary>
    public IReadOnlyList<GraphTensor> Inputs => inputs;

    /// <inheritdoc cref="Inputs"/>
    public IReadOnlyList<GraphTensor> Outputs => outputs;

    /// <summary>
    /// Whether requests of one row may share a run: every tensor has a first axis that the file leaves open, and the
    /// model's own batches say that its rows are independent.
    /// </summary>
    private bool RowsMayMeet { get; } = model.Batching.MaxBatchSize > 1
        && inputs.All(static input => input.HasOpenFirstAxis && input.Type != Datatype.BYTES)
        && outputs.All(static output => output.HasOpenFirstAxis);

    /// <summary>An empty item; one row joins others where rows may meet, several are a run of their own.</summary>
    /// <param name="shapes">One for each input, which takes it.</param>
    /// <exception cref="VisionException">The file cannot be opened any more.</exception>
    public async Task<ModelItem> NewItemAsync(IReadOnlyList<long[]> shapes, CancellationToken cancellationToken)
    {
        var session = await SessionAsync(cancellationToken).ConfigureAwait(false);
        var isRow = RowsMayMeet && shapes.All(static shape => shape[0] == 1);
        var tensors = inputs.Zip(shapes, (input, shape) => new TensorShape((TensorElementType)input.Type, isRow ? shape[1..] : shape));
        return new ModelItem(session, [.. tensors]) { IsWhole = !isRow };
    }

    /// <inheritdoc cref="Model.SubmitAsync"/>
    public Task<(ItemOutputs Outputs, TimeSpan Queued)> SubmitAsync(
        ModelItem item, Ticket ticket, CancellationToken cancellationToken) => model.SubmitAsync(item, ticket, cancellationToken);

    public void Dispose()
    {
        _session?.Dispose();
        _opening.Dispose();
    }

    private async Task<ModelSession> SessionAsync(CancellationToken cancellationToken)
    {
        if (Volatile.Read(ref _session) is { } opened)
        {
            return opened;
        }

        await _opening.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return _session ??= Open();
        }
        finally
        {
            _opening.Release();
        }
    }

    private ModelSession Open()
    {
        try
        {
            var session = open();
            if (session.Inputs.SequenceEqual(inputs.Select(static input => input.Name)))
            {
                return session;
            }

            session.Dispose();
            throw new VisionException(
                VisionError.InferenceFailed, $"The file of model '{name}' is not the one that was loaded; load the model again.");
        }
        catch (OnnxRuntimeException exception)
        {
            throw new VisionException(
                VisionError.InferenceFailed, $"The file of model '{name}' cannot be opened for tensors any more.", exception);
        }
    }
}
