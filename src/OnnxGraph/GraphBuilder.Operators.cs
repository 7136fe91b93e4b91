namespace OnnxGraph;

public sealed partial class GraphBuilder
{
    /// <summary>A two-dimensional convolution with the same padding on all sides.</summary>
    /// <param name="x">The feature map <c>[N, C, H, W]</c>.</param>
    /// <param name="weights">The kernels <c>[M, C / group, kH, kW]</c>.</param>
    /// <param name="bias">The bias <c>[M]</c>; empty for none.</param>
    /// <param name="padding">Zeros on each side, pixels.</param>
    /// <param name="stride">Step, pixels.</param>
    /// <param name="group">Groups of channels.</param>
    public string Conv(string x, string weights, string bias = "", long padding = 0, long stride = 1, long group = 1)
    {
        return Node(
            "Conv",
            bias == "" ? [x, weights] : [x, weights, bias],
            ("pads", new[] { padding, padding, padding, padding }),
            ("strides", new[] { stride, stride }),
            ("group", group));
    }

    /// <summary>The largest value of each window of a feature map <c>[N, C, H, W]</c>.</summary>
    /// <param name="x">The feature map.</param>
    /// <param name="kernel">Side of the window, pixels.</param>
    /// <param name="stride">Step, pixels; 0 takes the window's side.</param>
    /// <param name="padding">Padding on each side, pixels.</param>
    public string MaxPool(string x, long kernel = 2, long stride = 0, long padding = 0)
    {
        var step = stride == 0 ? kernel : stride;
        return Node(
            "MaxPool",
            [x],
            ("kernel_shape", new[] { kernel, kernel }),
            ("strides", new[] { step, step }),
            ("pads", new[] { padding, padding, padding, padding }));
    }

    /// <summary>The mean of each channel: <c>[N, C, H, W]</c> to <c>[N, C, 1, 1]</c>.</summary>
    public string GlobalAveragePool(string x) => Node("GlobalAveragePool", [x]);

    /// <summary>A linear layer: <c>[N, K]</c> times weights <c>[M, K]</c> transposed, plus a bias <c>[M]</c>.</summary>
    public string Gemm(string x, string weights, string bias) => Node("Gemm", [x, weights, bias], ("transB", 1));

    /// <summary>max(x, 0).</summary>
    public string Relu(string x) => Node("Relu", [x]);

    /// <summary>1 / (1 + exp(-x)).</summary>
    public string Sigmoid(string x) => Node("Sigmoid", [x]);

    /// <summary>Exponentials along an axis, divided by their sum.</summary>
    public string Softmax(string x, long axis = 1) => Node("Softmax", [x], ("axis", axis));

    /// <summary>a + b, broadcast.</summary>
    public string Add(string a, string b) => Node("Add", [a, b]);

    /// <summary>a * b, broadcast.</summary>
    public string Mul(string a, string b) => Node("Mul", [a, b]);

    /// <summary>All axes behind the first made one: <c>[N, ...]</c> to <c>[N, product]</c>.</summary>
    public string Flatten(string x) => Node("Flatten", [x]);

    /// <summary>The same elements in another shape; 0 keeps a dimension, -1 takes what is left.</summary>
    public string Reshape(string x, params ReadOnlySpan<long> shape) =>
        Node("Reshape", [x, Constant(Tensor.Of(shape, shape.Length), "shape")]);

    /// <summary>The axes in another order.</summary>
    public string Transpose(string x, params long[] order) => Node("Transpose", [x], ("perm", order));

    /// <summary>Values side by side along an axis.</summary>
    public string Concat(long axis, params IEnumerable<string> values) => Node("Concat", values, ("axis", axis));

    /// <summary>A feature map <c>[N, C, H, W]</c> enlarged by whole factors, by its nearest pixels.</summary>
    public string Resize(string x, float factor)
    {
        var scales = Constant([1, 1, factor, factor]);
        return _graph.OpsetVersion switch
        {
            < 9 => Node("Upsample", [x], ("scales", new[] { 1, 1, factor, factor }), ("mode", "nearest")),
            9 => Node("Upsample", [x, scales], ("mode", "nearest")),
            10 => Node("Resize", [x, scales], ("mode", "nearest")),
            _ => Node(
                "Resize",
                [x, Constant(Array.Empty<float>(), 0), scales],
                ("mode", "nearest"),
                ("coordinate_transformation_mode", "asymmetric"),
                ("nearest_mode", "floor")),
        };
    }
}
