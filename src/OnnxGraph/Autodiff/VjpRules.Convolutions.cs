namespace OnnxGraph.Autodiff;

internal static partial class VjpRules
{
    private static Dictionary<string, VjpRule> Convolutions => new()
    {
    };
}
