using VisionService.Inference;

namespace VisionService.Tests.Inference;

/// <summary>Who is served next, by key, class and what each class has had.</summary>
public sealed class FairQueueTests
{
    private readonly FairQueue<string> _queue = new();

    [Fact]
    public void Within_a_class_the_smallest_key_is_first_and_then_who_came_first()
    {
        Add("late", 30);
        Add("first", 10);
        Add("second", 10);
        Add("soon", 5);
        Assert.Equal(["soon", "first", "second", "late"], Turns());
    }

    [Fact]
    public void The_higher_class_is_first_whatever_the_keys()
    {
        Add("normal", 1);
        Add("background", 0, PriorityClass.Background);
        Add("urgent", 99, PriorityClass.Urgent);
        Add("raised", 50, PriorityClass.Raised);
        Assert.Equal(PriorityClass.Urgent, _queue.Next);
        Assert.Equal(["urgent", "raised", "normal", "background"], Turns());
    }

    [Fact]
    public void Classes_that_are_always_waiting_are_served_by_weight_and_the_lowest_too()
    {
        var classes = Enum.GetValues<PriorityClass>();
        Array.ForEach(classes, waiting => Add("always", 0, waiting));
        var served = classes.ToDictionary(priority => priority, _ => 0);
        for (var turn = 0; turn < 100 * (1 + 8 + 32 + 128); turn++)
        {
            var next = Serve(cost: 5);
            served[next.Priority]++;
            Add("always", 0, next.Priority);
        }

        Assert.InRange(served[PriorityClass.Background], 99, 101);
        Assert.InRange(served[PriorityClass.Normal], 799, 801);
        Assert.InRange(served[PriorityClass.Raised], 3199, 3201);
        Assert.InRange(served[PriorityClass.Urgent], 12799, 12801);
    }

    [Fact]
    public void Shares_are_of_cost_and_not_of_turns()
    {
        Add("heavy", 0, PriorityClass.Raised);
        Add("light", 0, PriorityClass.Normal);
        var turns = new Dictionary<PriorityClass, int> { [PriorityClass.Raised] = 0, [PriorityClass.Normal] = 0 };
        for (var turn = 0; turn < 1000; turn++)
        {
            // Raised has four times the weight of normal and costs four times as much: turn by turn.
            var next = _queue.InTurn().First();
            turns[next.Priority]++;
            Serve(cost: next.Priority == PriorityClass.Raised ? 4 : 1);
            Add("again", 0, next.Priority);
        }

        Assert.InRange(turns[PriorityClass.Raised], 499, 501);
    }

    [Fact]
    public void Who_was_away_saves_nothing_up()
    {
        // 1. Urgent work alone, for long.
        for (var turn = 0; turn < 128_000; turn++)
        {
            Add("urgent", 0, PriorityClass.Urgent);
            Serve(cost: 1);
        }

        // 2. Background work comes: of 1000 turns it gets its 129th part, not the many that it never asked for.
        var background = 0;
        Add("background", 0, PriorityClass.Background);
        Add("urgent", 0, PriorityClass.Urgent);
        for (var turn = 0; turn < 1000; turn++)
        {
            var next = Serve(cost: 1);
            background += next.Priority == PriorityClass.Background ? 1 : 0;
            Add("again", 0, next.Priority);
        }

        Assert.InRange(background, 7, 9);
    }

    [Fact]
    public void Who_comes_back_at_once_keeps_its_account()
    {
        // Each class empties with every service, and its one item comes back before the next: no debt is forgiven.
        Add("normal", 0);
        Add("urgent", 0, PriorityClass.Urgent);
        var normal = 0;
        for (var turn = 0; turn < 17 * 100; turn++)
        {
            var next = Serve(cost: 1);
            normal += next.Priority == PriorityClass.Normal ? 1 : 0;
            Add("again", 0, next.Priority);
        }

        Assert.InRange(normal, 99, 101); // 8 of 136
    }

    [Fact]
    public void A_removed_item_has_no_turn_and_is_removed_once()
    {
        Add("a", 1);
        var b = Add("b", 2);
        Add("c", 3);
        _queue.Remove(b);
        _queue.Remove(b);
        Assert.Equal(2, _queue.Count);
        Assert.Equal(["a", "c"], Turns());
    }

    [Fact]
    public void Equal_items_are_told_apart()
    {
        var first = Add("same", 1);
        Add("same", 1);
        _queue.Remove(first);
        Assert.Equal(["same"], Turns());
    }

    [Fact]
    public void Turns_list_every_item_once_the_class_served_next_first()
    {
        var served = Add("served", 0, PriorityClass.Urgent);
        _queue.Charge(served, 1000); // its class has had its share: the others first, then what may fill up
        _queue.Remove(served);
        var expected = new List<string>();
        foreach (var priority in Enum.GetValues<PriorityClass>())
        {
            for (var i = 0; i < 10; i++)
            {
                Add($"{priority} {i}", i, priority);
                expected.Add($"{priority} {i}");
            }
        }

        var turns = Turns();
        Assert.Equal(expected.Order(), turns.Order());
        Assert.Equal(40, _queue.Count);
        Assert.All(turns[..10], turn => Assert.StartsWith($"{_queue.Next}", turn, StringComparison.Ordinal));
        Assert.All(turns[^10..], turn => Assert.StartsWith("Urgent", turn, StringComparison.Ordinal));
    }

    [Fact]
    public void An_empty_queue_has_no_turns()
    {
        _queue.Remove(Add("gone", 1));
        Assert.Equal(0, _queue.Count);
        Assert.Empty(_queue.InTurn());
    }

    private FairQueue<string>.Entry Add(string item, long key, PriorityClass priority = PriorityClass.Normal) =>
        _queue.Add(item, priority, key);

    private string[] Turns() => [.. _queue.InTurn().Select(static entry => entry.Item)];

    /// <summary>Takes the next item out, at that cost.</summary>
    private FairQueue<string>.Entry Serve(double cost)
    {
        var next = _queue.InTurn().First();
        Assert.Equal(_queue.Next, next.Priority);
        _queue.Charge(next, cost);
        _queue.Remove(next);
        return next;
    }
}
