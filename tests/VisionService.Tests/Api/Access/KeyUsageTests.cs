using Microsoft.AspNetCore.Http;
using VisionService.Api.Access;

namespace VisionService.Tests.Api.Access;

public class KeyUsageTests
{
    private readonly ManualTime _time = new();
    private readonly KeyUsage _usage;

    public KeyUsageTests() => _usage = new KeyUsage(_time);

    [Fact]
    public void A_rate_is_a_burst_and_then_its_pace()
    {
        var key = KeyOf("4/s");
        Assert.Equal(4, Begun(key, 10));
        _time.Advance(TimeSpan.FromMilliseconds(249));
        Assert.Equal(0, Begun(key, 10));
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(1, Begun(key, 10));
        _time.Advance(TimeSpan.FromSeconds(100));
        Assert.Equal(4, Begun(key, 10)); // a bucket does not fill beyond its size
    }

    [Fact]
    public void Over_a_long_time_the_rate_holds_whatever_the_steps_are()
    {
        var key = KeyOf("90/m");
        Begun(key, 90);
        var random = new Random(1);
        var (begun, passed) = (0, 0.0);
        while (passed < 600)
        {
            var step = random.NextDouble();
            passed += step;
            _time.Advance(TimeSpan.FromSeconds(step));
            begun += Begun(key, 2);
        }

        Assert.InRange(begun, (int)(passed * 1.5) - 1, (int)(passed * 1.5) + 1);
    }

    [Fact]
    public void A_refusal_says_when_and_by_what()
    {
        var key = KeyOf("30/m");
        Assert.Equal(30, Begun(key, 30));
        _time.Advance(TimeSpan.FromSeconds(.5));
        var refusal = _usage.TryBegin(key, 1)!;
        Assert.Equal(VisionError.RateLimited, refusal.Error);
        Assert.Equal("The key 'shop' allows 30/m images; the next is due in 1.5 s.", refusal.Message);
        Assert.Equal(1.5, refusal.RetryAfter!.Value.TotalSeconds, 3);
    }

    [Fact]
    public void A_large_request_owes_what_is_not_there_and_the_next_waits_for_it()
    {
        var key = KeyOf("10/s");
        Assert.Null(_usage.TryBegin(key, 1));
        Assert.Null(_usage.TryTake(key, 63, mayOwe: true));
        Assert.NotNull(_usage.TryBegin(key, 1));
        Assert.NotNull(_usage.TryTake(key, 1, mayOwe: true)); // who owes gets no more
        _time.Advance(TimeSpan.FromSeconds(5.49));
        Assert.NotNull(_usage.TryBegin(key, 1));
        _time.Advance(TimeSpan.FromSeconds(.02));
        Assert.Null(_usage.TryBegin(key, 1));
    }

    [Fact]
    public void Requests_at_once_are_counted_until_they_end()
    {
        var key = KeyOf(null, 2);
        Assert.Null(_usage.TryBegin(key, 1));
        Assert.Null(_usage.TryBegin(key, 1));
        var refusal = _usage.TryBegin(key, 1)!;
        Assert.Equal("The key 'shop' allows 2 requests at once; as many are under way.", refusal.Message);
        Assert.Equal(TimeSpan.FromSeconds(1), refusal.RetryAfter);
        _usage.End();
        Assert.Null(_usage.TryBegin(key, 1));
    }

    [Fact]
    public void Who_is_refused_for_the_rate_holds_no_place()
    {
        var key = KeyOf("1/s", 2);
        Assert.Null(_usage.TryBegin(key, 1));
        for (var i = 0; i < 5; i++)
        {
            Assert.Contains("images", _usage.TryBegin(key, 1)!.Message, StringComparison.Ordinal);
        }

        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(_usage.TryBegin(key, 1));
    }

    [Fact]
    public void A_rate_that_changes_counts_from_then_on()
    {
        Assert.Equal(100, Begun(KeyOf("100/s"), 100));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(2, Begun(KeyOf("2/s"), 10));
        Assert.Equal(10, Begun(KeyOf(null), 10));
    }

    [Theory]
    [InlineData("10/m", null, "\"rate\";q=10;w=60", "\"rate\";r=9;t=6")]
    [InlineData(null, 3, "\"concurrency\";q=3;qu=\"concurrent-requests\"", "\"concurrency\";r=2")]
    [InlineData("10/s", 3, "\"rate\";q=10;w=1, \"concurrency\";q=3;qu=\"concurrent-requests\"", "\"rate\";r=9;t=1, \"concurrency\";r=2")]
    [InlineData(null, null, "", "")]
    public void The_headers_say_what_is_allowed_and_left(string? rate, int? concurrency, string policy, string left)
    {
        var caller = new Caller(KeyOf(rate, concurrency), _usage);
        Assert.Null(_usage.TryBegin(caller.Key, 1));
        var headers = new HeaderDictionary();
        caller.Describe(headers);
        Assert.Equal((policy, left), (headers["RateLimit-Policy"].ToString(), headers["RateLimit"].ToString()));
    }

    [Fact]
    public async Task Many_at_once_get_no_more_than_there_is()
    {
        var key = KeyOf("1000/h");
        var begun = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => Begun(key, 500))));
        Assert.Equal(1000, begun.Sum());
    }

    private static ApiKey KeyOf(string? rate, int? concurrency = null) =>
        ApiKey.Create("shop", Role.Infer, rate is null ? null : RequestRate.Parse(rate), concurrency, null).Key;

    /// <summary>How many of some requests begin now; each ends at once.</summary>
    private int Begun(ApiKey key, int requests) => Enumerable.Range(0, requests).Count(_ =>
    {
        if (_usage.TryBegin(key, 1) is not null)
        {
            return false;
        }

        _usage.End();
        return true;
    });
}
