using Microsoft.ML.OnnxRuntime;

namespace OnnxGraph.Tests;

public class ClassIdsTests
{
    // Three classes at two places: the best are 2 and, of the equal ones, 0.
    private static readonly float[] Scores = [1, 5, 2, 5, 3, 5];

    [Theory]
    [InlineData(ElementType.Float, 13)]
    [InlineData(ElementType.Float, 8)]
    [InlineData(ElementType.Float16, 13)]
    public void The_best_class_of_each_place_is_a_byte_and_the_lower_one_wins_a_tie(ElementType type, int opset)
    {
        var g = new GraphBuilder(opset);
        var x = g.Input("x", ElementType.Float, 1, 3, 1, 2);
        g.Output("scores", g.Node("Cast", [x], ("to", (long)type)), type, "N", 3, 1, 2);
        var graph = g.Build();
        ClassIds.Fuse(graph, "scores", axis: 1);

        var output = Assert.Single(graph.Outputs);
        Assert.Equal(("scores", ElementType.UInt8, 3), (output.Name, output.Type, output.Shape!.Count));
        using var session = new InferenceSession(graph.ToBytes());
        using var input = OrtValue.CreateTensorValueFromMemory(Scores, [1, 3, 1, 2]);
        using var run = session.Run(new RunOptions(), ["x"], [input], ["scores"]);
        Assert.Equal([2, 0], run[0].GetTensorDataAsSpan<byte>().ToArray());
        Assert.Equal([1, 1, 2], run[0].GetTensorTypeAndShape().Shape);
    }

    [Theory]
    [InlineData("y", 1, "The graph has no output 'y'.")]
    [InlineData("scores", 4, "has no axis 4")]
    [InlineData("scores", 1, "has no axis 1 of at most 256 classes")]
    public void What_a_byte_cannot_count_is_refused(string output, int axis, string reason)
    {
        var g = new GraphBuilder();
        g.Output("scores", g.Relu(g.Input("x", ElementType.Float, 1, 300, 2, 2)), ElementType.Float, 1, 300, 2, 2);
        Assert.Contains(reason, Assert.Throws<OnnxGraphException>(() => ClassIds.Fuse(g.Build(), output, axis)).Message);
    }
}
