namespace VisionService.Commands;

/// <summary>How far a long command is, on one line that rewrites itself; silent where the output is no
/// terminal.</summary>
internal sealed class ProgressBar(TextWriter output, int total)
{
    private const int Width = 40;
    private readonly bool _isShown = ReferenceEquals(output, Console.Error) && !Console.IsErrorRedirected;

    public void Show(int done)
    {
        if (_isShown)
        {
            var filled = total == 0 ? Width : done * Width / total;
            output.Write($"\r[{new string('#', filled)}{new string('.', Width - filled)}] {done}/{total}");
        }
    }

    public void End()
    {
        if (_isShown)
        {
            output.WriteLine();
        }
    }
}
