namespace VisionService.Inference;

/// <summary>
/// One number of a model's answer and how much it counts: a list of them is a score to explain, the sum of weight times
/// value, and its gradient with respect to the outputs.
/// </summary>
/// <param name="Output">Which output, in the order in which the model declares them.</param>
/// <param name="Index">Which element of one item's rows, row-major.</param>
/// <param name="Weight">How the score grows with the element.</param>
internal readonly record struct OutputElement(int Output, int Index, float Weight);
