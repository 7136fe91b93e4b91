using System.Globalization;
using System.Numerics;
using VisionService.Imaging;

namespace VisionService.Repository.Recognition;

/// <summary>
/// A picture that the service draws itself, and what it shows: a model that has learnt such things says so if its
/// pixels come as it was trained, and something else if they do not.
/// </summary>
/// <param name="Word">What the first right class's label has in it.</param>
/// <param name="ClassIds">The ids that are right, among <paramref name="ClassCount"/>.</param>
/// <param name="Draw">Draws it anew; the caller disposes of it.</param>
internal sealed record ProbePicture(string Word, int ClassCount, IReadOnlyList<int> ClassIds, Func<RgbImage> Draw)
{
    private const int ImageNet = 1000;

    // Corners of strokes on a sheet of 28 x 28.
    private static readonly string[] DigitStrokes =
    [
        "14,4 18,6 20,14 18,22 14,24 10,22 8,14 10,6 14,4",
        "11,8 15,4 15,24",
        "8,8 11,4 17,4 20,8 19,12 8,24 21,24",
        "8,6 12,4 18,5 19,9 17,13 13,13 18,14 20,19 17,23 12,24 8,22",
        "16,4 7,17 21,17 17,17 17,10 17,25",
        "19,4 10,4 9,12 15,11 20,15 19,21 14,24 8,22",
        "17,4 11,9 8,17 10,23 15,24 19,21 18,16 13,14 9,18",
        "8,5 20,5 15,14 12,24",
        "14,13 9,9 11,4 17,4 19,9 14,13 9,18 10,23 18,23 20,18 14,13",
        "19,9 16,13 11,12 9,8 12,4 17,4 19,9 19,16 16,24",
    ];

    private static readonly Vector3 White = new(245, 245, 242);
    private static readonly Vector3 Ink = new(22, 20, 22);

    public static ProbePicture StopSign { get; } = new("street sign", ImageNet, [919], DrawStopSign);

    /// <summary>The things of ImageNet, those that tell colours and scales apart best first.</summary>
    public static IReadOnlyList<ProbePicture> Things { get; } =
    [
        new("daisy", ImageNet, [985], DrawDaisy),
        new("tennis ball", ImageNet, [852], DrawTennisBall),
        StopSign,
        new("strawberry", ImageNet, [949], DrawStrawberry),
        new("basketball", ImageNet, [430], DrawBasketball),
        new("lemon", ImageNet, [951], DrawLemons),
        new("traffic light", ImageNet, [920], DrawTrafficLights),
        new("balloon", ImageNet, [417], DrawBalloons),
        new("orange", ImageNet, [950], DrawOranges),
        new("school bus", ImageNet, [779], DrawSchoolBus),
        new("clock", ImageNet, [409, 426, 531, 892], DrawClock),
    ];

    /// <summary>The ten digits, in dark ink on white paper.</summary>
    public static IReadOnlyList<ProbePicture> Digits { get; } =
    [
        .. DigitStrokes.Select(static (strokes, digit) => new ProbePicture(
            digit.ToString(CultureInfo.InvariantCulture), 10, [digit], () => DrawDigit(strokes))),
    ];

    private static RgbImage DrawDigit(string strokes)
    {
        var picture = new Painter(new(255), new(250), seed: 5);
        picture.Line(
            Ink,
            42,
            [.. strokes.Split(' ').Select(static point => point.Split(',')).Select(static xy =>
                new Vector2(int.Parse(xy[0], CultureInfo.InvariantCulture), int.Parse(xy[1], CultureInfo.InvariantCulture)) * (Painter.Side / 28))]);
        return picture.Finish(grain: 1);
    }

