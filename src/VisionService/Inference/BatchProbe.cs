using Microsoft.ML.OnnxRuntime;

namespace VisionService.Inference;

/// <summary>
/// Runs noise through a session, item by item and together: a model may declare an open batch axis and still mix its
/// rows or answer for the first alone. Seen in exports of detectors; no declaration replaces the comparison.
/// </summary>
internal static class BatchProbe
{
    private const int Items = 3;

    // Kernels for one row and for several may add in another order; a mixed-up row is wrong by far more.
    private const float Tolerance = 0.02f;

    /// <summary>Whether each row of a batch is what the item's own run gives.</summary>
    public static bool RowsAreIndependent(ModelSession session, ModelInput shape)
    {
        var noise = new Random(1);
        var items = Enumerable.Range(0, Items).Select(_ => new ModelItem(session, shape)).ToArray();
        BatchOutputs? together = null;
        try
        {
            foreach (var item in items)
            {
                noise.NextBytes(item.Planes);
            }

            together = session.Run(0, items, CancellationToken.None);
            for (var i = 0; i < Items; i++)
            {
                var alone = session.Run(0, [items[i]], CancellationToken.None);
                try
                {
                    if (!AreNear(new ModelOutputs(together, i), new ModelOutputs(alone, 0)))
                    {
                        return false;
                    }
                }
                finally
                {
                    alone.Release();
                }
            }

            return true;
        }
        catch (Exception exception) when (exception is OnnxRuntimeException or InvalidOperationException)
        {
            return false;
        }
        finally
        {
            together?.Release();
            Array.ForEach(items, item => item.Dispose());
        }
    }

    private static bool AreNear(ModelOutputs together, ModelOutputs alone)
    {
        for (var output = 0; output < alone.Count; output++)
        {
            if (!together.Shape(output).SequenceEqual(alone.Shape(output)))
            {
                return false;
            }

            if (alone.IsFloat(output) ? !AreNear(together.Floats(output), alone.Floats(output))
                : !together.Integers(output).SequenceEqual(alone.Integers(output)))
            {
                return false;
            }
        }

        return true;
    }

    private static bool AreNear(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        double difference = 0, size = 0;
        for (var i = 0; i < a.Length; i++)
        {
            difference += Math.Abs(a[i] - b[i]);
            size += Math.Abs(b[i]);
        }

        return difference <= Tolerance * size;
    }
}
