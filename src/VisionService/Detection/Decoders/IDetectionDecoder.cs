using VisionService.Inference;

namespace VisionService.Detection.Decoders;

/// <summary>Reads one item's rows as boxes in pixels of the network's input. One per model, shared by requests: keeps
/// no state.</summary>
internal interface IDetectionDecoder
{
    /// <summary>How many key points each object has.</summary>
    int KeyPointCount => 0;

    void Decode(ModelOutputs outputs, Candidates into);
}
