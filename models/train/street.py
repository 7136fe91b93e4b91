"""What the two street models share: CamVid's frames, how they are varied, and the network that sees them."""
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

import training

CLASSES = ["sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist"]
VOID = len(CLASSES)
BATCH, VIEW, SCALES = 8, (320, 416), (0.6, 1.8)
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
STRIDE = 16


# Data

def read(root, split, limit=None):
    """The frames of a split as uint8 [N, 3, 360, 480], their label maps as uint8 [N, 360, 480], and their names."""
    names = sorted(path.stem for path in (Path(root) / split / "images").iterdir())[:limit]
    if not names:
        raise SystemExit(f"There are no frames in '{Path(root) / split / 'images'}'.")
    frames, maps = [], []
    for name in names:
        frames.append(np.asarray(Image.open(Path(root) / split / "images" / f"{name}.jpg").convert("RGB")))
        maps.append(np.asarray(Image.open(Path(root) / split / "labels" / f"{name}.png")))
    return torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).contiguous(), torch.from_numpy(np.stack(maps)), names


def normalize(pixels):
    """uint8 or float [N, 3, H, W] in 0-255 -> what the network sees; 0 is the mean colour."""
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    return ((pixels.float() / 255 - mean) / std).contiguous(memory_format=torch.channels_last)


