namespace VisionService.Inference;

/// <summary>
/// One image's right to be answered: its place among those that wait for a model, how urgent it is, and until when. All
/// work on its behalf names it. Given out by <see cref="Admission"/> before anything is decoded; disposed of when the
/// image is answered.
/// </summary>
internal sealed class Ticket : IDisposable
{
    private readonly Admission? _admission;
    private readonly long _bytes;
    private int _state = Waiting;
    private int _isPlaceTaken;

    private const int Waiting = 0;
    private const int Begun = 1;
    private const int Ended = 2;

    internal Ticket(Admission? admission, Urgency urgency, long bytes)
    {
        (_admission, Urgency, _bytes) = (admission, urgency, bytes);
    }

    public Urgency Urgency { get; }

    /// <summary>For work that nobody waits for at a terminal of ours, such as an evaluation's: it bounds itself.</summary>
    public static Ticket WithoutPlace() => new(null, Urgency.None, 0);

    /// <summary>Gives up the place in the queue: the image is being worked on.</summary>
    public void Begin()
    {
        if (Interlocked.CompareExchange(ref _state, Begun, Waiting) == Waiting)
        {
            _admission?.FreePlace(Urgency);
        }
    }

    /// <summary>Whether anything of it has reached the queue.</summary>
    public bool WasQueued => Volatile.Read(ref _isPlaceTaken) != 0 || Volatile.Read(ref _state) != Waiting;

    /// <summary>Claims the image's place for the item that waits in it: true once.</summary>
    public bool TakePlace() =>
        Volatile.Read(ref _state) == Waiting && Interlocked.Exchange(ref _isPlaceTaken, 1) == 0;

    public void Dispose()
    {
        Begin();
        if (Interlocked.Exchange(ref _state, Ended) != Ended)
        {
            _admission?.FreeBytes(Urgency, _bytes);
        }
    }
}

/// <summary>How urgent an image's work is, until when it makes sense, and on whose account it goes.</summary>
/// <param name="Deadline">A timestamp of the service's clock.</param>
/// <param name="Timeout">What the caller allowed in all, for the message.</param>
/// <param name="Caller">Who shares each model evenly with the other callers: the same object for all of a caller's
/// requests, as callers are told apart by reference. Null, the default: the anonymous caller, one for all.</param>
internal readonly record struct Urgency(
    PriorityClass Class, long Deadline, TimeSpan Timeout, object? Caller = null)
{
    public static Urgency None => new(PriorityClass.Normal, long.MaxValue, default);

    /// <param name="left">What is left of the timeout.</param>
    public static Urgency Within(
        TimeSpan left, TimeSpan timeout, PriorityClass priority, TimeProvider time, object? caller = null) =>
        new(priority, time.GetTimestamp() + (long)(left.TotalSeconds * time.TimestampFrequency), timeout, caller);

    /// <param name="priority">0, the default, to 1 (first).</param>
    public static PriorityClass ClassOf(double priority) => priority switch
    {
        < 1 / 3.0 => PriorityClass.Normal,
        < 2 / 3.0 => PriorityClass.Raised,
        _ => PriorityClass.Urgent,
    };

    /// <summary>What to say when the time is over.</summary>
    /// <param name="stage">Where the image was by then.</param>
    public VisionException Late(string stage) => new(
        VisionError.DeadlineExceeded,
        $"The answer was not there within {Timeout.TotalMilliseconds:F0} ms; the request was in stage '{stage}'.");
}
