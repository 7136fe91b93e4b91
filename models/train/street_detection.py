"""Trains street-detection: boxes of cars, pedestrians and bicyclists. One stage, no anchors: FCOS (Tian et al. 2019).

    python3 street_detection.py CAMVID WORK model.onnx --trunk SEGMENTATION/checkpoint.pt [--epochs 60]

The network is street-segmentation's up to its heads, and starts from its weights where --trunk names its checkpoint. Each
cell of the grids of stride 4, 8 and 16 says whether the middle of an object lies there, of which class, and where its box
is. Exported in YOLOX's form: `image` float32 [N, 3, H, W], sides multiples of 16 -> `rows` float32 [N, cells, 8]: centre as
an offset from the cell's corner and logarithms of width and height, all in strides; how well the box fits; probabilities
of the classes.
"""
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import street
import street_boxes
import training

STRIDES = (4, 8, 16)
# From and to which longer side a box belongs to each grid, in pixels of the network's input.
LENGTHS = ((0.0, 40.0), (40.0, 100.0), (100.0, 1e9))
CLASSES = len(street_boxes.CATEGORIES)
CENTRE_RADIUS = 1.5
# What is left of an object at the edge of the view must show this much of it.
MIN_VISIBLE, MIN_SIDE = 0.3, 4


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = street.StreetNet()
        self.heads = nn.ModuleList(self._head(channels) for channels in street.StreetNet.CHANNELS[1:])

    @staticmethod
    def _head(before, width=64):
        layers = []
        for channels in (before, width):
            layers += street.convolution(channels, channels, groups=channels)
            layers += [*street.convolution(channels, width, size=1), nn.ReLU(inplace=True)]
        last = nn.Conv2d(width, 5 + CLASSES, 1)
        # Nearly all cells are background: each class starts at a probability of 1 % (Lin et al. 2017).
        nn.init.constant_(last.bias[5:], -4.6)
        return nn.Sequential(*layers, last)

    def forward(self, x):
        """[N, cells, 8], the last four as logits unless exported."""
        _, *features = self.trunk(x)
        rows = torch.cat([head(feature).flatten(2) for head, feature in zip(self.heads, features)], 2).transpose(1, 2)
        return torch.cat((rows[..., :4], rows[..., 4:].sigmoid()), 2) if torch.onnx.is_in_onnx_export() else rows


class Cells:
    """The cells of all grids over an input: corner, stride and lengths of boxes of each, [cells, 1 or 2], in pixels."""

    def __init__(self, height, width):
        corners, strides, lengths = [], [], []
        for stride, limits in zip(STRIDES, LENGTHS):
            y, x = torch.meshgrid(torch.arange(height // stride), torch.arange(width // stride), indexing="ij")
            corners.append(torch.stack((x, y), 2).view(-1, 2) * stride)
            strides.append(torch.full((len(corners[-1]), 1), stride))
            lengths.append(torch.tensor(limits).expand(len(corners[-1]), 2))
        self.corners, self.strides, self.lengths = (torch.cat(of).float() for of in (corners, strides, lengths))
        self.centres = self.corners + self.strides / 2

    def boxes(self, rows):
        """[..., cells, 8] -> x0, y0, x1, y1 in pixels."""
        centre, size = self.corners + rows[..., :2] * self.strides, rows[..., 2:4].clamp(max=8).exp() * self.strides
        return torch.cat((centre - size / 2, centre + size / 2), -1)

    def assign(self, boxes):
        """The box of each cell, -1: background. The smallest of those whose middle is near and whose size is the grid's."""
        if len(boxes) == 0:
            return torch.full((len(self.corners),), -1)
        middle, size = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
        away = (self.centres[:, None] - middle).abs()
        is_near = ((away < CENTRE_RADIUS * self.strides[:, None]) & (away < size / 2)).all(2)
        length = size.max(1).values
        is_fit = (length >= self.lengths[:, :1]) & (length < self.lengths[:, 1:])
        area = torch.where(is_near & is_fit, size.prod(1), torch.inf)
        best, index = area.min(1)
        return torch.where(best.isfinite(), index, -1)


def overlap(a, b):
    """IoU and GIoU (Rezatofighi et al. 2019) of boxes in pairs, [..., 4]."""
    low, high = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    union = (a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1) - shared
    hull = (torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])).prod(-1)
    iou = shared / union.clamp(min=1e-6)
    return iou, iou - (hull - union) / hull.clamp(min=1e-6)


