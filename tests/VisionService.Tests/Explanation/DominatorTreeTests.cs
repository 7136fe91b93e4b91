using OnnxGraph;
using VisionService.Explanation;

namespace VisionService.Tests.Explanation;

public class DominatorTreeTests
{
    [Fact]
    public void In_a_chain_everything_depends_on_all_before_it() =>
        Assert.Equal(["b", "a", "x"], Tree(("a", "x"), ("b", "a"), ("c", "b")).Above(["c"]));

    [Fact]
    public void A_branch_that_joins_again_is_left_out() =>
        Assert.Equal(["a", "x"], Tree(("a", "x"), ("left", "a"), ("right", "a"), ("sum", "left right")).Above(["sum"]));

    [Fact]
    public void A_skip_around_everything_leaves_the_image() =>
        Assert.Equal(["x"], Tree(("a", "x"), ("b", "a"), ("sum", "x b")).Above(["sum"]));

    [Fact]
    public void Several_values_have_what_all_of_them_depend_on() =>
        Assert.Equal(["a", "x"], Tree(("a", "x"), ("b", "a"), ("c", "b"), ("d", "a")).Above(["c", "d"]));

    [Fact]
    public void A_value_and_one_behind_it_have_the_first_in_common() =>
        Assert.Equal(["a", "x"], Tree(("a", "x"), ("b", "a")).Above(["a", "b"]));

    [Fact]
    public void Constants_have_no_part_in_it()
    {
        var tree = Tree(("scale", "weights"), ("a", "x scale"));
        Assert.Equal(["x"], tree.Above(["a"]));
        Assert.False(tree.Contains("scale"));
    }

    [Fact]
    public void What_does_not_carry_content_ends_the_way()
    {
        var nodes = new[] { new Node("Shape", ["x"], ["shape"]), new Node("Expand", ["constant", "shape"], ["zeros"]) };
        Assert.False(new DominatorTree(nodes, "x", node => !node.Is("Shape")).Contains("zeros"));
    }

    private static DominatorTree Tree(params (string Output, string Inputs)[] nodes) =>
        new(nodes.Select(node => new Node("Op", node.Inputs.Split(' '), [node.Output])), "x", static _ => true);
}
