namespace OnnxGraph.Autodiff;

/// <summary>
/// One node on its way back (vector-Jacobian product): what its rule reads, and the pen with which it writes the
/// gradients of the node's inputs.
/// </summary>
/// <param name="wanted">The values that hand a gradient on.</param>
/// <param name="take">The gradient of a value, or null where it is zero.</param>
/// <param name="add">Adds to the gradient of a value.</param>
/// <param name="constants">The constants written so far, by what they are: one of a kind is enough.</param>
internal sealed partial class Vjp(
    Node node,
    Graph graph,
    ForwardFacts facts,
    ReluRule relu,
    HashSet<string> wanted,
    Func<string, string?> take,
    Action<string, string> add,
    Dictionary<string, string> constants)
{
    public Node Node => node;

    public ForwardFacts Facts => facts;

    public ReluRule Relu => relu;

    public int Opset => graph.OpsetVersion;

    /// <summary>The node's first input.</summary>
    public string X => node.Inputs[0];

    /// <summary>The node's first output.</summary>
    public string Y => node.Outputs[0];

    /// <summary>The gradient of the node's first output; zeros where nothing came back to it.</summary>
    public string G => Gradient(0) ?? Mul(Y, Scalar(0));

    /// <summary>The gradient of an output; null: zero.</summary>
    public string? Gradient(int output) =>
        output < node.Outputs.Count && node.Outputs[output] != "" ? take(node.Outputs[output]) : null;

    /// <summary>Whether the node has this optional input.</summary>
    public bool Has(int input) => input < node.Inputs.Count && node.Inputs[input] != "";

    /// <summary>Whether the gradient of this input is of use to anybody; a rule need not compute it otherwise.</summary>
    public bool Wants(int input) => Has(input) && wanted.Contains(node.Inputs[input]);

    /// <summary>The node that writes an input; null: it is an input of the graph, or an initializer.</summary>
    public Node? Producer(int input) => graph.Producer(node.Inputs[input]);

    /// <summary>The constant tensor behind an input; null where it is computed.</summary>
    public Tensor? Constant(int input) => Has(input) ? graph.Constant(node.Inputs[input]) : null;

    /// <summary>The name of an output that the node may have; it has it from now on.</summary>
    public string Demand(int output)
    {
        if (output >= node.Outputs.Count || node.Outputs[output] == "")
        {
            node.SetOutput(output, graph.FreshName($"{Y}_{output}"));
        }

        return node.Outputs[output];
    }

    /// <summary>Hands an input its gradient, which has the input's shape.</summary>
    public void Give(int input, string gradient)
    {
        if (Wants(input))
        {
            add(node.Inputs[input], gradient);
        }
    }

    /// <summary>Hands an input its gradient, which has the output's shape: what broadcasting repeated is
    /// summed.</summary>
    public void GiveBroadcast(int input, Func<string> gradient)
    {
        if (Wants(input))
        {
            Give(input, Unbroadcast(gradient(), node.Inputs[input], Y));
        }
    }

    /// <summary>Refuses to differentiate with respect to any input but the first.</summary>
    public void RefuseGradientsBehindFirst()
    {
        for (var input = 1; input < node.Inputs.Count; input++)
        {
            if (Wants(input) && node.Inputs[input] != X)
            {
                throw Refuse($"its input '{node.Inputs[input]}' is not constant but depends on what is differentiated by");
            }
        }
    }

    /// <summary>An error for what a rule does not cover.</summary>
    public OnnxGraphException Refuse(string reason) => VjpRules.NotDifferentiable(node, reason);
}
