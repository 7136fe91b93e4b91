namespace VisionService.Inference;

/// <summary>
/// Whose turn it is among those that share a service: who has used least for its weight. Start-time fair queueing
/// (Goyal, Vin and Cheng, 1996). Not thread-safe.
/// </summary>
internal sealed class FairClock
{
    // What the one served last had used before: nobody who waits lies far behind it.
    private double _now;

    /// <summary>Lets somebody in who had nothing to do: who was away saves nothing up.</summary>
    public void Join(Account account) => account.Used = Math.Max(account.Used, _now);

    public void Charge(Account account, double cost)
    {
        _now = Math.Max(_now, account.Used);
        account.Used += cost / account.Weight;
    }

    /// <summary>Makes it safe to forget an account: whoever joins, this one under a new account included, is no better
    /// off than it would have been.</summary>
    public void Close(Account account) => _now = Math.Max(_now, account.Used);

    internal class Account(double weight)
    {
        public double Weight => weight;

        /// <summary>Cost by weight, from when the clock began.</summary>
        public double Used { get; set; }
    }
}
