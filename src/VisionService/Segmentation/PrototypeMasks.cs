using System.Buffers;
using System.Numerics.Tensors;
using VisionService.Imaging;

namespace VisionService.Segmentation;

/// <summary>Where a prototype mask is cut to its box.</summary>
internal enum PrototypeCrop
{
    /// <summary>At the image's pixels, after upsampling the logits (default; Ultralytics' "retina masks").</summary>
    Pixels,

    /// <summary>At the prototypes' cells, before upsampling; probabilities outside count as 0 (Ultralytics' default). A
    /// cell that the box's left or upper side cuts is lost: narrow objects lose up to a fifth of their
    /// pixels.</summary>
    Cells,
}

/// <summary>YOLO's masks: every object is its own mixture of the image's mask prototypes.</summary>
/// <param name="prototypes">[k, h, w] over the network's input.</param>
/// <remarks>A view of the model's output. Source: Bolya et al., YOLACT; Ultralytics' <c>process_mask</c>.</remarks>
internal readonly ref struct PrototypeMasks(
    ReadOnlySpan<float> prototypes, int height, int width, Placement placement,
    PrototypeCrop crop = PrototypeCrop.Pixels)
{
    private readonly ReadOnlySpan<float> _prototypes = prototypes;

    /// <summary>The pixels of one object, none outside its box.</summary>
    /// <param name="coefficients">[k].</param>
    public InstanceMask Mix(ReadOnlySpan<float> coefficients, MaskBox box)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(_prototypes.Length, coefficients.Length * height * width);
        var (left, top, across, down) = box.Pixels(placement.SourceWidth, placement.SourceHeight);
        using var columns = GridAxis.Columns(placement, width, left, across);
        using var rows = GridAxis.Rows(placement, height, top, down);
        if (columns.Start == columns.End || rows.Start == rows.End)
        {
            return new InstanceMask(left, top, across, down);
        }

        var rented = ArrayPool<float>.Shared.Rent(height * width);
        try
        {
            var cells = rented.AsSpan(0, height * width);
            Evaluate(coefficients, box, columns, rows, cells);
            var threshold = crop == PrototypeCrop.Cells ? 0.5f : 0;
            return ObjectMasks.Draw(cells, width, columns, rows, left, top, threshold);
        }
        finally
        {
            ArrayPool<float>.Shared.Return(rented);
        }
    }

    /// <summary>Fills in the cells that the box's pixels read, and no others.</summary>
    private void Evaluate(
        ReadOnlySpan<float> coefficients, MaskBox box, GridAxis columns, GridAxis rows, Span<float> cells)
    {
        var first = columns.Cells[columns.Start];
        var count = columns.Next(columns.Cells[columns.End - 1]) - first + 1;
        var (insideX, insideY) = (
            Inside(placement.ToInputX(box.XMin), placement.ToInputX(box.XMax), width, placement.Geometry.Width),
            Inside(placement.ToInputY(box.YMin), placement.ToInputY(box.YMax), height, placement.Geometry.Height));
        for (var y = rows.Cells[rows.Start]; y <= rows.Next(rows.Cells[rows.End - 1]); y++)
        {
            var row = cells.Slice((y * width) + first, count);
            row.Clear();
            if (crop == PrototypeCrop.Cells && (y < insideY.First || y >= insideY.End))
            {
                continue;
            }

            for (var k = 0; k < coefficients.Length; k++)
            {
                var prototype = _prototypes.Slice((((k * height) + y) * width) + first, count);
                TensorPrimitives.MultiplyAdd(prototype, coefficients[k], row, row);
            }

            if (crop == PrototypeCrop.Cells)
            {
                TensorPrimitives.Sigmoid(row, row);
                row[..Math.Clamp(insideX.First - first, 0, count)].Clear();
                row[Math.Clamp(insideX.End - first, 0, count)..].Clear();
            }
        }
    }

    /// <summary>The cells that start within the box.</summary>
    private static (int First, int End) Inside(float min, float max, int cells, int input) =>
        ((int)MathF.Ceiling(min * cells / input), (int)MathF.Ceiling(max * cells / input));
}
