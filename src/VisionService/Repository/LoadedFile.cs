namespace VisionService.Repository;

/// <summary>The graph of a loaded model where it lies. It is opened again for tensors and explanations, long after it was
/// loaded: only while it is the same, since another graph's answers would pass for this model's.</summary>
internal sealed class LoadedFile
{
    private readonly string _model;
    private readonly string _path;
    private readonly (long Length, DateTime Written) _stamp;

    /// <summary>Takes note of a file that is about to be loaded.</summary>
    public LoadedFile(string model, string path) => (_model, _path, _stamp) = (model, path, StampOf(path));

    /// <summary>Where it lies.</summary>
    /// <exception cref="VisionException">Something else lies there by now.</exception>
    public string Path => StampOf(_path) == _stamp ? _path : throw new VisionException(
        VisionError.InferenceFailed, $"The file of model '{_model}' is not the one that was loaded; load the model again.");

    private static (long Length, DateTime Written) StampOf(string path)
    {
        var file = FolderPrint.Followed(new FileInfo(path));
        return file.Exists ? (file.Length, file.LastWriteTimeUtc) : default;
    }
}
