using OnnxGraph;

namespace VisionService.Explanation;

/// <summary>
/// Which values a value depends on altogether: a value's parent is the last one through which every way from the image
/// to it leads. Branches that only gate or skip have no part in that chain.
/// </summary>
/// <remarks>Cooper, Harvey and Kennedy 2001, which for a graph without cycles is one pass.</remarks>
internal sealed class DominatorTree
{
    private readonly Dictionary<string, (string? Parent, int Depth)> _values = [];

    /// <param name="nodes">Each behind those that it reads from.</param>
    /// <param name="image">The graph's input, the root.</param>
    /// <param name="carriesContent">Whether what a node writes depends on the elements it reads, not just their
    /// shape.</param>
    public DominatorTree(IEnumerable<Node> nodes, string image, Func<Node, bool> carriesContent)
    {
        _values[image] = (null, 0);
        foreach (var node in nodes.Where(carriesContent))
        {
            if (Meet(node.Inputs.Concat(node.Captures).Where(_values.ContainsKey)) is { } parent)
            {
                foreach (var output in node.Outputs.Where(output => output != ""))
                {
                    _values[output] = (parent, _values[parent].Depth + 1);
                }
            }
        }
    }

    /// <summary>Whether the value depends on what the image shows.</summary>
    public bool Contains(string value) => _values.ContainsKey(value);

    /// <summary>What lies between the image and all of these values, the last first, the image itself at the
    /// end.</summary>
    public IEnumerable<string> Above(IEnumerable<string> values)
    {
        var known = values.Where(_values.ContainsKey).ToArray();
        var next = known.Length == 1 ? _values[known[0]].Parent : Meet(known);
        while (next is not null)
        {
            yield return next;
            next = _values[next].Parent;
        }
    }

    private string? Meet(IEnumerable<string> values)
    {
        string? meeting = null;
        foreach (var value in values)
        {
            meeting = meeting is null ? value : Meet(meeting, value);
        }

        return meeting;
    }

    private string Meet(string a, string b)
    {
        while (a != b)
        {
            if (_values[a].Depth >= _values[b].Depth)
            {
                a = _values[a].Parent!;
            }
            else
            {
                b = _values[b].Parent!;
            }
        }

        return a;
    }
}