class Truth:
    """What a frame holds: boxes [n, 4], categories [n], and where nothing counts, neither objects nor background."""

    def __init__(self, label_map):
        components = street_boxes.components(label_map)
        objects = [component for component in components if not component.is_crowd]
        self.boxes = torch.tensor([component.box for component in objects], dtype=torch.float32).view(-1, 4)
        self.categories = torch.tensor([component.category for component in objects], dtype=torch.long)
        ignored = (label_map == street.VOID).astype(np.uint8)
        for component in components:
            if component.is_crowd:
                ignored[component.mask] = 1
        self.ignored = torch.from_numpy(ignored)

    def seen(self, variation):
        """The same in a view: boxes, categories, and for each grid which cells are ignored."""
        height, width = street.VIEW
        whole = variation.boxes(self.boxes)
        limits = torch.tensor([width, height, width, height], dtype=torch.float32)
        boxes = torch.minimum(whole.clamp(min=0), limits)
        size, whole_size = boxes[:, 2:] - boxes[:, :2], whole[:, 2:] - whole[:, :2]
        is_seen = (size.prod(1) > MIN_VISIBLE * whole_size.prod(1)) & (size.min(1).values >= MIN_SIDE)
        ignored = [variation.labels(self.ignored, stride) == 1 for stride in STRIDES]
        for left, top, right, bottom in boxes[~is_seen].tolist():
            for grid, stride in zip(ignored, STRIDES):
                grid[int(top // stride):int(bottom // stride) + 1, int(left // stride):int(right // stride) + 1] = True
        return boxes[is_seen], self.categories[is_seen], torch.cat([grid.flatten() for grid in ignored])


def loss_of(rows, cells, truths):
    """Focal loss of the classes in all cells that count; in those of objects GIoU, and IoU as what the fit should be."""
    classes, wanted, counts, quality, giou_loss, objects = [], [], [], [], [], 0
    for row, (boxes, categories, ignored) in zip(rows, truths):
        index = cells.assign(boxes)
        is_object = index >= 0
        target = torch.zeros(len(row), CLASSES)
        target[is_object, categories[index[is_object]]] = 1
        classes.append(row[:, 5:])
        wanted.append(target)
        counts.append((is_object | ~ignored)[:, None].expand(-1, CLASSES))
        if is_object.any():
            iou, giou = overlap(cells.boxes(row)[is_object], boxes[index[is_object]])
            giou_loss.append((1 - giou).sum())
            quality.append(F.binary_cross_entropy_with_logits(row[is_object, 4], iou.detach(), reduction="sum"))
            objects += int(is_object.sum())
    classes, wanted, counts = torch.cat(classes), torch.cat(wanted), torch.cat(counts)
    probability = classes.sigmoid()
    missed = torch.where(wanted > 0, 1 - probability, probability)
    weight = torch.where(wanted > 0, 0.25, 0.75) * missed ** 2 * counts
    focal = (weight * F.binary_cross_entropy_with_logits(classes, wanted, reduction="none")).sum()
    return (focal + 2 * sum(giou_loss) + 0.5 * sum(quality)) / max(1, objects)


def suppress(boxes, scores, max_iou=0.6, most=100):
    """Indices of what is kept, best first."""
    order, kept = scores.argsort(descending=True), []
    while len(order) and len(kept) < most:
        kept.append(order[0].item())
        order = order[1:][overlap(boxes[order[0]], boxes[order[1:]])[0] < max_iou]
    return kept


def find(network, frame, min_score=0.02):
    """Boxes, scores and categories of a frame, padded at the right and below with black."""
    height, width = frame.shape[1:]
    padded = F.pad(frame[None], (0, -width % street.STRIDE, 0, -height % street.STRIDE))
    with torch.no_grad():
        rows = network(street.normalize(padded))[0]
    boxes = Cells(*padded.shape[2:]).boxes(rows)
    found = []
    for category in range(CLASSES):
        scores = rows[:, 4].sigmoid() * rows[:, 5 + category].sigmoid()
        strong = (scores > min_score).nonzero()[:, 0]
        kept = strong[suppress(boxes[strong], scores[strong])]
        found.append((boxes[kept], scores[kept]))
    return found


def average_precision(found, truths, category, min_iou=0.5):
    """The area under precision over recall of one category at one overlap. Crowds are neither right nor wrong."""
    rows, objects = [], 0
    for (boxes, scores), components in zip((frame[category] for frame in found), truths):
        components = [component for component in components if component.category == category]
        truth = torch.tensor([component.box for component in components], dtype=torch.float32).view(-1, 4)
        is_crowd = np.array([component.is_crowd for component in components], bool)
        objects += int((~is_crowd).sum())
        taken = np.zeros(len(components), bool)
        for box, score in zip(boxes, scores):
            iou = overlap(box, truth)[0].numpy()
            match = np.where(taken | is_crowd, 0, iou)
            if len(match) and match.max() >= min_iou:
                taken[match.argmax()] = True
                rows.append((score.item(), 1))
            elif not any(is_crowd) or inside(box, truth[is_crowd]) < min_iou:
                rows.append((score.item(), 0))
    hits = np.array([hit for _, hit in sorted(rows, reverse=True)] or [0])
    precision = hits.cumsum() / np.arange(1, len(hits) + 1)
    return (np.maximum.accumulate(precision[::-1])[::-1] * hits).sum() / max(1, objects)


def inside(box, regions):
    """The largest part of a box that one of the regions covers."""
    low, high = torch.maximum(box[:2], regions[:, :2]), torch.minimum(box[2:], regions[:, 2:])
    return ((high - low).clamp(min=0).prod(1) / (box[2:] - box[:2]).prod()).max().item()


def main():
    parser = training.parser(__doc__, epochs=60)
    parser.add_argument("--trunk", help="a checkpoint of street-segmentation; without, the weights start at random")
    arguments = parser.parse_args()
    training.begin(arguments)
    frames, maps, _ = street.read(arguments.data, "train", arguments.limit)
    val_frames, val_maps, _ = street.read(arguments.data, "val", arguments.limit)
    truths = [Truth(label_map) for label_map in maps.numpy()]
    val_truths = [street_boxes.components(label_map) for label_map in val_maps.numpy()]
    network = Detector()
    if arguments.trunk:
        weights = torch.load(arguments.trunk)["best_weights"]
        network.trunk.load_state_dict({
            name.removeprefix("trunk."): weight for name, weight in weights.items() if name.startswith("trunk.")})
    cells, steps = Cells(*street.VIEW), len(frames) // street.BATCH

    def losses(epoch):
        for pixels, variations in street.batches(epoch, frames):
            wanted = [truths[index].seen(variation) for index, variation in variations]
            yield loss_of(network(pixels), cells, wanted)

    def precisions(average):
        found = [find(average, frame) for frame in val_frames]
        return [average_precision(found, val_truths, category) for category in range(CLASSES)]

    optimizer = training.adamw(network, rate=1e-3)
    schedule = training.cosine(optimizer, arguments.epochs * steps)
    run = training.Training(
        network, optimizer, schedule, arguments.work, arguments.epochs, steps, momentum=0.995, longest=5)
    best = run.run(losses, lambda average: float(np.mean(precisions(average))))
    for name, precision in zip(street_boxes.CATEGORIES, precisions(best)):
        print(f"{name:12} AP50 {precision:.3f}")
    open_axes = {"image": {0: "N", 2: "H", 3: "W"}, "rows": {0: "N", 1: "cells"}}
    training.export(best, arguments.model, (1, 3, 64, 64), ["image", "rows"], open_axes)


if __name__ == "__main__":
    main()
