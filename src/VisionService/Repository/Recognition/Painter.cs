using System.Numerics;
using VisionService.Imaging;

namespace VisionService.Repository.Recognition;

/// <summary>
/// Draws a square picture from shapes, in coordinates of 0-480 whatever its size. It is drawn at twice the size and halved
/// at the end, so that edges are as soft as a camera's.
/// </summary>
internal sealed class Painter
{
    public const float Side = 480;

    private const int Pixels = 320;
    private const int Zoom = 2;
    private const int Width = Pixels * Zoom;
    private const float Unit = Width / Side;

    private readonly Vector3[] _canvas = new Vector3[Width * Width];
    private readonly Random _random;

    /// <param name="top">Colour of the upper edge, 0-255; the ground shades into <paramref name="bottom"/>.</param>
    /// <param name="seed">Of the grain and of what is strewn about.</param>
    public Painter(Vector3 top, Vector3 bottom, int seed)
    {
        _random = new Random(seed);
        Fade(0, top, bottom);
    }

    /// <summary>Shades what lies below a height.</summary>
    public void Fade(float from, Vector3 top, Vector3 bottom) => Paint(
        new(0, from), new(Side, Side), static _ => true, point => Vector3.Lerp(top, bottom, (point.Y - from) / (Side - from)));

    public void Ellipse(float x, float y, float radiusX, float radiusY, Vector3 color)
    {
        var (centre, radius) = (new Vector2(x, y), new Vector2(radiusX, radiusY));
        Paint(centre - radius, centre + radius, point => ((point - centre) / radius).LengthSquared() <= 1, _ => color);
    }

    public void Disc(float x, float y, float radius, Vector3 color) => Ellipse(x, y, radius, radius, color);

    /// <summary>A body lit from the upper left.</summary>
    /// <param name="turn">Radians.</param>
    /// <param name="power">2: an ellipse; below, with tips like a lemon's.</param>
    public void Body(float x, float y, float radiusX, float radiusY, Vector3 color, float turn = 0, float power = 2)
    {
        var (centre, reach) = (new Vector2(x, y), new Vector2(MathF.Max(radiusX, radiusY)));
        var (sin, cos) = MathF.SinCos(turn);
        Vector2 Inner(Vector2 point)
        {
            var (dx, dy) = (point.X - x, point.Y - y);
            return new(((dx * cos) + (dy * sin)) / radiusX, ((dy * cos) - (dx * sin)) / radiusY);
        }

        Paint(
            centre - reach,
            centre + reach,
            point => Inner(point) is var at && MathF.Pow(MathF.Abs(at.X), power) + (at.Y * at.Y) <= 1,
            point => color * Math.Clamp(1.12f - (0.57f * (Inner(point) + new Vector2(0.4f)).Length()), 0.3f, 1.15f));
    }

    public void Polygon(Vector3 color, params Vector2[] corners)
    {
        var (least, most) = (corners.Aggregate(Vector2.Min), corners.Aggregate(Vector2.Max));
        Paint(least, most, point => IsWithin(corners, point), _ => color);
    }

    public void Box(float left, float top, float right, float bottom, Vector3 color) =>
        Paint(new(left, top), new(right, bottom), static _ => true, _ => color);

    /// <summary>A line through points, with round ends.</summary>
    public void Line(Vector3 color, float width, params Vector2[] points)
    {
        var reach = new Vector2(width / 2);
        for (var i = 1; i < points.Length; i++)
        {
            var (a, b) = (points[i - 1], points[i]);
            Paint(
                Vector2.Min(a, b) - reach,
                Vector2.Max(a, b) + reach,
                point => DistanceSquared(point, a, b) <= reach.X * reach.X,
                _ => color);
        }
    }

    /// <summary>A part of a circle; angles in radians, from the right and downwards.</summary>
    public void Arc(Vector3 color, float width, Vector2 centre, float radius, float from, float to) => Line(
        color,
        width,
        [.. Enumerable.Range(0, 33).Select(i => centre + (radius * Direction(from + ((to - from) * i / 32))))]);

    /// <summary>A number of the picture's own chance, 0-1.</summary>
    public float Chance() => _random.NextSingle();

    public static Vector2 Direction(float angle) => new(MathF.Cos(angle), MathF.Sin(angle));

    /// <summary>The picture, with a camera's grain; the caller's to dispose of.</summary>
    public RgbImage Finish(float grain = 5)
    {
        var image = new RgbImage(Pixels, Pixels);
        var coarse = new float[((Pixels / 3) + 1) * ((Pixels / 3) + 1)];
        foreach (ref var speck in coarse.AsSpan())
        {
            speck = (Chance() - 0.5f) * 3 * grain;
        }

        for (var y = 0; y < Pixels; y++)
        {
            var row = image.Row(y);
            for (var x = 0; x < Pixels; x++)
            {
                var first = (y * Zoom * Width) + (x * Zoom);
                var color = (_canvas[first] + _canvas[first + 1] + _canvas[first + Width] + _canvas[first + Width + 1]) / 4;
                var shade = coarse[(y / 3 * ((Pixels / 3) + 1)) + (x / 3)];
                for (var channel = 0; channel < 3; channel++)
                {
                    row[(x * 3) + channel] = (byte)Math.Clamp(color[channel] + shade + ((Chance() - 0.5f) * 2 * grain), 0, 255);
                }
            }
        }

        return image;
    }

    private static bool IsWithin(Vector2[] corners, Vector2 point)
    {
        var isWithin = false;
        for (int i = 0, j = corners.Length - 1; i < corners.Length; j = i++)
        {
            var (a, b) = (corners[i], corners[j]);
            if (a.Y > point.Y != b.Y > point.Y && point.X < ((b.X - a.X) * (point.Y - a.Y) / (b.Y - a.Y)) + a.X)
            {
                isWithin = !isWithin;
            }
        }

        return isWithin;
    }

    private static float DistanceSquared(Vector2 point, Vector2 a, Vector2 b)
    {
        var along = b - a;
        var at = along == Vector2.Zero ? 0 : Math.Clamp(Vector2.Dot(point - a, along) / along.LengthSquared(), 0, 1);
        return Vector2.DistanceSquared(point, a + (at * along));
    }

    private void Paint(Vector2 least, Vector2 most, Func<Vector2, bool> isWithin, Func<Vector2, Vector3> color)
    {
        var (left, top) = (Clamp(least.X), Clamp(least.Y));
        var (right, bottom) = (Clamp(most.X + 1), Clamp(most.Y + 1));
        for (var y = top; y < bottom; y++)
        {
            for (var x = left; x < right; x++)
            {
                var point = new Vector2((x + 0.5f) / Unit, (y + 0.5f) / Unit);
                if (point.X >= least.X && point.X <= most.X && point.Y >= least.Y && point.Y <= most.Y && isWithin(point))
                {
                    _canvas[(y * Width) + x] = color(point);
                }
            }
        }

        static int Clamp(float coordinate) => Math.Clamp((int)(coordinate * Unit), 0, Width);
    }
}
