namespace VisionService.Api.Access;

/// <summary>Who may call the service; section <c>Access</c>. Without keys anyone may ask models, and models are loaded and
/// unloaded from the machine itself alone.</summary>
internal sealed class AccessOptions
{
    /// <summary>A file with a key's line each, as <c>key create</c> writes them; empty lines and those from <c>#</c> on are
    /// skipped. Read again when it changes. Default none.</summary>
    public string? KeysFile { get; init; }

    /// <summary>More such lines, for whoever configures by environment: <c>Access__Keys__0</c>. Default none.</summary>
    public IList<string> Keys { get; } = [];

    /// <summary>Whether <c>/metrics</c> is for anyone, where there are keys. Default false.</summary>
    public bool OpenMetrics { get; init; }
}
