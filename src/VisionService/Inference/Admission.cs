namespace VisionService.Inference;

/// <summary>
/// Who may wait for a model: bounded by count, by bytes, and by the time that the newcomer would wait. A refusal costs
/// no more than looking at a few numbers. Thread-safe.
/// </summary>
/// <param name="secondsPerItem">What one more item costs by the cost model, all runners together.</param>
internal sealed class Admission(string name, BatchingOptions options, Func<double> secondsPerItem, TimeProvider time)
{
    private const double Newest = 0.1;

    private readonly Lock _lock = new();
    private readonly int[] _waiting = new int[Enum.GetValues<PriorityClass>().Length];
    private long _bytes;

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
                return _waiting.Sum();
            }
        }
    }

    /// <summary>How long a newcomer would wait for its run.</summary>
    public TimeSpan PredictWait(PriorityClass newcomer = PriorityClass.Normal)
    {
        lock (_lock)
        {
            return Wait(newcomer);
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

            _waiting[(int)urgency.Class] += images;
            _bytes += bytes;
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
    public void Add(PriorityClass priority)
    {
        lock (_lock)
        {
            _waiting[(int)priority]++;
            Tell(1);
        }
    }

    /// <summary>Gives back a place, or what a request held in memory.</summary>
    public void Free(PriorityClass? priority, long bytes)
    {
        lock (_lock)
        {
            if (priority is { } place)
            {
                _waiting[(int)place]--;
                Tell(-1);
            }

            _bytes -= bytes;
        }
    }

    /// <summary>Learns from items that were answered how fast the queue moves.</summary>
    public void Observe(int items)
    {
        lock (_lock)
        {
            var now = time.GetTimestamp();
            if (_waiting.Sum() == 0)
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
        Telemetry.PredictedWait(name, _wait ??= () => Wait(PriorityClass.Normal));
    }

    private VisionException? Refusal(int images, long bytes, Urgency urgency)
    {
        var waiting = _waiting.Sum();
        var wait = Wait(urgency.Class);
        if (waiting + images > options.MaxQueueSize)
        {
            return Refuse(
                "count",
                $"{waiting} images wait for model '{name}' and {images} more came; its queue takes {options.MaxQueueSize} (MaxQueueSize).",
                wait);
        }

        if (_bytes + bytes > options.MaxQueueBytes && _bytes > 0)
        {
            return Refuse(
                "bytes",
                $"Requests of {_bytes} bytes wait for model '{name}' and {bytes} more came; its queue takes {options.MaxQueueBytes} (MaxQueueBytes).",
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

    private TimeSpan Wait(PriorityClass newcomer)
    {
        var ahead = 0;
        for (var priority = (int)newcomer; priority < _waiting.Length; priority++)
        {
            ahead += _waiting[priority];
        }

        return ahead == 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(ahead * (_interval > 0 ? _interval : secondsPerItem()));
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
