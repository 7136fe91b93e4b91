using VisionService.Inference;

namespace VisionService.Tests.Inference;

/// <summary>Which caller of a class is served next, and what is kept of those who went.</summary>
public sealed class CallerQueueTests
{
    private readonly CallerQueue<string> _queue = new();
    private readonly object _anna = new();
    private readonly object _bert = new();
    private readonly object _carl = new();
    private long _sequence;

    [Fact]
    public void A_lone_caller_has_its_items_in_the_order_of_their_keys()
    {
        Add(_anna, "late", 30);
        Add(_anna, "first", 10);
        Add(_anna, "second", 10);
        Add(_anna, "soon", 5);
        Assert.Equal(["soon", "first", "second", "late"], Turns());
    }

    [Fact]
    public void Callers_take_turns_and_each_has_its_own_most_urgent_first()
    {
        Add(null, "none 3", 3);
        Add(_anna, "anna 9", 9);
        Add(null, "none 1", 1);
        Add(null, "none 2", 2);
        Add(_anna, "anna 8", 8);
        Add(_bert, "bert 7", 7);
        Assert.Equal(["none 1", "anna 8", "bert 7", "none 2", "anna 9", "none 3"], Turns());
    }

    [Fact]
    public void Who_has_used_least_is_next()
    {
        Add(_anna, "anna", 0);
        Add(_bert, "bert", 0);
        Add(_carl, "carl", 0);
        _queue.Charge(_queue.InTurn().First(), 3);
        _queue.Charge(_queue.InTurn().First(), 1);
        _queue.Charge(_queue.InTurn().First(), 2);
        Assert.Equal(["bert", "carl", "anna"], Turns());
    }

    [Fact]
    public void Shares_are_of_cost_and_not_of_items()
    {
        // Each has one item at a time, so its account is empty with every service: no debt is forgiven for that.
        Add(_anna, "heavy", 0);
        Add(_bert, "light", 0);
        var heavy = 0;
        for (var turn = 0; turn < 1000; turn++)
        {
            var isHeavy = Serve(static item => item == "heavy" ? 4 : 1) == "heavy";
            heavy += isHeavy ? 1 : 0;
            Add(isHeavy ? _anna : _bert, isHeavy ? "heavy" : "light", 0);
        }

        Assert.InRange(heavy, 199, 201); // a fifth of the turns is half of the cost
    }

    [Fact]
    public void Who_was_away_saves_nothing_up()
    {
        // 1. Bert is there and goes; then Anna alone, for long.
        Add(_bert, "bert", 0);
        Add(_anna, "anna", 0);
        Serve(1);
        for (var turn = 0; turn < 10_000; turn++)
        {
            Add(_anna, "anna", 0);
            Serve(1);
        }

        // 2. Both have much to do: they share.
        var bert = 0;
        Enumerable.Range(0, 100).ToList().ForEach(_ => Add(_bert, "bert", 0));
        Enumerable.Range(0, 100).ToList().ForEach(_ => Add(_anna, "anna", 0));
        for (var turn = 0; turn < 100; turn++)
        {
            bert += Serve(1) == "bert" ? 1 : 0;
        }

        Assert.InRange(bert, 49, 51);
    }

    [Fact]
    public void Who_empties_its_queue_with_each_service_does_not_pass_the_one_that_waits()
    {
        // Anna's next item always comes before the turn is given.
        Add(_bert, "bert", 0);
        Add(_anna, "anna", 0);
        var bert = 0;
        for (var turn = 0; turn < 100; turn++)
        {
            var isBert = Serve(1) == "bert";
            bert += isBert ? 1 : 0;
            Add(isBert ? _bert : _anna, isBert ? "bert" : "anna", 0);
        }

        Assert.Equal(50, bert);
    }

    [Fact]
    public void However_many_come_and_go_who_stays_has_its_turn()
    {
        // Each other caller is new: its account is opened, emptied and forgotten while Anna waits.
        Add(_anna, "anna", 0);
        Add(new object(), "new", 0);
        var last = 0;
        for (var turn = 1; turn <= 10_000; turn++)
        {
            if (Serve(1) == "anna")
            {
                Assert.InRange(turn - last, 1, 64); // she waits until accounts are forgotten, twice at the most
                last = turn;
                Add(_anna, "anna", 0);
            }
            else
            {
                Add(new object(), "new", 0);
            }

            Assert.InRange(_queue.Known, 2, 64);
        }

        Assert.InRange(last, 9_900, 10_000);
    }

    [Fact]
    public void A_removed_item_costs_its_caller_nothing()
    {
        Add(_anna, "anna 1", 1);
        var gone = Add(_bert, "bert 1", 1);
        Add(_bert, "bert 2", 2);
        Assert.True(_queue.Remove(gone));
        Assert.False(_queue.Remove(gone));
        Serve(1);
        Add(_anna, "anna 2", 2);
        Assert.Equal(["bert 2", "anna 2"], Turns());
    }

    [Fact]
    public void Ten_thousand_callers_cost_ten_times_a_thousand_and_leave_nothing_behind()
    {
        Allocated(100); // compiles
        var thousand = Allocated(1_000);
        Assert.InRange(Allocated(10_000), 5 * thousand, 15 * thousand);
        Assert.True(_queue.IsEmpty);
        Assert.Equal(0, _queue.Known);
    }

    [Fact]
    public void A_batch_from_many_callers_looks_at_no_more_of_them_than_it_takes()
    {
        for (var caller = 0; caller < 10_000; caller++)
        {
            Add(new object(), "item", 0);
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal(8, _queue.InTurn().Take(8).Count());
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 16_384); // of 10 000: a million and more
    }

    [Fact]
    public void A_lone_caller_allocates_as_much_as_its_items()
    {
        Add(null, "item", 0);
        Serve(1);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var item = 0; item < 1000; item++)
        {
            _queue.Remove(_queue.Add(null, "item", PriorityClass.Normal, 0, _sequence++));
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1000 * 256); // entries and nodes
    }

    private FairQueue<string>.Entry Add(object? caller, string item, long key) =>
        _queue.Add(caller, item, PriorityClass.Normal, key, _sequence++);

    private string[] Turns() => [.. _queue.InTurn().Select(static entry => entry.Item)];

    private string Serve(double cost) => Serve(_ => cost);

    /// <summary>Takes the next item out, at that cost.</summary>
    private string Serve(Func<string, double> cost)
    {
        var next = _queue.InTurn().First();
        _queue.Charge(next, cost(next.Item));
        _queue.Remove(next);
        return next.Item;
    }

    /// <summary>Bytes that it takes to serve so many callers, one item each.</summary>
    private long Allocated(int callers)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var caller = 0; caller < callers; caller++)
        {
            Add(new object(), "item", 0);
        }

        Assert.Equal(callers, _queue.Known);
        while (!_queue.IsEmpty)
        {
            Serve(1);
        }

        return GC.GetAllocatedBytesForCurrentThread() - before;
    }
}
