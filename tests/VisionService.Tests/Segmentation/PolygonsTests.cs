using System.Numerics;
using VisionService.Segmentation;

namespace VisionService.Tests.Segmentation;

public sealed class PolygonsTests
{
    [Fact]
    public void A_pixel_is_a_square()
    {
        var ring = Assert.Single(Contours.Trace(Blobs.Of("...", ".#.")));
        Assert.Equal([new Vector2(1, 1), new(2, 1), new(2, 2), new(1, 2)], ring.Points);
    }

    [Fact]
    public void A_hole_is_a_ring_the_other_way_round()
    {
        var rings = Contours.Trace(Blobs.Of("###", "#.#", "###"));
        Assert.Equal(2, rings.Count);
        Assert.Equal([9f, -1f], rings.Select(SignedArea));
    }

    [Theory]
    [InlineData("#.", ".#")]
    [InlineData(".#", "#.")]
    public void Pixels_that_touch_by_a_corner_stay_apart(string above, string below)
    {
        var rings = Contours.Trace(Blobs.Of(above, below));
        Assert.Equal([1f, 1f], rings.Select(SignedArea));
    }

    [Fact]
    public void Tracing_and_filling_is_the_identity()
    {
        for (var seed = 0; seed < 80; seed++)
        {
            var mask = Blobs.Random(seed, left: 11, top: 5);
            var rings = Contours.Trace(mask);
            var filled = Polygons.Fill(rings, 0, 0, 200, 120);
            Assert.Equal(Blobs.Text(mask, 200, 120), Blobs.Text(filled, 200, 120));
            Assert.Equal(mask.Area, rings.Sum(SignedArea)); // holes count negative
        }
    }

    [Theory]
    [InlineData("#")]
    [InlineData("####################################################################################################")]
    [InlineData("................")]
    public void Full_and_empty_masks_round_trip(string row)
    {
        var mask = Blobs.Of(row, row);
        var filled = Polygons.Fill(Contours.Trace(mask), 0, 0, row.Length, 2);
        Assert.Equal(Blobs.Text(mask, row.Length, 2), Blobs.Text(filled, row.Length, 2));
    }

    [Fact]
    public void Rings_turn_at_every_point_and_return()
    {
        foreach (var ring in Enumerable.Range(0, 40).SelectMany(seed => Contours.Trace(Blobs.Random(seed))))
        {
            for (var i = 0; i < ring.Points.Length; i++)
            {
                var step = ring.Points[(i + 1) % ring.Points.Length] - ring.Points[i];
                var next = ring.Points[(i + 2) % ring.Points.Length] - ring.Points[(i + 1) % ring.Points.Length];
                Assert.True(step != Vector2.Zero && (step.X == 0) != (step.Y == 0) && (step.X == 0) != (next.X == 0));
            }
        }
    }

    [Fact]
    public void A_simplified_polygon_keeps_its_mask_and_saves_points()
    {
        for (var seed = 0; seed < 60; seed++)
        {
            var mask = Blobs.Random(seed);
            if (mask.Area == 0)
            {
                continue;
            }

            var filled = Polygons.Fill(Polygons.Of(mask), 0, 0, mask.Width, mask.Height);
            var both = (double)filled.Intersection(mask);
            Assert.True(both / (filled.Area + mask.Area - both) > 0.995);
        }

        var disc = Disc(200);
        Assert.True(Polygons.Of(disc)[0].Points.Length * 4 < Contours.Trace(disc)[0].Points.Length);
    }

    [Fact]
    public void Holes_outlive_the_simplification()
    {
        var disc = Disc(100);
        for (var y = 90; y < 110; y++)
        {
            disc.Row(y)[1] = 0; // columns 64 to 127
        }

        Assert.Equal(2, Polygons.Of(disc).Count);
    }

    [Fact]
    public void A_pixel_belongs_to_a_polygon_that_covers_its_centre()
    {
        var triangle = new PolygonRing([new(0, 0), new(4, 0), new(0, 4)]);
        // centres (x + .5, y + .5) with x + y + 1 < 4
        Assert.Equal("###.\n##..\n#...\n....\n", Blobs.Text(Polygons.Fill([triangle], 0, 0, 4, 4), 4, 4));
    }

    [Fact]
    public void Points_on_a_straight_line_are_dropped()
    {
        var ring = new PolygonRing([new(0, 0), new(2, 0), new(4, 0), new(4, 4), new(2, 4), new(0, 4)]).Simplify(0.01f);
        Assert.Equal([new Vector2(0, 0), new(4, 0), new(4, 4), new(0, 4)], ring.Points);
    }

    private static InstanceMask Disc(int radius)
    {
        var mask = new InstanceMask(0, 0, radius * 2, radius * 2);
        for (var y = 0; y < radius * 2; y++)
        {
            var dy = y + 0.5 - radius;
            var half = Math.Sqrt((radius * radius) - (dy * dy));
            mask.Set(y, (int)Math.Round(radius - half), (int)Math.Round(radius + half));
        }

        return mask;
    }

    /// <summary>Positive when clockwise on the screen.</summary>
    private static float SignedArea(PolygonRing ring)
    {
        var area = 0f;
        for (var i = 0; i < ring.Points.Length; i++)
        {
            var (a, b) = (ring.Points[i], ring.Points[(i + 1) % ring.Points.Length]);
            area += ((a.X * b.Y) - (b.X * a.Y)) / 2;
        }

        return area;
    }
}
