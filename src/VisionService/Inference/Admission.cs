namespace VisionService.Inference;

/// <summary>
/// Who may wait for a model: bounded by count, by bytes, and by the time that the newcomer would wait. A refusal costs
/// no more than looking at a few numbers. Thread-safe.
/// </summary>
/// <remarks>
/// A lone caller may fill the queue. Where several hold something in it, each has an even share of the bounds: a full
/// queue still takes requests of those below their share, and one of whoever holds nothing, up to as much again as the
/// bound; who is above its share waits until the queue has sunk below the bound. Nobody is refused for the wait of
/// others: a newcomer's is that of its own turn.
/// </remarks>
/// <param name="secondsPerItem">What one more item costs by the cost model, all runners together.</param>
internal sealed class Admission(string name, BatchingOptions options, Func<double> secondsPerItem, TimeProvider time)
{
    private const double Newest = 0.1;

    private readonly Lock _lock = new();
    private readonly Holdings _holdings = new();

    // While work is waiting, what an item takes is what lies between answers: that holds whatever else uses the machine.
    private long? _lastAnswer;
    private double _interval;

    private Func<TimeSpan>? _wait;

    /// <summary>Images and further items that wait, decoded or not; those in a run are not counted.</summary>
    public int Waiting
    {
        get
        {
            lock (_lock)
            {
                return _holdings.All.Images;
            }
        }
    }

    /// <summary>Callers that hold a place, or memory.</summary>
    public int Callers
    {
        get
        {
            lock (_lock)
            {
                return _holdings.Callers;
            }
        }
    }

    /// <summary>How long a newcomer would wait for its run if all that is there went first.</summary>
    public TimeSpan PredictWait(PriorityClass newcomer = PriorityClass.Normal)
    {
        lock (_lock)
        {
            return Wait(newcomer, _holdings.All.In(newcomer));
        }
    }

    /// <summary>Takes places for the images of a request, all or none.</summary>
    /// <param name="bytes">What the request holds in memory until it is answered.</param>
    /// <param name="refusal">Why not; not thrown here, where it may happen thousands of times a second.</param>
    public Ticket[]? TryAdmit(int images, long bytes, Urgency urgency, out VisionException? refusal)
    {
        lock (_lock)
        {
            refusal = Refusal(images, bytes, urgency);
            if (refusal is not null)
            {
                return null;
            }

            _holdings.Change(urgency.Caller, urgency.Class, images, images, bytes);
            Tell(images);
        }

        var tickets = new Ticket[images];
        for (var i = 0; i < images; i++)
        {
            tickets[i] = new Ticket(this, urgency, i == 0 ? bytes : 0);
        }

        return tickets;
    }

    /// <summary>Whether such a request would be refused now, and why; takes no place.</summary>
    public VisionException? RefusalOf(int images, long bytes, Urgency urgency)
    {
        lock (_lock)
        {
            return Refusal(images, bytes, urgency);
        }
    }

    /// <summary>An item that waits beside its ticket's own place, such as a tile's.</summary>
    public void Add(PriorityClass priority, object? caller)
    {
        lock (_lock)
        {
            _holdings.Change(caller, priority, images: 1);
            Tell(1);
        }
    }

    /// <summary>Such an item waits no longer.</summary>
    public void Remove(PriorityClass priority, object? caller)
    {
        lock (_lock)
        {
            _holdings.Change(caller, priority, images: -1);
            Tell(-1);
        }
    }

    /// <summary>Gives back a place.</summary>
    public void FreePlace(Urgency urgency)
    {
        lock (_lock)
        {
            _holdings.Change(urgency.Caller, urgency.Class, images: -1, places: -1);
            Tell(-1);
        }
    }

    /// <summary>Gives back what a request held in memory.</summary>
    public void FreeBytes(Urgency urgency, long bytes)
    {
        lock (_lock)
        {
            _holdings.Change(urgency.Caller, urgency.Class, bytes: -bytes);
        }
    }

