using Microsoft.Extensions.Options;
using VisionService.Explanation;
using VisionService.Imaging;
using VisionService.Inference;
using SessionOptions = Microsoft.ML.OnnxRuntime.SessionOptions;

namespace VisionService.Tests.Explanation;

/// <summary>Plans are told apart by the value that they tap: <c>cells</c> and the like need not exist for that.</summary>
public class SessionCacheTests
{
    private static readonly ModelInput Input = new(3, TinyNets.Side, TinyNets.Side);

    private readonly List<string> _opened = [];
    private readonly object _owner = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_plan_is_opened_once()
    {
        using var cache = New(maxSessions: 2);
        (await RentAsync(cache, "a")).Dispose();
        (await RentAsync(cache, "a")).Dispose();
        Assert.Equal(["a"], _opened);
    }

    [Fact]
    public async Task The_one_unused_longest_goes_first()
    {
        using var cache = New(maxSessions: 2);
        foreach (var plan in new[] { "a", "b", "a", "c", "a", "b" })
        {
            (await RentAsync(cache, plan)).Dispose();
        }

        Assert.Equal(["a", "b", "c", "b"], _opened);
    }

    [Fact]
    public async Task Bytes_are_bounded_but_one_always_fits()
    {
        using var cache = New(maxBytes: 1);
        foreach (var plan in new[] { "a", "a", "b", "a" })
        {
            (await RentAsync(cache, plan)).Dispose();
        }

        Assert.Equal(["a", "b", "a"], _opened);
    }

    [Fact]
    public async Task One_in_use_stays_open_until_it_is_returned()
    {
        using var cache = New(maxSessions: 1);
        using var lease = await RentAsync(cache, "a");
        (await RentAsync(cache, "b")).Dispose();
        Assert.Equal(1, Run(lease.Session));
        cache.Drop(_owner);
        Assert.Equal(1, Run(lease.Session));
    }

    [Fact]
    public async Task What_is_dropped_is_opened_anew_and_others_stay()
    {
        using var cache = New();
        var other = new object();
        (await RentAsync(cache, "a")).Dispose();
        (await RentAsync(cache, "b", other)).Dispose();
        cache.Drop(_owner);
        (await RentAsync(cache, "b", other)).Dispose();
        (await RentAsync(cache, "a")).Dispose();
        Assert.Equal(["a", "b", "a"], _opened);
    }

    [Fact]
    public async Task One_is_opened_at_a_time_and_shared_by_those_who_waited()
    {
        using var cache = New();
        using var mayOpen = new SemaphoreSlim(0);
        var openings = 0;
        var renting = Enumerable.Range(0, 4).Select(_ => Task.Run(
            () => cache.RentAsync(
                _owner,
                Plan("a"),
                () =>
                {
                    Interlocked.Increment(ref openings);
                    mayOpen.Wait(Stop);
                    return Open();
                },
                Stop),
            Stop)).ToArray();
        mayOpen.Release(4);
        var leases = await Task.WhenAll(renting);
        Assert.Equal(1, openings);
        Assert.Single(leases.Select(lease => lease.Session).Distinct());
        Array.ForEach(leases, lease => lease.Dispose());
    }

    [Fact]
    public async Task One_that_cannot_be_opened_leaves_the_way_free()
    {
        using var cache = New();
        await Assert.ThrowsAsync<InvalidDataException>(() => cache.RentAsync(_owner, Plan("a"), () => throw new InvalidDataException(), Stop));
        (await RentAsync(cache, "a")).Dispose();
        Assert.Equal(["a"], _opened);
    }

    [Fact]
    public void Equal_plans_have_equal_keys_and_others_others()
    {
        SessionPlan[] plans =
        [
            new(Input), new(Input with { Width = 64 }), Plan("a"), Plan("b"), new(Input) { Seeds = ["a"] }, new(Input) { WithRespectTo = ["a"] },
            new(Input) { IsPartial = true }, new(Input) { SeedsByClass = true }, new(Input) { Taps = ["a", "b"] },
        ];
        Assert.Equal(plans.Length, plans.Select(plan => plan.Key).Distinct().Count());
        Assert.Equal(Plan("a").Key, Plan("a").Key);
    }

    private static SessionCache New(int maxSessions = 16, long maxBytes = long.MaxValue) =>
        new(Options.Create(new ExplanationOptions { MaxSessions = maxSessions, MaxSessionBytes = maxBytes }));

    private static SessionPlan Plan(string tap) => new(Input) { Taps = [tap] };

    private Task<SessionLease> RentAsync(SessionCache cache, string tap, object? owner = null) => cache.RentAsync(
        owner ?? _owner,
        Plan(tap),
        () =>
        {
            _opened.Add(tap);
            return Open();
        },
        Stop);

    private static ExplainSession Open()
    {
        var source = new ExplainSource(HeadKind.Classes, "pixels", new InputGeometry(TinyNets.Side, TinyNets.Side, ResizeMode.Stretch), 3)
        {
            OpenGraph = () => TinyNets.Linear(),
            OpenSession = model =>
            {
                using var options = new SessionOptions();
                return new ModelSession(model, options, runners: 1);
            },
            FindTargets = (_, _) => [],
        };
        return ExplainSession.Open(source, Plan("cells"), batch: 1);
    }

    /// <summary>How many rows a run of one image gives.</summary>
    private static long Run(ExplainSession session)
    {
        using var item = new ModelItem(session.Session, session.Inputs);
        item.Planes.Clear();
        var outputs = session.Session.Run(0, [item], TestContext.Current.CancellationToken);
        try
        {
            return outputs.Shapes[0].Shape[0];
        }
        finally
        {
            outputs.Release();
        }
    }
}
