using OnnxGraph.Autodiff;

namespace OnnxGraph.Tests.Autodiff;

public sealed class GradientCheckTests
{
    // Their gradient is one by convention, not by calculus; QuantizationTests has examples.
    private static readonly string[] StraightThrough = ["QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "ConvInteger", "MatMulInteger"];

    [Fact]
    public void Every_operator_of_the_rule_table_has_a_case() => Assert.Empty(
        VjpRules.Operators.Except(StraightThrough).Except(GradientCases.All.Select(gradientCase => gradientCase.Operator)));

    public static TheoryData<string, string, int> Cases() =>
        [.. GradientCases.All.SelectMany(it => it.Opsets.Select(opset => (it.Operator, it.Form, opset)))];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Gradients_are_those_of_finite_differences(string op, string form, int opset)
    {
        var gradientCase = GradientCases.All.Single(it => it.Operator == op && it.Form == form);
        GradientCheck.Run(gradientCase.Graph(opset, isBatchFree: false), gradientCase);
        if (gradientCase.IsBatchFree)
        {
            var differentiated = GradientCheck.Run(gradientCase.Graph(opset, isBatchFree: true), gradientCase);
            Assert.True(differentiated.IsBatchFree);
        }
    }
}
