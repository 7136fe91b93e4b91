namespace VisionService.Inference;

/// <summary>What a model's class scores still need to become probabilities.</summary>
internal enum ScoreActivation
{
    /// <summary>They are probabilities: the graph ends in a softmax or a sigmoid.</summary>
    None,

    /// <summary>One class holds.</summary>
    Softmax,

    /// <summary>Each class holds or not, whatever the others do.</summary>
    Sigmoid,
}
