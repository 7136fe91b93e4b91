using OnnxGraph.Proto;

namespace OnnxGraph;

public sealed partial class Node
{
    /// <summary>Names of the attributes that the node has.</summary>
    public IEnumerable<string> Attributes => Proto.Attribute.Select(attribute => attribute.Name);

    /// <summary>Whether the node has the attribute.</summary>
    public bool Has(string attribute) => Find(attribute) is not null;

    /// <summary>An integer attribute.</summary>
    /// <param name="attribute">The attribute's name.</param>
    /// <param name="absent">The operator's default, returned where the node does not have the attribute.</param>
    public long Int(string attribute, long absent = 0) => Find(attribute)?.I ?? absent;

    /// <summary>A float attribute.</summary>
    /// <inheritdoc cref="Int" path="/param"/>
    public float Float(string attribute, float absent = 0) => Find(attribute)?.F ?? absent;

    /// <summary>A text attribute.</summary>
    /// <inheritdoc cref="Int" path="/param"/>
    public string Text(string attribute, string absent = "") => Find(attribute)?.S.ToStringUtf8() ?? absent;

    /// <summary>A list of integers; null where the node does not have the attribute.</summary>
    public IReadOnlyList<long>? Ints(string attribute) => Find(attribute)?.Ints;

    /// <summary>A list of floats; null where the node does not have the attribute.</summary>
    public IReadOnlyList<float>? Floats(string attribute) => Find(attribute)?.Floats;

    /// <summary>A list of texts; null where the node does not have the attribute.</summary>
    public IReadOnlyList<string>? Texts(string attribute) =>
        Find(attribute)?.Strings.Select(text => text.ToStringUtf8()).ToArray();

    /// <summary>A tensor; null where the node does not have the attribute.</summary>
    public Tensor? Tensor(string attribute) => Find(attribute)?.T is { } tensor ? new(tensor) : null;

    /// <summary>Gives the node an attribute, in the place of one of the same name.</summary>
    public void Set(string attribute, AttributeValue value)
    {
        Graph?.Forget(this);
        var proto = value.Named(attribute);
        var index = Proto.Attribute.ToList().FindIndex(other => other.Name == attribute);
        if (index < 0)
        {
            Proto.Attribute.Add(proto);
        }
        else
        {
            Proto.Attribute[index] = proto;
        }

        ReadCaptures();
        Graph?.Learn(this);
    }

    /// <summary>Takes an attribute away and says whether the node had it.</summary>
    public bool Unset(string attribute)
    {
        Graph?.Forget(this);
        var had = Find(attribute) is { } found && Proto.Attribute.Remove(found);
        ReadCaptures();
        Graph?.Learn(this);
        return had;
    }

    private AttributeProto? Find(string name) => Proto.Attribute.FirstOrDefault(attribute => attribute.Name == name);

    private void ReadCaptures()
    {
        _captures.Clear();
        _captures.UnionWith(Bodies.CapturesOf(Proto));
    }
}