    private static RgbImage DrawStopSign()
    {
        var picture = Street(seed: 3);
        var (centre, radius) = (new Vector2(240, 190), 130f);
        Vector2[] Octagon(float size) =>
            [.. Enumerable.Range(0, 8).Select(i => centre + (size * Painter.Direction((i + 0.5f) * MathF.PI / 4)))];
        picture.Box(centre.X - 9, centre.Y, centre.X + 9, 440, new(120, 122, 125));
        picture.Polygon(White, Octagon(radius));
        picture.Polygon(new(185, 25, 35), Octagon(radius * 0.93f));

        // S T O P, in strokes.
        var (width, height, gap) = (radius * 0.27f / 2, radius * 0.36f, radius * 0.38f);
        void Stroke(int letter, params ReadOnlySpan<(float X, float Y)> points)
        {
            var at = new Vector2[points.Length];
            for (var i = 0; i < points.Length; i++)
            {
                at[i] = centre + new Vector2(((letter - 1.5f) * gap) + (points[i].X * width), points[i].Y * height);
            }

            picture.Line(White, radius * 0.12f, at);
        }

        Stroke(0, (1, -0.8f), (0, -1), (-1, -0.7f), (-1, -0.2f), (1, 0.2f), (1, 0.7f), (0, 1), (-1, 0.8f));
        Stroke(1, (-1, -1), (1, -1));
        Stroke(1, (0, -1), (0, 1));
        Stroke(2, (0, -1), (-1, -0.6f), (-1, 0.6f), (0, 1), (1, 0.6f), (1, -0.6f), (0, -1));
        Stroke(3, (-1, 1), (-1, -1), (0.6f, -1), (1, -0.5f), (0.6f, 0), (-1, 0));
        return picture.Finish();
    }

    private static RgbImage DrawDaisy()
    {
        var picture = new Painter(new(60, 110, 50), new(40, 80, 35), seed: 11);
        for (var i = 0; i < 200; i++)
        {
            picture.Disc(picture.Chance() * 480, picture.Chance() * 480, 4 + (8 * picture.Chance()), new Vector3(55, 100, 45) * (0.7f + (0.6f * picture.Chance())));
        }

        for (var i = 0; i < 21; i++)
        {
            var angle = i * 2 * MathF.PI / 21;
            var at = new Vector2(240, 240) + (105 * Painter.Direction(angle));
            var (along, across) = (85 * Painter.Direction(angle), 20 * Painter.Direction(angle + (MathF.PI / 2)));
            Vector2[] Petal(float size) =>
                [.. Enumerable.Range(0, 24).Select(k => at + (size * ((MathF.Cos(k * MathF.PI / 12) * along) + (MathF.Sin(k * MathF.PI / 12) * across))))];
            picture.Polygon(new(190, 190, 205), Petal(1));
            picture.Polygon(new(245, 245, 250), Petal(0.96f));
        }

        picture.Disc(240, 240, 60, new(235, 185, 30));
        return picture.Finish(8);
    }

    private static RgbImage DrawTennisBall()
    {
        var picture = new Painter(new(90, 150, 80), new(60, 110, 55), seed: 13);
        picture.Disc(250, 270, 140, new(205, 225, 60));
        picture.Arc(White, 10, new(75, 260), 118, -1.05f, 1.05f);
        picture.Arc(White, 10, new(435, 300), 125, 2.1f, 4.2f);
        return picture.Finish(12);
    }

    private static RgbImage DrawStrawberry()
    {
        var picture = new Painter(new(240, 240, 240), new(210, 210, 210), seed: 2);
        picture.Polygon(
            new(205, 25, 40),
            [.. Enumerable.Range(0, 60).Select(i => i * MathF.PI / 30).Select(t =>
                new Vector2(240 + (150 * MathF.Cos(t) * (1 - (0.25f * MathF.Sin(t)))), 250 + (170 * MathF.Sin(t))))]);
        for (var seed = 0; seed < 81; seed++)
        {
            var (x, y) = (110 + (seed / 9 * 33) + (seed % 2 * 16), 120 + (seed % 9 * 35));
            if (MathF.Pow((x - 240) / 125f, 2) + MathF.Pow((y - 245) / 150f, 2) < 1)
            {
                picture.Ellipse(x, y, 4, 6, new(235, 200, 90));
            }
        }

        for (var i = 0; i < 7; i++)
        {
            var (x, y) = (MathF.Cos(MathF.PI * (1 + (i / 6f))), MathF.Sin(MathF.PI * (1 + (i / 6f))));
            picture.Polygon(new(60, 140, 50), new(240, 95), new(230 + (95 * x), 105 + (60 * y)), new(255 + (80 * x), 115 + (40 * y)));
        }

        return picture.Finish(10);
    }

    private static RgbImage DrawBasketball()
    {
        var picture = new Painter(new(120, 120, 125), new(150, 145, 140), seed: 17);
        picture.Body(240, 240, 160, 160, new(215, 110, 45));
        picture.Line(Ink, 7, new(240, 80), new(240, 400));
        picture.Line(Ink, 7, new(80, 240), new(400, 240));
        picture.Arc(Ink, 7, new(30, 240), 150, -0.8f, 0.8f);
        picture.Arc(Ink, 7, new(450, 240), 150, 2.34f, 3.94f);
        return picture.Finish(10);
    }

