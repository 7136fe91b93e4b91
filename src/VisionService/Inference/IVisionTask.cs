namespace VisionService.Inference;

/// <summary>
/// What a task adds to a model: how a request becomes pixels, and how the model's numbers become an answer. Both run on
/// the request's own thread, many at a time, so a task keeps no state of a request.
/// </summary>
internal interface IVisionTask<TRequest, TResult>
{
    /// <summary>The shape of this request's item: always the model's own where that is fixed. Items of one shape share
    /// a batch.</summary>
    ModelInput Shape(TRequest request);

    /// <summary>Fills one item's <c>[C, H, W]</c>, bytes, RGB order, of the request's shape.</summary>
    void Preprocess(TRequest request, Span<byte> planes);

    /// <summary>Reads one item's rows.</summary>
    TResult Postprocess(TRequest request, ModelOutputs outputs);
}
