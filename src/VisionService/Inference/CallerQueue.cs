namespace VisionService.Inference;

/// <summary>
/// The waiting items of one class. Callers take turns, who has used least first; a caller's own items are in the order
/// of their keys, then of their coming. Not thread-safe.
/// </summary>
internal sealed class CallerQueue<T>
{
    // Callers with nothing queued are forgotten before they are this many more than those that wait.
    private const int MostIdle = 16;

    // Nearly always the only one, so it has its account for good.
    private readonly Account _anonymous = new();
    private readonly Dictionary<object, Account> _named = new(ReferenceEqualityComparer.Instance);
    private readonly SortedSet<Account> _waiting = new(Turns.Instance);
    private readonly FairClock _clock = new();
    private long _joined;

    public bool IsEmpty => _waiting.Count == 0;

    /// <summary>Callers of which something is kept, besides the anonymous one.</summary>
    public int Known => _named.Count;

    /// <summary>Adds an item for the caller, null for the anonymous one.</summary>
    public FairQueue<T>.Entry Add(object? caller, T item, PriorityClass priority, long key, long sequence)
    {
        var account = AccountOf(caller);
        var entry = new FairQueue<T>.Entry(item, priority, key, sequence, account);
        account.Items.Add(entry);
        if (account.Items.Count == 1)
        {
            _clock.Join(account);
            account.Joined = _joined++;
            _waiting.Add(account);
        }

        return entry;
    }

    public bool Remove(FairQueue<T>.Entry entry)
    {
        var account = entry.Account;
        if (!account.Items.Remove(entry))
        {
            return false;
        }

        if (account.Items.Count == 0)
        {
            _waiting.Remove(account);
            if (_waiting.Count == 0 || _named.Count > (2 * _waiting.Count) + MostIdle)
            {
                Forget();
            }
        }

        return true;
    }

    /// <summary>All items: one of each caller in the order of their turns, then the next of each, so that a batch is
    /// shared by those that wait.</summary>
    public IEnumerable<FairQueue<T>.Entry> InTurn()
    {
        if (_waiting.Count == 1)
        {
            foreach (var entry in _waiting.Min!.Items)
            {
                yield return entry;
            }

            yield break;
        }

        var further = new Queue<IEnumerator<FairQueue<T>.Entry>>();
        foreach (var account in _waiting)
        {
            var items = account.Items.GetEnumerator();
            if (items.MoveNext())
            {
                yield return items.Current;
                further.Enqueue(items);
            }
        }

        while (further.TryDequeue(out var items))
        {
            if (items.MoveNext())
            {
                yield return items.Current;
                further.Enqueue(items);
            }
        }
    }

    /// <summary>Puts the cost of a service on the account of the item's caller.</summary>
    public void Charge(FairQueue<T>.Entry entry, double cost)
    {
        var moves = _waiting.Count > 1 && _waiting.Remove(entry.Account);
        _clock.Charge(entry.Account, cost);
        if (moves)
        {
            _waiting.Add(entry.Account);
        }
    }

    private Account AccountOf(object? caller)
    {
        if (caller is null)
        {
            return _anonymous;
        }

        if (!_named.TryGetValue(caller, out var account))
        {
            _named.Add(caller, account = new Account());
        }

        return account;
    }

    /// <summary>Closes the accounts of all that have nothing queued.</summary>
    private void Forget()
    {
        foreach (var (caller, account) in _named)
        {
            if (account.Items.Count == 0)
            {
                _clock.Close(account);
                _named.Remove(caller);
            }
        }
    }

    internal sealed class Account() : FairClock.Account(weight: 1)
    {
        /// <summary>Its place among those that have used as much.</summary>
        public long Joined { get; set; }

        public SortedSet<FairQueue<T>.Entry> Items { get; } = new(Order.Instance);
    }

    private sealed class Turns : IComparer<Account>
    {
        public static readonly Turns Instance = new();

        public int Compare(Account? x, Account? y)
        {
            var byUse = x!.Used.CompareTo(y!.Used);
            return byUse != 0 ? byUse : x.Joined.CompareTo(y.Joined);
        }
    }

    private sealed class Order : IComparer<FairQueue<T>.Entry>
    {
        public static readonly Order Instance = new();

        public int Compare(FairQueue<T>.Entry? x, FairQueue<T>.Entry? y)
        {
            var byKey = x!.Key.CompareTo(y!.Key);
            return byKey != 0 ? byKey : x.Sequence.CompareTo(y.Sequence);
        }
    }
}
