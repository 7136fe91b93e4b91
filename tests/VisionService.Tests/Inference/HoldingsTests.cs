using VisionService.Inference;

namespace VisionService.Tests.Inference;

/// <summary>What callers hold adds up, and who holds nothing is gone.</summary>
public sealed class HoldingsTests
{
    private readonly Holdings _holdings = new();
    private readonly object _anna = new();

    [Fact]
    public void Callers_are_counted_while_they_hold_anything()
    {
        Assert.Equal(0, _holdings.Callers);
        _holdings.Change(_anna, PriorityClass.Normal, images: 2, places: 2, bytes: 10);
        _holdings.Change(null, PriorityClass.Urgent, images: 1);
        Assert.Equal(2, _holdings.Callers);
        _holdings.Change(_anna, PriorityClass.Normal, images: -2, places: -2);
        Assert.Equal(2, _holdings.Callers); // under way, and in memory
        _holdings.Change(_anna, PriorityClass.Normal, bytes: -10);
        Assert.Null(_holdings.Of(_anna));
        Assert.Equal(1, _holdings.Callers);
        _holdings.Change(null, PriorityClass.Urgent, images: -1);
        Assert.Equal(0, _holdings.Callers);
        Assert.True(_holdings.All.IsEmpty);
    }

    [Fact]
    public void Each_class_knows_how_many_callers_wait_in_it()
    {
        _holdings.Change(_anna, PriorityClass.Normal, images: 2);
        _holdings.Change(_anna, PriorityClass.Background, images: 1);
        _holdings.Change(null, PriorityClass.Normal, images: 1);
        Assert.Equal(
            [1, 2, 0, 0], Enum.GetValues<PriorityClass>().Select(_holdings.CallersOf));
        _holdings.Change(_anna, PriorityClass.Normal, images: -1);
        Assert.Equal(2, _holdings.CallersOf(PriorityClass.Normal));
        _holdings.Change(_anna, PriorityClass.Normal, images: -1);
        Assert.Equal(1, _holdings.CallersOf(PriorityClass.Normal));
        Assert.Equal(1, _holdings.Of(_anna)!.Images);
        Assert.Equal(2, _holdings.All.Images);
    }

    [Fact]
    public void Callers_are_told_apart_by_reference()
    {
        _holdings.Change(new string('a', 1), PriorityClass.Normal, images: 1);
        _holdings.Change(new string('a', 1), PriorityClass.Normal, images: 1);
        Assert.Equal(2, _holdings.Callers);
    }
}
