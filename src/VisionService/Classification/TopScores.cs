namespace VisionService.Classification;

/// <summary>The k best of a stream of scores, best first; of equal ones the first offered stays ahead.</summary>
internal readonly struct TopScores(int capacity)
{
    private readonly List<(int Id, float Score)> _best = new(capacity);

    public int Count => _best.Count;

    public (int Id, float Score) this[int index] => _best[index];

    public void Offer(int id, float score)
    {
        if (_best.Count == capacity)
        {
            if (capacity == 0 || !(score > _best[^1].Score))
            {
                return;
            }

            _best.RemoveAt(capacity - 1);
        }

        var place = _best.Count;
        while (place > 0 && score > _best[place - 1].Score)
        {
            place--;
        }

        _best.Insert(place, (id, score));
    }
}
