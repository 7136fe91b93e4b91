namespace VisionService.Repository;

/// <summary>Why a model cannot be served, in words for the person who put it into the folder.</summary>
internal sealed class ModelLoadException(string message, Exception? inner = null)
    : Exception(message.Length <= MaxLength ? message : $"{message[..MaxLength]}...", inner)
{
    // A file may hold names of any length, which end up in messages.
    private const int MaxLength = 4000;
}
