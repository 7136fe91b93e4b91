namespace VisionService.Inference;

/// <summary>
/// One item's share of a run's outputs, in the order in which the model declares them. A view: valid only inside
/// <see cref="IVisionTask{TRequest, TResult}.Postprocess"/>, which as a ref struct it cannot leave.
/// </summary>
internal readonly ref struct ModelOutputs(BatchOutputs batch, int item)
{
    public int Count => batch.Outputs.Length;

    /// <summary>The output's name in the ONNX graph.</summary>
    public string Name(int output) => batch.Outputs[output].Name;

    /// <summary>
    /// The shape of this item's rows. The first axis stays: it is 1 where each item has one row, and n where a model
    /// that takes one image at a time answers with n rows.
    /// </summary>
    public ReadOnlySpan<long> Shape(int output) => batch.Outputs[output].ItemShape;

    /// <summary>Whether the output holds floating-point numbers; else <see cref="Integers"/> reads it.</summary>
    public bool IsFloat(int output) => batch.Outputs[output].IsFloat;

    /// <summary>The values of a floating-point output (float16 and double arrive as float), row-major.</summary>
    /// <exception cref="InvalidOperationException">The output holds integers.</exception>
    public ReadOnlySpan<float> Floats(int output) => batch.Outputs[output].Floats(item);

    /// <summary>The values of an integer or boolean output, widened, row-major.</summary>
    /// <exception cref="InvalidOperationException">The output holds floating-point numbers.</exception>
    public ReadOnlySpan<long> Integers(int output) => batch.Outputs[output].Integers(item);

    public Datatype Type(int output) => batch.Outputs[output].Type;

    /// <summary>The values of an output as they lie in memory, row-major, whatever their type.</summary>
    /// <exception cref="InvalidOperationException">The output holds texts, or elements smaller than a byte.</exception>
    public ReadOnlySpan<byte> Bytes(int output) => batch.Outputs[output].Bytes(item);

    /// <summary>The values of an output of texts, row-major.</summary>
    public ReadOnlySpan<string> Texts(int output) => batch.Outputs[output].Texts(item);
}
