using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace OnnxGraph;

/// <summary>Opens a file that a model names, and only a plain file inside the model's folder.</summary>
/// <remarks>A model may come from anyone: a path that leaves the folder, or a link, could make any file of the machine
/// readable
/// through the model's answers.</remarks>
internal static class ExternalFile
{
    public static FileStream Open(string folder, string location, string tensor)
    {
        var parts = location.Split('/', '\\');
        var leads = Path.IsPathRooted(location) || parts.Contains("..") || location.AsSpan().ContainsAny(':', '\0');
        if (location == "" || leads)
        {
            throw new OnnxGraphException(
                $"The tensor '{tensor}' names the external file '{location}': "
                + "only files below the model's folder are allowed.");
        }

        var path = folder;
        foreach (var part in parts.Where(part => part is not ("" or ".")))
        {
            path = Path.Combine(path, part);
            if (new FileInfo(path).LinkTarget is not null)
            {
                throw new OnnxGraphException(
                    $"The tensor '{tensor}' names the external file '{location}', and '{part}' is a symbolic link: "
                    + "links are refused, put the file itself beside the model.");
            }
        }

        if (!File.Exists(path))
        {
            throw new OnnxGraphException(
                $"The tensor '{tensor}' lies in the external file '{location}', which is missing beside the model.");
        }

        // A pipe would wait for a writer, and a device may never end.
        if (new FileInfo(path).Length == 0)
        {
            throw new OnnxGraphException(
                $"The tensor '{tensor}' lies in the external file '{location}', which is empty, or no plain file.");
        }

        if (CountLinks(path) > 1)
        {
            throw new OnnxGraphException(
                $"The tensor '{tensor}' names the external file '{location}', which has several names (hard links): "
                + "links are refused, put a copy beside the model.");
        }

        return File.OpenRead(path);
    }

    /// <summary>How many names a file has, on Linux; 1 elsewhere, where there is no such portable question.</summary>
    private static int CountLinks(string path)
    {
        const int CurrentFolder = -100, DoNotFollow = 0x100, LinkCount = 4, LinkCountOffset = 16;
        if (!OperatingSystem.IsLinux())
        {
            return 1;
        }

        // struct statx has the same layout on every architecture, which struct stat has not.
        var answer = new byte[256];
        return StatX(CurrentFolder, Encoding.UTF8.GetBytes(path + '\0'), DoNotFollow, LinkCount, answer) == 0
            ? BinaryPrimitives.ReadInt32LittleEndian(answer.AsSpan(LinkCountOffset))
            : 1;
    }

    [DllImport("libc", EntryPoint = "statx")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int StatX(int folder, byte[] path, int flags, uint mask, byte[] answer);
}
