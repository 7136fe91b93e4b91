using VisionService.Inference;

namespace VisionService.Detection.Decoders;

/// <summary>
/// The points that boxes are predicted from, in pixels of the network's input: the cells of each feature map row by
/// row, one map after the other in the order of the strides.
/// </summary>
internal sealed class AnchorPoints
{
    /// <param name="offset">Where in a cell the point lies: 0 its corner, 0.5 its centre.</param>
    /// <param name="perCell">How many rows of the output a cell has, one after the other.</param>
    public AnchorPoints(ModelInput input, ReadOnlySpan<int> strides, float offset = 0, int perCell = 1)
    {
        var count = CountIn(input, strides, perCell);
        (X, Y, Stride) = (new float[count], new float[count], new float[count]);
        var i = 0;
        foreach (var stride in strides)
        {
            var (columns, rows) = (Cells(input.Width, stride), Cells(input.Height, stride));
            for (var cell = 0; cell < columns * rows; cell++)
            {
                for (var repeat = 0; repeat < perCell; repeat++, i++)
                {
                    X[i] = ((cell % columns) + offset) * stride;
                    Y[i] = ((cell / columns) + offset) * stride;
                    Stride[i] = stride;
                }
            }
        }
    }

    public float[] X { get; }

    public float[] Y { get; }

    public float[] Stride { get; }

    public int Count => X.Length;

    /// <summary>How many there are: what tells heads apart that only differ in the length of their output.</summary>
    public static int CountIn(ModelInput input, ReadOnlySpan<int> strides, int perCell = 1)
    {
        var count = 0;
        foreach (var stride in strides)
        {
            count += Cells(input.Width, stride) * Cells(input.Height, stride) * perCell;
        }

        return count;
    }

    private static int Cells(int side, int stride) => (side + stride - 1) / stride;
}
