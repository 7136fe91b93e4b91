namespace OnnxGraph.Autodiff;

internal static partial class VjpRules
{
    private static Dictionary<string, VjpRule> Resizing => new()
    {
    };
}
