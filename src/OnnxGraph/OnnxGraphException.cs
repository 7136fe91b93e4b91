namespace OnnxGraph;

/// <summary>A model cannot be read, or cannot be changed as asked; the message tells a person why and what to
/// do.</summary>
public sealed class OnnxGraphException : Exception
{
    /// <summary>Creates the exception without a reason; prefer the other constructors.</summary>
    public OnnxGraphException()
    {
    }

    /// <summary>Creates the exception with a reason that a person understands.</summary>
    public OnnxGraphException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception with a reason and the error that led to it.</summary>
    public OnnxGraphException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