    /// <summary>Learns from items that were answered how fast the queue moves.</summary>
    public void Observe(int items)
    {
        lock (_lock)
        {
            var now = time.GetTimestamp();
            if (_holdings.All.Images == 0)
            {
                _lastAnswer = null;
                _interval = 0;
                return;
            }

            if (_lastAnswer is { } last)
            {
                var each = time.GetElapsedTime(last, now).TotalSeconds / items;
                _interval = _interval == 0 ? each : _interval + (Math.Min(1, Newest * items) * (each - _interval));
            }

            _lastAnswer = now;
        }
    }

    // Under the lock, so that the last value told is the last one there was.
    private void Tell(int change)
    {
        Telemetry.Queued(name, change);
        Telemetry.PredictedWait(name, _wait ??= () => PredictWait());
    }

    private VisionException? Refusal(int images, long bytes, Urgency urgency)
    {
        var all = _holdings.All;
        var own = _holdings.Of(urgency.Caller);
        var wait = Wait(urgency.Class, AheadInTurn(urgency.Class, own));
        var callers = _holdings.Callers + (own?.IsEmpty ?? true ? 1 : 0);
        if (all.Images + images > options.MaxQueueSize
            && !IsOwed(images, own?.Images ?? 0, all.Places, options.MaxQueueSize, callers))
        {
            return Refuse(
                "count",
                $"{all.Images} images wait for model '{name}' and {images} more came; its queue takes {options.MaxQueueSize} (MaxQueueSize).",
                wait);
        }

        if (all.Bytes + bytes > options.MaxQueueBytes && all.Bytes > 0
            && !IsOwed(bytes, own?.Bytes ?? 0, all.Bytes, options.MaxQueueBytes, callers))
        {
            return Refuse(
                "bytes",
                $"Requests of {all.Bytes} bytes wait for model '{name}' and {bytes} more came; its queue takes {options.MaxQueueBytes} (MaxQueueBytes).",
                wait);
        }

        if (wait > options.MaxQueueWait)
        {
            return Refuse(
                "wait",
                $"An image would wait {wait.TotalMilliseconds:F0} ms for model '{name}'; its queue takes {options.MaxQueueWait.TotalMilliseconds:F0} ms (MaxQueueWait).",
                wait);
        }

        return wait > TimeSpan.Zero && IsLate(urgency, wait)
            ? Refuse(
                "deadline",
                $"An image would wait {wait.TotalMilliseconds:F0} ms for model '{name}', longer than the request has left of its {urgency.Timeout.TotalMilliseconds:F0} ms.",
                wait)
            : null;
    }

    /// <summary>Whether a full queue owes its caller room: it asks for no more than its share or, while it holds
    /// nothing, for one request; and the queue is not yet twice full.</summary>
    private static bool IsOwed(long asked, long held, long admitted, long bound, int callers) =>
        callers > 1 && held + asked <= (held == 0 ? bound : bound / callers) && admitted + asked - bound <= bound;

    /// <summary>What of its class goes before a caller's next image if each of the others has one more served than the
    /// caller has waiting: the most that turns allow.</summary>
    private int AheadInTurn(PriorityClass priority, Holdings.Holding? own)
    {
        var mine = own?.In(priority) ?? 0;
        var others = _holdings.CallersOf(priority) - (mine > 0 ? 1 : 0);
        return (int)Math.Min(_holdings.All.In(priority), mine + (others * (mine + 1L)));
    }

    /// <summary>The wait behind so many of the class, and behind all that is more urgent.</summary>
    private TimeSpan Wait(PriorityClass priority, int ahead)
    {
        for (var higher = priority + 1; higher <= PriorityClass.Urgent; higher++)
        {
            ahead += _holdings.All.In(higher);
        }

        return ahead == 0
            ? TimeSpan.Zero
            : TimeSpan.FromSeconds(ahead * (_interval > 0 ? _interval : secondsPerItem()));
    }

    private bool IsLate(Urgency urgency, TimeSpan wait) =>
        urgency.Deadline != long.MaxValue && time.GetElapsedTime(time.GetTimestamp(), urgency.Deadline) < wait;

    private VisionException Refuse(string reason, string message, TimeSpan wait)
    {
        Telemetry.Rejected(name, reason);
        return new VisionException(VisionError.Overloaded, message)
        {
            RetryAfter = wait > TimeSpan.FromSeconds(1) ? wait : TimeSpan.FromSeconds(1),
        };
    }
}
