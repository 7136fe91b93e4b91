using VisionService.Inference;

namespace VisionService.Detection.Decoders;

/// <summary>Heads with several outputs of one kind, a feature map each, whose rows are numbered through.</summary>
internal static class Levels
{
    /// <summary>How many rows a level has.</summary>
    public delegate int RowCount(ModelOutputs outputs, int level);

    /// <summary>The level that a row lies in, and which of its rows it is.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There are fewer rows.</exception>
    public static (int Level, int Row) Find(ModelOutputs outputs, int row, int levels, RowCount rowsIn)
    {
        var rest = row;
        for (var level = 0; level < levels; level++)
        {
            var rows = rowsIn(outputs, level);
            if (rest < rows)
            {
                return (level, rest);
            }

            rest -= rows;
        }

        throw new ArgumentOutOfRangeException(nameof(row), row, "No level has this row.");
    }
}
