using System.Text;

namespace VisionService.Repository.SideFiles;

/// <summary>Reads the small texts beside a model: never one that lies elsewhere, never one without an end.</summary>
internal static class SideText
{
    /// <summary>For settings.</summary>
    public const int MaxBytes = 1 << 20;

    /// <summary>For labels, of which some models have tens of thousands.</summary>
    public const int MaxLabelBytes = 16 << 20;

    // As Linux' own limit for the links of one path.
    private const int MaxLinks = 40;

    /// <param name="folder">The model's own; a link that leads out of it is refused.</param>
    /// <exception cref="ModelLoadException">With the file's name: it lies elsewhere, is too large, or cannot be
    /// read.</exception>
    public static string Read(string path, string folder, int maxBytes = MaxBytes)
    {
        var file = Path.GetFileName(path);
        try
        {
            if (!IsInside(path, folder))
            {
                throw new ModelLoadException($"{file} is a link that leads out of the model's folder.");
            }

            // A pipe or a device has no length either, and opening one could wait for ever.
            var length = new FileInfo(path).Length;
            return length == 0 ? ""
                : length <= maxBytes ? ReadAtMost(path, (int)length)
                : throw new ModelLoadException($"{file} has {length} bytes; at most {maxBytes} are read.");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ModelLoadException($"{file} cannot be read: {exception.Message}", exception);
        }
    }

    /// <summary>Whether a path lies in a folder once every link on the way is followed.</summary>
    /// <exception cref="IOException">The links go round in circles.</exception>
    public static bool IsInside(string path, string folder)
    {
        var inside = Path.TrimEndingDirectorySeparator(Followed(folder)) + Path.DirectorySeparatorChar;
        return Followed(path).StartsWith(inside, StringComparison.Ordinal);
    }

    private static string ReadAtMost(string path, int maxBytes)
    {
        using var stream = File.OpenRead(path);
        var bytes = new byte[maxBytes];
        var count = stream.ReadAtLeast(bytes, maxBytes, throwOnEndOfStream: false);
        using var reader = new StreamReader(new MemoryStream(bytes, 0, count), Encoding.UTF8);
        return reader.ReadToEnd();
    }

    private static string Followed(string path)
    {
        var full = Path.GetFullPath(path);
        var links = 0;
        var followed = Path.GetPathRoot(full)!;
        var rest = new Stack<string>(Parts(full).AsEnumerable().Reverse());
        while (rest.TryPop(out var part))
        {
            var next = Path.GetFullPath(part, followed);
            if (new FileInfo(next).LinkTarget is not { } target)
            {
                followed = next;
                continue;
            }

            if (++links > MaxLinks)
            {
                throw new IOException($"'{Path.GetFileName(path)}' is a link that leads nowhere.");
            }

            // What the link says is followed from where it lies, part by part: it may pass links itself.
            if (Path.IsPathRooted(target))
            {
                followed = Path.GetPathRoot(target)!;
            }

            foreach (var step in Parts(target).AsEnumerable().Reverse())
            {
                rest.Push(step);
            }
        }

        return followed;
    }

    private static string[] Parts(string path) => path[Path.GetPathRoot(path)!.Length..]
        .Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries);
}
