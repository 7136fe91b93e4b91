namespace VisionService.Repository;

/// <summary>Why a model cannot be served, in words for the person who put it into the folder.</summary>
internal sealed class ModelLoadException(string message, Exception? inner = null) : Exception(message, inner);
