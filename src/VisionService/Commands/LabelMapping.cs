using System.Globalization;
using VisionService.Inference;
using VisionService.Repository;

namespace VisionService.Commands;

/// <summary>How the numbers of label maps and the classes of a model are compared.</summary>
internal static class LabelMapping
{
    private const int Labels = 256;
    private const string Others = "*";

    /// <summary>The class id of each label; null: void, its pixels do not count.</summary>
    /// <param name="text"><c>3=road,*=background</c>: labels and classes, by name or id; labels not named are void, or
    /// what <c>*</c> says. Null: labels are class ids.</param>
    /// <param name="voidLabel">Void unless the text itself names it.</param>
    /// <exception cref="ModelLoadException">The text is of another form.</exception>
    /// <exception cref="VisionException">The model has no such class.</exception>
    public static int?[] ClassOf(string? text, LabelList labels, int voidLabel)
    {
        var classOf = new int?[Labels];
        if (text is null)
        {
            for (var label = 0; label < Math.Min(Labels, labels.Count); label++)
            {
                classOf[label] = label == voidLabel ? null : label;
            }

            return classOf;
        }

        var pairs = Pairs("--map", text);
        if (pairs.TryGetValue(Others, out var other))
        {
            Array.Fill(classOf, ClassId(other, labels));
            classOf[voidLabel] = null;
        }

        foreach (var (label, name) in pairs.Where(static pair => pair.Key != Others))
        {
            var value = byte.TryParse(label, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                ? number
                : throw new ModelLoadException($"--map: '{label}' is no label; it is 0 to 255, or * for the others.");
            classOf[value] = ClassId(name, labels);
        }

        return classOf;
    }

    /// <summary>The class that each predicted class counts as.</summary>
    /// <param name="text"><c>mark=road</c>: classes by name or id. Null: each as itself.</param>
    /// <exception cref="ModelLoadException">The text is of another form.</exception>
    /// <exception cref="VisionException">The model has no such class.</exception>
    public static ushort[] CountsAs(string? text, LabelList labels)
    {
        ushort[] countsAs = [.. Enumerable.Range(0, labels.Count).Select(static id => (ushort)id)];
        foreach (var (predicted, counted) in text is null ? [] : Pairs("--merge", text))
        {
            countsAs[ClassId(predicted, labels)] = (ushort)ClassId(counted, labels);
        }

        return countsAs;
    }

    private static Dictionary<string, string> Pairs(string option, string text)
    {
        var pairs = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            if (part.Split('=', 2, StringSplitOptions.TrimEntries) is not [{ Length: > 0 } from, { Length: > 0 } to])
            {
                var example = option == "--map" ? "3=road" : "mark=road";
                throw new ModelLoadException($"{option}: '{part}' is no pair such as {example}.");
            }

            if (!pairs.TryAdd(from, to))
            {
                throw new ModelLoadException($"{option}: '{from}' is given more than once.");
            }
        }

        return pairs;
    }

    private static int ClassId(string text, LabelList labels) => labels.Resolve([text]).Single();
}
