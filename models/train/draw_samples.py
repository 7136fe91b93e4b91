"""Draws the golden samples of the default models: a street and a ship, in plain shapes.

    python3 draw_samples.py MODELS

writes MODELS/street-*/samples/street.png and MODELS/cifar10-resnet20/samples/ship.png. They guard against drift; how well
a model sees is measured on photos.
"""
import sys
from pathlib import Path

from PIL import Image, ImageDraw

DETAIL = 4


def street():
    """480 x 360: a road between pavements, houses, trees, two cars, a pedestrian and a cyclist under a bright sky."""
    image = Image.new("RGB", (480 * DETAIL, 360 * DETAIL), (226, 232, 238))
    draw = Painter(image)
    # Houses, road and pavements run towards one point.
    draw.polygon((62, 56, 55), (0, 40), (150, 120), (150, 205), (0, 250))
    draw.polygon((84, 75, 70), (480, 20), (330, 125), (330, 205), (480, 255))
    draw.box((98, 90, 84), 148, 128, 212, 204)
    draw.box((72, 66, 64), 268, 132, 332, 204)
    for row in range(3):
        for column in range(4):
            x = 14 + 34 * column
            top = 70 + 12 * column + 44 * row - 9 * row * column // 2
            bottom = top + 24 - 3 * column
            draw.polygon((30, 32, 38), (x, top), (x + 16, top + 5), (x + 16, bottom + 3), (x, bottom))
    draw.polygon((104, 103, 106), (205, 196), (275, 196), (420, 360), (30, 360))
    draw.polygon((140, 132, 128), (150, 200), (205, 196), (30, 360), (0, 360), (0, 250))
    draw.polygon((140, 132, 128), (275, 196), (330, 200), (480, 252), (480, 360), (420, 360))
    for near in range(5):
        top, height = 204 + near * near * 9, 5 + near * 5
        bottom = top + height
        draw.polygon((216, 216, 212), (239, top), (241 + near, top), (242 + 2 * near, bottom), (238 - near // 2, bottom))
    for x, y, size in ((355, 120, 38), (118, 132, 26), (300, 150, 16)):
        draw.box((44, 36, 30), x - size // 10, y, x + size // 10, 205 + size // 3)
        for dx, dy, green in ((-0.5, 0.1, 46), (0.5, 0.1, 40), (0, -0.5, 58), (0, 0.3, 34)):
            draw.circle((green - 8, green + 12, green - 16), x + dx * size, y + dy * size, size * 0.7)
    draw.box((58, 58, 60), 398, 60, 404, 300)
    draw.box((58, 58, 60), 92, 96, 95, 232)
    car(draw, 150, 222, 84, (150, 24, 28))
    car(draw, 268, 200, 44, (38, 52, 96))
    person(draw, 372, 196, 76, (34, 34, 48), (52, 70, 112))
    person(draw, 70, 222, 84, (120, 36, 40), (30, 30, 34))
    cyclist(draw, 322, 208, 62)
    return image.resize((480, 360), Image.LANCZOS)


def car(draw, left, top, width, color):
    """From behind."""
    unit = width / 100
    dark = tuple(channel // 3 for channel in color)

    def at(*points):
        return [(left + x * unit, top + y * unit) for x, y in points]

    draw.polygon((26, 26, 28), *at((2, 80), (98, 80), (94, 88), (6, 88)))
    draw.polygon(color, *at((18, 0), (82, 0), (96, 36), (98, 76), (2, 76), (4, 36)))
    draw.polygon((38, 48, 58), *at((23, 6), (77, 6), (88, 32), (12, 32)))
    draw.polygon((90, 108, 120), *at((25, 8), (50, 8), (30, 30), (15, 30)))
    for x in (4, 80):
        draw.polygon((214, 60, 44), *at((x, 42), (x + 16, 42), (x + 16, 52), (x, 52)))
        draw.polygon((14, 14, 15), *at((x, 74), (x + 16, 74), (x + 16, 94), (x, 94)))
    draw.polygon((224, 222, 200), *at((38, 50), (62, 50), (62, 60), (38, 60)))
    draw.polygon(dark, *at((4, 64), (96, 64), (97, 74), (3, 74)))


def person(draw, middle, top, height, coat, trousers):
    unit = height / 100

    def at(side, *points):
        return [(middle + side * x * unit, top + y * unit) for x, y in points]

    draw.circle((150, 112, 92), middle, top + 8 * unit, 7 * unit)
    for side in (-1, 1):
        draw.polygon(coat, *at(side, (0, 15), (8, 15), (15, 50), (10, 54), (8, 52), (0, 52)))
        draw.polygon(trousers, *at(side, (0, 50), (8, 50), (9, 96), (3, 96)))
        draw.polygon((20, 18, 18), *at(side, (2, 95), (9, 95), (12, 100), (2, 100)))


def cyclist(draw, middle, top, height):
    """From behind."""
    unit = height / 100
    person(draw, middle, top, height * 0.9, (196, 150, 30), (36, 38, 50))
    draw.box((18, 18, 20), middle - 3 * unit, top + 58 * unit, middle + 3 * unit, top + 100 * unit)
    draw.box((30, 30, 32), middle - 20 * unit, top + 40 * unit, middle + 20 * unit, top + 43 * unit)


def ship():
    """256 x 256: a freighter on the sea."""
    image = Image.new("RGB", (256 * DETAIL, 256 * DETAIL), (168, 200, 226))
    draw = Painter(image)
    draw.box((38, 84, 122), 0, 168, 256, 256)
    for y in range(176, 256, 12):
        for x in range(-(y * 7) % 44, 256, 44):
            draw.box((66, 114, 150), x, y, x + 18 + (y - 170) // 8, y + 1.5)
    draw.polygon((52, 40, 44), (18, 134), (238, 128), (222, 184), (44, 184))
    draw.polygon((150, 36, 34), (40, 172), (226, 172), (222, 184), (44, 184))
    draw.box((236, 236, 230), 48, 92, 104, 134)
    draw.box((220, 220, 214), 56, 72, 96, 92)
    for x in range(54, 100, 11):
        draw.box((48, 60, 74), x, 102, x + 6, 109)
        draw.box((48, 60, 74), x, 116, x + 6, 123)
    draw.box((178, 46, 40), 66, 42, 86, 72)
    draw.box((30, 30, 32), 66, 42, 86, 50)
    for x in (128, 162, 196):
        draw.box((196, 178, 120), x, 74, x + 4, 132)
        draw.polygon((176, 158, 104), (x + 2, 76), (x + 26, 112), (x + 24, 114), (x, 80))
    return image.resize((256, 256), Image.LANCZOS)


class Painter:
    """Shapes in pixels of the finished picture, on one DETAIL times as large."""

    def __init__(self, image):
        self._draw = ImageDraw.Draw(image)

    def polygon(self, color, *points):
        self._draw.polygon([(round(x * DETAIL), round(y * DETAIL)) for x, y in points], fill=color)

    def box(self, color, left, top, right, bottom):
        self.polygon(color, (left, top), (right, top), (right, bottom), (left, bottom))

    def circle(self, color, x, y, radius):
        corners = (x - radius, y - radius, x + radius, y + radius)
        self._draw.ellipse([round(value * DETAIL) for value in corners], fill=color)


def main():
    models = Path(sys.argv[1])
    for model, draw in (("cifar10-resnet20", ship), ("street-segmentation", street), ("street-detection", street)):
        samples = models / model / "samples"
        samples.mkdir(parents=True, exist_ok=True)
        draw().quantize(128, dither=Image.Dither.NONE).save(samples / f"{draw.__name__}.png", optimize=True)


if __name__ == "__main__":
    main()
