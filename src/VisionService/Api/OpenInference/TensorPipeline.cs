using Microsoft.Extensions.Options;
using VisionService.Inference;
using VisionService.Repository;

namespace VisionService.Api.OpenInference;

/// <summary>The straight line from a request's tensors to the model's that both transports end in.</summary>
internal sealed class TensorPipeline(
    ModelCatalog catalog, ImageInputs images, Drain drain, TimeProvider time, IOptions<ApiOptions> options)
{
    private const int MaxRank = 32;

    /// <returns>Owned by the caller.</returns>
    /// <exception cref="VisionException">A tensor does not fit, the model is not there, overloaded, or late.</exception>
    public async Task<InferAnswer> RunAsync(InferRequest request, CancellationToken cancellationToken)
    {
        await catalog.WakeAsync(null, request.Model, TimeoutOf(request), cancellationToken);
        var (entry, loaded) = catalog.GetReady(request.Model);
        if (images.TaskFor(request, loaded) is { } task)
        {
            return await images.RunAsync(request, entry, task, cancellationToken);
        }

        if (!drain.TryBegin())
        {
            throw Drain.Refusal;
        }

        try
        {
            ((entry, loaded), var use) = ModelCatalog.Use(() => catalog.GetReady(request.Model), static found => found.Loaded);
            using (use)
            {
                return await RunAsync(request, entry, loaded, cancellationToken);
            }
        }
        finally
        {
            await Task.Yield(); // off the worker, as for images
            drain.End();
        }
    }

    private async Task<InferAnswer> RunAsync(
        InferRequest request, ModelEntry entry, LoadedModel loaded, CancellationToken cancellationToken)
    {
        // 1. Everything is checked before anything is queued: what does not fit fails alone.
        var (inputs, bytes) = Match(request, entry, loaded.Tensors);
        var outputs = Wanted(request, entry, loaded.Tensors);

        var timeout = TimeoutOf(request);
        var urgency = Urgency.Within(timeout, timeout, PriorityClass.Normal, time, request.Caller);
        using var ticket = loaded.Model.TryAdmit(images: 1, bytes, urgency, out var refusal)?[0] ?? throw refusal!;
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(timeout);
        try
        {
            // 2. The elements go straight to where the run reads them.
            using var item = await loaded.Tensors.NewItemAsync([.. inputs.Select(static input => input.Shape)], deadline.Token);
            Fill(item, inputs);

            // 3. Queue and run.
            var run = await SubmitAsync(loaded.Tensors, item, ticket, inputs, entry.Name, deadline.Token);
            return new InferAnswer(entry, request.Id, [.. outputs.Select(output => Read(run, output))], run);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw urgency.Late("load");
        }
    }

    private TimeSpan TimeoutOf(InferRequest request)
    {
        // Triton's schedule policy counts in microseconds.
        var longest = (long)options.Value.Timeout.TotalMicroseconds;
        return TimeSpan.FromMicroseconds(request.Parameters.Integer("timeout", 0, long.MaxValue) is > 0 and { } said && said < longest ? said : longest);
    }

    private static async Task<ItemOutputs> SubmitAsync(
        TensorModel model, ModelItem item, Ticket ticket, InferInput[] inputs, string name, CancellationToken cancellationToken)
    {
        try
        {
            return (await model.SubmitAsync(item, ticket, cancellationToken)).Outputs;
        }
        catch (VisionException exception) when (exception.Error == VisionError.InferenceFailed)
        {
            // Sizes that the file leaves open may not fit each other, and values may point nowhere: only the run can tell.
            throw new VisionException(
                VisionError.InvalidRequest,
                $"Model '{name}' cannot run on these tensors: {string.Join(", ", inputs.Select(static input => $"{input.Name} {InferInput.Show(input.Shape)}"))}.",
                exception);
        }
    }

    /// <summary>The request's inputs in the file's order, each fit for its place.</summary>
    private (InferInput[] Inputs, long Bytes) Match(InferRequest request, ModelEntry entry, TensorModel model)
    {
        foreach (var input in request.Inputs)
        {
            if (!model.Inputs.Any(declared => declared.Name == input.Name))
            {
                throw Unknown("input", input.Name, entry, model.Inputs);
            }
        }

        RefuseRepeated("Input", request.Inputs.Select(static input => input.Name));
        var matched = new InferInput[model.Inputs.Count];
        var total = 0L;
        for (var i = 0; i < matched.Length; i++)
        {
            var declared = model.Inputs[i];
            matched[i] = request.Inputs.FirstOrDefault(input => input.Name == declared.Name) ?? throw new VisionException(
                VisionError.InvalidRequest, $"Input '{declared.Name}' is missing; model '{entry.Name}' takes {Names(model.Inputs)}.");
            total += Check(matched[i], declared, options.Value.MaxRequestBytes - total);
        }

        return (matched, total);
    }

    /// <returns>The bytes that the tensor takes.</returns>
    private long Check(InferInput input, GraphTensor declared, long most)
    {
        if (declared.Type == Datatype.None || input.Datatype != declared.Type)
        {
            throw new VisionException(
                VisionError.InvalidRequest, $"Input '{input.Name}' is {declared.Type} in the model, not {input.Datatype}.");
        }

        if (input.Shape.Length > MaxRank || input.Shape.Any(static size => size < 1) || !declared.Takes(input.Shape))
        {
            throw new VisionException(
                VisionError.InvalidRequest,
                $"Input '{input.Name}' has shape {InferInput.Show(input.Shape.Take(MaxRank))}; the model takes {Show(declared)}.");
        }

        var elementBytes = declared.Type.ElementBytes() ?? 1;
        var elements = 1L;
        foreach (var size in input.Shape)
        {
            if (size > most / elementBytes / elements)
            {
                throw new VisionException(
                    VisionError.TooLarge,
                    $"Input '{input.Name}' of shape {InferInput.Show(input.Shape)} is too large; Api:{nameof(ApiOptions.MaxRequestBytes)} allows {options.Value.MaxRequestBytes} bytes for all inputs.");
            }

            elements *= size;
        }

        var bytes = declared.Type == Datatype.BYTES ? 0 : elements * elementBytes;
        input.CheckSize(elements, bytes);
        return bytes;
    }

    private static void Fill(ModelItem item, InferInput[] inputs)
    {
        for (var i = 0; i < inputs.Length; i++)
        {
            if (inputs[i].Datatype == Datatype.BYTES)
            {
                item.SetTexts(i, inputs[i].Texts(inputs[i].Shape.Aggregate(1L, static (product, size) => product * size)));
            }
            else
            {
                inputs[i].CopyTo(item.Bytes(i));
            }
        }
    }

    /// <summary>The outputs to answer with, in the order in which they are wanted.</summary>
    private static List<(string Name, InferParameters? Parameters)> Wanted(InferRequest request, ModelEntry entry, TensorModel model)
    {
        if (request.Outputs.Count == 0)
        {
            return [.. model.Outputs.Where(static output => output.Type != Datatype.None).Select(static output => (output.Name, (InferParameters?)null))];
        }

        RefuseRepeated("Output", request.Outputs.Select(static output => output.Name));
        foreach (var output in request.Outputs)
        {
            if (!model.Outputs.Any(declared => declared.Name == output.Name && declared.Type != Datatype.None))
            {
                throw Unknown("output", output.Name, entry, model.Outputs);
            }

            RefuseUnsupported(output.Parameters, $"Output '{output.Name}'");
        }

        return [.. request.Outputs.Select(static output => (output.Name, (InferParameters?)output.Parameters))];
    }

    /// <summary>Parameters that change what an answer is must not be passed over.</summary>
    private static void RefuseUnsupported(InferParameters parameters, string where)
    {
        foreach (var name in new[] { "classification", "shared_memory_region" })
        {
            if (parameters.Text(name) is { } text and not "0")
            {
                throw new VisionException(VisionError.InvalidRequest, $"{where} asks for '{name}' ({text}), which is not on offer here.");
            }
        }
    }

    private static RunOutput Read(ItemOutputs run, (string Name, InferParameters? Parameters) wanted)
    {
        var outputs = run.Outputs;
        var index = 0;
        while (outputs.Name(index) != wanted.Name)
        {
            index++;
        }

        return new RunOutput(wanted.Name, outputs.Type(index), outputs.Shape(index).ToArray(), wanted.Parameters, run, index);
    }

    private static void RefuseRepeated(string what, IEnumerable<string> names)
    {
        if (names.GroupBy(static name => name).FirstOrDefault(static group => group.Count() > 1) is { } repeated)
        {
            throw new VisionException(VisionError.InvalidRequest, $"{what} '{repeated.Key}' is given {repeated.Count()} times.");
        }
    }

    private static VisionException Unknown(string what, string name, ModelEntry entry, IReadOnlyList<GraphTensor> known) => new(
        VisionError.InvalidRequest,
        $"Model '{entry.Name}' has no {what} '{name}'{Nearest.Hint(name, [.. known.Select(static tensor => tensor.Name)])}; it has {Names(known)}.");

    private static string Names(IReadOnlyList<GraphTensor> tensors) => string.Join(", ", tensors.Select(static tensor => tensor.Name));

    private static string Show(GraphTensor declared) => declared.Shape is { } shape ? InferInput.Show(shape) : "any shape of sizes from 1";
}
