using System.Globalization;
using YamlDotNet.RepresentationModel;

namespace VisionService.Tests.Deploy;

/// <summary>The YAML of the checkout, to be asked by paths such as <c>spec/template/spec/containers/0/ports</c>.</summary>
internal static class Yaml
{
    /// <summary>The documents of a file, by its path in the checkout.</summary>
    public static IReadOnlyList<YamlNode> Read(string file)
    {
        using var text = File.OpenText(Path.Combine(Checkout.Root, file));
        var stream = new YamlStream();
        stream.Load(text);
        return [.. stream.Documents.Select(static document => document.RootNode)];
    }

    public static YamlNode At(this YamlNode node, string path) => path.Split('/').Aggregate(
        node, static (current, step) => current is YamlSequenceNode list ? list[int.Parse(step, CultureInfo.InvariantCulture)] : current[step]);

    public static string Text(this YamlNode node, string path) => ((YamlScalarNode)node.At(path)).Value!;

    public static int Number(this YamlNode node, string path) => int.Parse(node.Text(path), CultureInfo.InvariantCulture);

    public static IEnumerable<YamlNode> List(this YamlNode node, string path) => (YamlSequenceNode)node.At(path);
}
