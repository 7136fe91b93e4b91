namespace VisionService.Detection;

/// <summary>From candidates in pixels of the network's input to objects in pixels of the image.</summary>
internal static class ImageBoxes
{
    /// <summary>Moves boxes and key points: x becomes <c>x * scaleX + shiftX</c>. Undoes a letterbox, a stretch, or
    /// the place of a tile.</summary>
    public static void Map(this Candidates candidates, float scaleX, float scaleY, float shiftX, float shiftY)
    {
        for (var i = 0; i < candidates.Count; i++)
        {
            var box = candidates[i];
            candidates[i] = new Box(
                (box.XMin * scaleX) + shiftX,
                (box.YMin * scaleY) + shiftY,
                (box.XMax * scaleX) + shiftX,
                (box.YMax * scaleY) + shiftY);
            foreach (ref var point in candidates.KeyPoints(i))
            {
                point = point with { X = (point.X * scaleX) + shiftX, Y = (point.Y * scaleY) + shiftY };
            }
        }
    }

    /// <summary>Cuts boxes off at the image's edges and drops those that lie outside. Key points stay: a hidden one
    /// may lie outside.</summary>
    public static void Clip(this Candidates candidates, int width, int height)
    {
        var kept = 0;
        for (var i = 0; i < candidates.Count; i++)
        {
            var box = candidates[i];
            box = new Box(
                Math.Clamp(box.XMin, 0, width),
                Math.Clamp(box.YMin, 0, height),
                Math.Clamp(box.XMax, 0, width),
                Math.Clamp(box.YMax, 0, height));
            if (box.Width > 0 && box.Height > 0)
            {
                candidates.Move(i, kept);
                candidates[kept++] = box;
            }
        }

        candidates.Truncate(kept);
    }

    /// <summary>A copy that outlives the pooled list.</summary>
    public static List<DetectedObject> ToObjects(this Candidates candidates)
    {
        var objects = new List<DetectedObject>(candidates.Count);
        for (var i = 0; i < candidates.Count; i++)
        {
            objects.Add(new DetectedObject(candidates.ClassIds[i], candidates.Scores[i], candidates[i])
            {
                KeyPoints = candidates.KeyPoints(i).ToArray(),
            });
        }

        return objects;
    }
}
