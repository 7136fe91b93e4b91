using System.Text.RegularExpressions;
using Microsoft.ML.OnnxRuntime;
using OnnxGraph;
using SessionOptions = Microsoft.ML.OnnxRuntime.SessionOptions;

namespace VisionService.Repository;

/// <summary>Names all operators of a model that ONNX Runtime lacks; by itself it stops at the first.</summary>
internal static partial class UnknownOperators
{
    private const int MaxNodesNamed = 3;

    // What ONNX Runtime writes of one that it has never heard of, and of one that only other providers compute.
    private static readonly string[] Signs =
    [
        "is not a registered function/op", "No Op registered for", "No opset import for domain",
        "Could not find an implementation for",
    ];

    /// <summary>Refuses operators from elsewhere before anything is concluded from their outputs. Those of ONNX itself are
    /// left to the session: asking costs a millisecond each.</summary>
    /// <exception cref="ModelLoadException">Names the operators and their nodes.</exception>
    public static void RefuseForeign(Graph graph) =>
        Refuse(graph.Operators().Where(static used => used.Domain != ""), graph);

    /// <summary>Explains a refusal of the runtime, where operators are its reason.</summary>
    /// <exception cref="ModelLoadException">Names the operators and their nodes.</exception>
    public static void Explain(OnnxRuntimeException refusal, Graph graph)
    {
        if (IsUnknown(refusal))
        {
            // The one it names may be lacking for its types alone, which asked by itself it would not be.
            var named = Unimplemented().Match(refusal.Message).Groups["op"].Value;
            Refuse(graph.Operators(), graph, named);
        }
    }

    private static void Refuse(IEnumerable<UsedOperator> operators, Graph graph, string named = "")
    {
        var unknown = operators.Where(used => used.OpType == named || !IsKnown(used, graph)).ToArray();
        if (unknown.Length > 0)
        {
            var noun = unknown.Length == 1 ? "operator" : "operators";
            throw new ModelLoadException(
                $"ONNX Runtime lacks the {noun} {string.Join("; ", unknown.Select(Describe))}. "
                + "The model was exported for another runtime, or needs a newer one.");
        }
    }

    private static bool IsKnown(UsedOperator used, Graph graph)
    {
        using var options = new SessionOptions { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
        try
        {
            new InferenceSession(graph.Alone(used).ToBytes(), options).Dispose();
            return true;
        }
        catch (OnnxRuntimeException refusal)
        {
            return !IsUnknown(refusal); // it knows it, and misses attributes or inputs
        }
    }

    private static bool IsUnknown(OnnxRuntimeException refusal) =>
        Array.Exists(Signs, sign => refusal.Message.Contains(sign, StringComparison.Ordinal));

    private static string Describe(UsedOperator used)
    {
        var domain = used.Domain == "" ? "ai.onnx" : used.Domain;
        var nodes = string.Join(", ", used.Nodes.Take(MaxNodesNamed).Select(static node => $"'{node}'"));
        var more = used.Nodes.Count > MaxNodesNamed ? $" and {used.Nodes.Count - MaxNodesNamed} more" : "";
        return used.Version == 0
            ? $"{domain}:{used.OpType} (nodes {nodes}{more})"
            : $"{domain}:{used.OpType} of opset {used.Version} (nodes {nodes}{more})";
    }

    [GeneratedRegex(@"Could not find an implementation for (?<op>\w+)\(")]
    private static partial Regex Unimplemented();
}
