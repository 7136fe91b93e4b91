namespace OnnxGraph.Autodiff;

internal static partial class VjpRules
{
    private static Dictionary<string, VjpRule> Pooling => new()
    {
    };
}