    private static RgbImage DrawLemons()
    {
        var picture = new Painter(new(235, 235, 235), new(205, 205, 205), seed: 19);
        picture.Body(180, 290, 110, 80, new(250, 220, 50), turn: 0.4f, power: 1.7f);
        picture.Body(310, 230, 110, 80, new(250, 220, 50), turn: -0.5f, power: 1.7f);
        return picture.Finish(10);
    }

    private static RgbImage DrawTrafficLights()
    {
        var picture = Street(seed: 23);
        picture.Box(225, 300, 255, 480, new(60, 60, 60));
        picture.Box(170, 60, 310, 340, new(35, 35, 35));
        picture.Disc(240, 120, 40, new(235, 40, 40));
        picture.Disc(240, 205, 40, new(90, 80, 20));
        picture.Disc(240, 290, 40, new(20, 80, 40));
        return picture.Finish();
    }

    private static RgbImage DrawBalloons()
    {
        var picture = Street(seed: 29);
        foreach (var (x, y, radius, color) in new (float, float, float, Vector3)[]
            { (180, 150, 80, new(200, 40, 50)), (290, 190, 70, new(230, 190, 40)), (240, 90, 60, new(60, 80, 200)) })
        {
            picture.Line(White, 2, new(x, y + radius), new(240, 430));
            picture.Ellipse(x, y + (radius * 0.05f), radius * 0.9f, radius * 1.05f, color);
            picture.Ellipse(x - (radius * 0.35f), y - (radius * 0.5f), radius * 0.15f, radius * 0.2f, Vector3.Min(color + new Vector3(70), new(255)));
        }

        return picture.Finish();
    }

    private static RgbImage DrawOranges()
    {
        var picture = new Painter(new(235, 235, 235), new(200, 200, 200), seed: 31);
        picture.Body(170, 270, 110, 110, new(245, 140, 25));
        picture.Body(320, 290, 100, 100, new(245, 140, 25));
        picture.Body(250, 160, 95, 95, new(245, 140, 25));
        return picture.Finish(10);
    }

    private static RgbImage DrawSchoolBus()
    {
        var picture = Street(seed: 37);
        picture.Box(50, 130, 430, 370, new(245, 180, 20));
        for (var window = 0; window < 6; window++)
        {
            picture.Box(70 + (window * 58), 165, 115 + (window * 58), 225, new(45, 55, 65));
        }

        picture.Box(50, 260, 430, 268, Ink);
        picture.Box(50, 300, 430, 306, Ink);
        foreach (var x in new[] { 130, 350 })
        {
            picture.Disc(x, 372, 42, Ink);
            picture.Disc(x, 372, 18, new(150, 150, 150));
        }

        return picture.Finish();
    }

    private static RgbImage DrawClock()
    {
        var picture = new Painter(new(190, 180, 165), new(160, 150, 135), seed: 41);
        var centre = new Vector2(240, 240);
        picture.Disc(240, 240, 180, new(40, 40, 45));
        picture.Disc(240, 240, 162, White);
        for (var minute = 0; minute < 60; minute++)
        {
            var direction = Painter.Direction(minute * MathF.PI / 30);
            var isHour = minute % 5 == 0;
            picture.Line(Ink, isHour ? 6 : 2, centre + ((isHour ? 140 : 150) * direction), centre + (156 * direction));
        }

        picture.Line(Ink, 12, centre, new(310, 180));
        picture.Line(Ink, 8, centre, new(220, 110));
        picture.Disc(240, 240, 10, Ink);
        return picture.Finish();
    }

    /// <summary>Sky, trees, grass and a road: what stands around most things out of doors.</summary>
    private static Painter Street(int seed)
    {
        var picture = new Painter(new(90, 140, 210), new(215, 228, 240), seed);
        for (var tree = 0; tree < 60; tree++)
        {
            var green = 50 + (60 * picture.Chance());
            picture.Disc(
                480 * picture.Chance(),
                264 + (50 * (picture.Chance() - 0.5f)),
                20 + (30 * picture.Chance()),
                new(green * 0.5f, green, green * 0.35f));
        }

        picture.Fade(298, new(110, 135, 70), new(80, 110, 45));
        picture.Polygon(new(105, 105, 108), new(216, 298), new(264, 298), new(480, 480), new(48, 480));
        return picture;
    }
}
