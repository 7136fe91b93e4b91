using System.Numerics.Tensors;
using VisionService.Inference;

namespace VisionService.Detection.Decoders;

/// <summary>
/// Yolo-FastestV2: two maps <c>[1, h, w, anchors * 5 + classes]</c>, activated; per cell four box numbers of each
/// anchor, the objectness of each anchor, then classes that the anchors share. Centre (2x - 0.5 + cell) * stride,
/// sides (2w)^2 * anchor.
/// </summary>
/// <remarks>Source: dog-qiuqiu/Yolo-FastestV2, utils.handle_preds and the export mode of its detector.</remarks>
/// <param name="levels">The outputs, finest first.</param>
/// <param name="anchors">For each level width and height in pixels of each anchor.</param>
internal sealed class YoloFastestV2(int[] levels, float[][] anchors, int classCount, ModelInput input)
    : IDetectionDecoder
{
    /// <summary>COCO's, for 352 x 352.</summary>
    public static float[][] CocoAnchors { get; } =
    [
        [12.64f, 19.39f, 37.88f, 51.48f, 55.71f, 138.31f],
        [126.91f, 78.23f, 131.57f, 214.55f, 279.92f, 258.87f],
    ];

    public void Decode(ModelOutputs outputs, Candidates into)
    {
        var row = 0;
        for (var level = 0; level < levels.Length; level++)
        {
            var values = outputs.Floats(levels[level]);
            var (rows, columns) = ((int)outputs.Shape(levels[level])[1], (int)outputs.Shape(levels[level])[2]);
            var (perCell, channels) = CellOf(level);
            for (var cell = 0; cell < rows * columns; cell++)
            {
                var at = values.Slice(cell * channels, channels);
                var classes = at[(perCell * 5)..];
                var best = TensorPrimitives.Max(classes);
                for (var anchor = 0; anchor < perCell; anchor++, row++)
                {
                    var score = best * at[(perCell * 4) + anchor];
                    if (score >= into.MinScore)
                    {
                        var box = at.Slice(anchor * 4, 4);
                        var (w, h) = (2 * box[2], 2 * box[3]);
                        var decoded = Box.Around(
                            ((2 * box[0]) - 0.5f + (cell % columns)) * input.Width / columns,
                            ((2 * box[1]) - 0.5f + (cell / columns)) * input.Height / rows,
                            w * w * anchors[level][2 * anchor],
                            h * h * anchors[level][(2 * anchor) + 1]);
                        into.Add(decoded, classes.IndexOf(best), score, row);
                    }
                }
            }
        }
    }

    public OutputElement[] Trace(ModelOutputs outputs, int row, int classId)
    {
        var (level, rowInLevel) = Levels.Find(outputs, row, levels.Length, RowsIn);
        var (perCell, channels) = CellOf(level);
        var (cell, anchor) = Math.DivRem(rowInLevel, perCell);
        var start = cell * channels;
        return ScoreFactor.Probability(outputs, levels[level], start + (perCell * 4) + anchor)
            .Times(ScoreFactor.Probability(outputs, levels[level], start + (perCell * 5) + classId));
    }

    private int RowsIn(ModelOutputs outputs, int level)
    {
        var (perCell, channels) = CellOf(level);
        return outputs.Floats(levels[level]).Length / channels * perCell;
    }

    /// <summary>Anchors and numbers of a cell.</summary>
    private (int Anchors, int Channels) CellOf(int level)
    {
        var perCell = anchors[level].Length / 2;
        return (perCell, (perCell * 5) + classCount);
    }
}
