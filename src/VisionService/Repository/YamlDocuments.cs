using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace VisionService.Repository;

/// <summary>Reads YAML texts of bounded depth.</summary>
internal static class YamlDocuments
{
    // YamlDotNet goes down by calling itself: a text of brackets alone would end the process.
    private const int MaxDepth = 64;

    /// <param name="file">Shown in messages.</param>
    /// <exception cref="ModelLoadException">The text is no YAML, or goes too deep.</exception>
    public static IList<YamlDocument> Load(string text, string file)
    {
        try
        {
            var parser = new Parser(new StringReader(text));
            for (var depth = 0; parser.MoveNext();)
            {
                depth += parser.Current!.NestingIncrease;
                if (depth > MaxDepth)
                {
                    throw new ModelLoadException(
                        $"{file}, line {parser.Current.Start.Line}: more than {MaxDepth} levels.");
                }
            }

            var stream = new YamlStream();
            stream.Load(new StringReader(text));
            return stream.Documents;
        }
        catch (YamlException exception)
        {
            throw new ModelLoadException($"{file}, line {exception.Start.Line}: {exception.Message}", exception);
        }
        catch (ArgumentException exception)
        {
            // YamlDotNet, of an end where a value should be.
            throw new ModelLoadException($"{file} cannot be read as YAML: {exception.Message}", exception);
        }
    }
}