class Variation:
    """One random look at a frame: how much larger it gets, which part of it is seen, whether it is mirrored."""

    def __init__(self, random, frame):
        (self.height, self.width), (height, width) = frame, VIEW
        scale = math.exp(random.uniform(math.log(SCALES[0]), math.log(SCALES[1])))
        # The window of the frame that fills the view; where it is larger than the frame the rest is void.
        self.rows, self.columns = round(height / scale), round(width / scale)
        self.top = self._place(random, self.height, self.rows)
        self.left = self._place(random, self.width, self.columns)
        self.mirrored = random.random() < 0.5

    @staticmethod
    def _place(random, length, window):
        low, high = min(0, length - window), max(0, length - window)
        return int(random.integers(low, high + 1))

    def _window(self, values, fill):
        """Channels first, [C, H, W] -> [C, rows, columns]."""
        top, left = max(self.top, 0), max(self.left, 0)
        part = values[:, top:self.top + self.rows, left:self.left + self.columns]
        above, before = top - self.top, left - self.left
        below, after = self.rows - above - part.shape[1], self.columns - before - part.shape[2]
        return F.pad(part, (before, after, above, below), value=fill) if above or before or below or after else part

    def pixels(self, frame):
        """uint8 [3, H, W] -> float [3, h, w] of the view; black where the frame ends."""
        window = self._window(frame, 0)[None].float()
        seen = F.interpolate(window, VIEW, mode="bilinear", align_corners=False)[0]
        return seen.flip(2) if self.mirrored else seen

    def labels(self, label_map, shrink):
        """uint8 [H, W] -> int64 of the view, 1/shrink of its size."""
        size = tuple(side // shrink for side in VIEW)
        seen = F.interpolate(self._window(label_map[None], VOID)[None].float(), size, mode="nearest-exact")[0, 0].long()
        return seen.flip(1) if self.mirrored else seen

    def boxes(self, boxes):
        """[n, 4] of x0, y0, x1, y1 in the frame -> in the view, not yet clipped."""
        shift = torch.tensor([self.left, self.top, self.left, self.top], dtype=torch.float32)
        stretch = torch.tensor([VIEW[1] / self.columns, VIEW[0] / self.rows] * 2)
        seen = (boxes - shift) * stretch
        if self.mirrored:
            seen = torch.stack((VIEW[1] - seen[:, 2], seen[:, 1], VIEW[1] - seen[:, 0], seen[:, 3]), 1)
        return seen


def recolor(random, pixels):
    """Other light and another camera: gamma, contrast, brightness and saturation, float [3, H, W] in 0-255."""
    gamma, contrast, brightness, saturation = (math.exp(random.normal(0, spread)) for spread in (0.15, 0.2, 0.2, 0.25))
    pixels = (pixels / 255).clamp(0, 1) ** gamma
    grey = pixels.mean(0, keepdim=True)
    pixels = grey + (pixels - grey) * saturation
    mean = pixels.mean()
    return ((pixels - mean) * contrast + mean * brightness).clamp(0, 1) * 255


def batches(epoch, frames):
    """An epoch's batches: what the network sees, and of each view in it the frame's index and the variation."""
    random = np.random.default_rng((1, epoch))
    for indices in training.batches(epoch, len(frames), BATCH):
        variations, seen = [], []
        for index in indices:
            variation = Variation(random, frames.shape[2:])
            variations.append((index, variation))
            seen.append(recolor(random, variation.pixels(frames[index])))
        yield normalize(torch.stack(seen)), variations


# Network

def convolution(before, after, size=3, stride=1, dilation=1, groups=1):
    padding = dilation * (size // 2)
    return [nn.Conv2d(before, after, size, stride, padding, dilation, groups, bias=False), nn.BatchNorm2d(after)]


class Residual(nn.Module):
    """He et al. 2015: two 3 x 3 convolutions beside the identity."""

    def __init__(self, channels):
        super().__init__()
        self.body = nn.Sequential(
            *convolution(channels, channels), nn.ReLU(inplace=True), *convolution(channels, channels))

    def forward(self, x):
        return F.relu(x + self.body(x))


class SeparableResidual(nn.Module):
    """The same of depthwise separable convolutions (Howard et al. 2017), dilated (Yu and Koltun 2015) to see far."""

    def __init__(self, channels, dilation):
        super().__init__()

        def separable():
            deep = convolution(channels, channels, dilation=dilation, groups=channels)
            return deep + convolution(channels, channels, size=1)

        self.body = nn.Sequential(*separable(), nn.ReLU(inplace=True), *separable())

    def forward(self, x):
        return F.relu(x + self.body(x))


class Up(nn.ConvTranspose2d):
    """Twice the size by a transposed convolution of 2 x 2 with stride 2.

    No two of its windows overlap, so it is also a 1 x 1 convolution whose channels are laid out as pixels (Shi et al.
    2016). On a CPU that form trains five times as fast; exported is the transposed convolution that it is.
    """

    def __init__(self, before, after, bias=False):
        super().__init__(before, after, 2, 2, bias=bias)

    def forward(self, x):
        if torch.onnx.is_in_onnx_export():
            return super().forward(x)
        before, after = self.weight.shape[:2]
        weight = self.weight.permute(1, 2, 3, 0).reshape(after * 4, before, 1, 1)
        bias = None if self.bias is None else self.bias.repeat_interleave(4)
        return F.pixel_shuffle(F.conv2d(x, weight, bias), 2)


class StreetNet(nn.Module):
    """An encoder that halves the picture four times, and a decoder with skip connections back to a quarter of its sides.

    [N, 3, H, W], sides multiples of 16 -> features of 16, 32, 64 and 128 channels at 1/2, 1/4, 1/8 and 1/16; all but the
    first know the whole scene.
    """

    CHANNELS = (16, 32, 64, 128)

    def __init__(self):
        super().__init__()
        half, quarter, eighth, sixteenth = self.CHANNELS
        relu = nn.ReLU(inplace=True)
        self.at_half = nn.Sequential(*convolution(3, half, stride=2), relu)
        self.at_quarter = nn.Sequential(*convolution(half, quarter, stride=2), relu, Residual(quarter))
        self.at_eighth = nn.Sequential(
            *convolution(quarter, eighth, stride=2), relu, *(Residual(eighth) for _ in range(3)))
        self.at_sixteenth = nn.Sequential(
            *convolution(eighth, sixteenth, stride=2), relu,
            *(SeparableResidual(sixteenth, dilation) for dilation in (1, 2, 4, 8, 1)))
        self.scene = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(sixteenth, sixteenth, 1))
        self.to_eighth = nn.Sequential(Up(sixteenth, eighth), nn.BatchNorm2d(eighth))
        self.to_quarter = nn.Sequential(Up(eighth, quarter), nn.BatchNorm2d(quarter))
        self.mix_eighth, self.mix_quarter = Residual(eighth), Residual(quarter)

    def forward(self, x):
        half = self.at_half(x)
        quarter = self.at_quarter(half)
        eighth = self.at_eighth(quarter)
        sixteenth = self.at_sixteenth(eighth)
        sixteenth = F.relu(sixteenth + self.scene(sixteenth))
        eighth = self.mix_eighth(F.relu(eighth + self.to_eighth(sixteenth)))
        quarter = self.mix_quarter(F.relu(quarter + self.to_quarter(eighth)))
        return half, quarter, eighth, sixteenth
