using VisionService.Inference;

namespace VisionService.Detection.Decoders;

/// <summary>Reads one item's rows as boxes in pixels of the network's input. One per model, shared by requests: keeps
/// no state.</summary>
internal interface IDetectionDecoder
{
    /// <summary>How many key points each object has.</summary>
    int KeyPointCount => 0;

    void Decode(ModelOutputs outputs, Candidates into);

    /// <summary>
    /// The elements of the outputs that the score of one of <see cref="Decode"/>'s candidates is made of, weighted by
    /// its gradient up to a positive factor: a single element weighs 1, also where its activation is done here.
    /// </summary>
    /// <param name="row">The candidate's row.</param>
    /// <param name="classId">The candidate's class.</param>
    /// <returns>Nothing that merely normalises: of a softmax the logit of the class alone.</returns>
    OutputElement[] Trace(ModelOutputs outputs, int row, int classId);
}
