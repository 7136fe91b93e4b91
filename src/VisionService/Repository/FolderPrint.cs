using System.Globalization;
using System.IO.Enumeration;
using System.Security.Cryptography;
using System.Text;

namespace VisionService.Repository;

/// <summary>What a model's place looks like from outside: the names, sizes and times of its files. Nothing is read that lies
/// elsewhere, and no more of a folder than a model can be.</summary>
internal static class FolderPrint
{
    /// <summary>Of a place where there is nothing.</summary>
    public const string Nothing = "";

    private const int MaxFiles = 10_000;

    // Names under which files are written before they are whole: wget, browsers, rsync and editors.
    private static readonly string[] Unfinished = [".part", ".partial", ".tmp", ".crdownload", ".download", ".filepart", "~"];

    private static readonly EnumerationOptions Deep = new()
    {
        RecurseSubdirectories = true,
        MaxRecursionDepth = 8,
        AttributesToSkip = FileAttributes.None,
        IgnoreInaccessible = true,
    };

    /// <summary>The places of models in a configured path; null where the path itself is not there: a network folder that is
    /// away for a moment has not lost its models.</summary>
    public static IReadOnlyList<string>? Places(string root)
    {
        try
        {
            return File.Exists(root) ? [root]
                : !Directory.Exists(root) ? null
                : ModelFiles.IsModel(root) ? [root]
                : [.. FolderLayout.OnnxFiles(root), .. FolderLayout.Folders(root)];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>What the place looks like; null where it changes while it is looked at.</summary>
    public static string? Of(string place)
    {
        try
        {
            var text = new StringBuilder();
            foreach (var file in Files(place))
            {
                var target = Followed(file);
                text.Append(CultureInfo.InvariantCulture, $"{file.FullName}|{(target.Exists ? target.Length : -1)}|{target.LastWriteTimeUtc.Ticks}\n");
            }

            return text.Length == 0 ? Nothing : Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Whether every file of the place seems to be there to its end: none has the name of one that is being written,
    /// all can be opened, and an ONNX file ends where its own lengths say.</summary>
    public static bool IsWhole(string place)
    {
        try
        {
            return Files(place).All(static file =>
                !Unfinished.Any(end => file.Name.EndsWith(end, StringComparison.OrdinalIgnoreCase)) && IsWhole(file));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>What a file is, or leads to: a link says nothing of that, and Kubernetes exchanges it.</summary>
    public static FileInfo Followed(FileInfo file) =>
        file.LinkTarget is null ? file : file.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? file;

    private static IEnumerable<FileInfo> Files(string place)
    {
        var beside = new DirectoryInfo(Path.GetDirectoryName(Path.GetFullPath(place))!);
        var files = Directory.Exists(place) ? FilesIn(place)
            : beside.Exists ? beside.EnumerateFiles($"{Path.GetFileNameWithoutExtension(place)}.*")
            : [];
        return files.Take(MaxFiles).OrderBy(static file => file.FullName, StringComparer.Ordinal);
    }

    // Folders that are links may lead anywhere, and round in circles.
    private static FileSystemEnumerable<FileInfo> FilesIn(string folder) =>
        new(folder, static (ref entry) => (FileInfo)entry.ToFileSystemInfo(), Deep)
        {
            ShouldIncludePredicate = static (ref entry) => !entry.IsDirectory,
            ShouldRecursePredicate = static (ref entry) => !entry.Attributes.HasFlag(FileAttributes.ReparsePoint),
        };

    private static bool IsWhole(FileInfo file)
    {
        // What is empty may be a pipe, and opening that could wait for ever.
        if (file.Length == 0)
        {
            return file.Extension != ".onnx";
        }

        using var stream = new FileStream(file.FullName, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        return file.Extension != ".onnx" || WholeOnnx.Is(stream);
    }
}
