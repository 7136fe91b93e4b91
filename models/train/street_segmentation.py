"""Trains street-segmentation: every pixel of a street is one of eleven classes. An encoder, a decoder, skip connections.

    python3 street_segmentation.py CAMVID WORK model.onnx [--epochs 150]

CAMVID has train, val and test, each with images/*.jpg and labels/*.png; WORK keeps the checkpoint, from which the same
command goes on. Exported: `image` float32 [N, 3, H, W], sides multiples of 16 -> `scores` float32 [N, 11, H/2, W/2], logits.
"""
import torch
import torch.nn.functional as F
from torch import nn

import street
import training


class Segmenter(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = street.StreetNet()
        half, quarter, *_ = street.StreetNet.CHANNELS
        self.from_quarter = street.Up(quarter, len(street.CLASSES), bias=True)
        # Poles and signs are a pixel or two wide: what the first layer saw helps to place them.
        self.from_half = nn.Conv2d(half, len(street.CLASSES), 1, bias=False)

    def forward(self, x):
        half, quarter, *_ = self.trunk(x)
        return self.from_quarter(quarter) + self.from_half(half)


def class_weights(maps):
    """Rare classes count more, by ENet's formula (Paszke et al. 2016) with a gentler constant."""
    counts = torch.bincount(maps.flatten().long(), minlength=street.VOID + 1)[:street.VOID].float()
    weights = 1 / torch.log(1.10 + counts / counts.sum())
    return weights / weights.mean()


def confusion(network, frames, maps):
    """[11, 11] pixels by true and by predicted class, at the frames' own size."""
    total = torch.zeros(street.VOID ** 2, dtype=torch.long)
    height, width = frames.shape[2:]
    network.eval()
    with torch.no_grad():
        for frame, truth in zip(frames, maps):
            # As the service: filled up at the right and below with black, and scores interpolated to the frame.
            padded = F.pad(frame[None], (0, -width % street.STRIDE, 0, -height % street.STRIDE))
            scores = network(street.normalize(padded))
            scores = F.interpolate(scores, scale_factor=2, mode="bilinear", align_corners=False)
            found = scores[0, :, :height, :width].argmax(0)
            known = truth < street.VOID
            total += torch.bincount(truth[known].long() * street.VOID + found[known], minlength=street.VOID ** 2)
    return total.view(street.VOID, street.VOID)


def iou(matrix):
    """[11], NaN for a class that neither is nor was found."""
    hits = matrix.diag().float()
    return hits / (matrix.sum(0) + matrix.sum(1) - hits)


def main():
    arguments = training.parser(__doc__, epochs=150).parse_args()
    training.begin(arguments)
    frames, maps, _ = street.read(arguments.data, "train", arguments.limit)
    val_frames, val_maps, _ = street.read(arguments.data, "val", arguments.limit)
    network = Segmenter()
    criterion = nn.CrossEntropyLoss(class_weights(maps), ignore_index=street.VOID)
    steps = len(frames) // street.BATCH

    def losses(epoch):
        for pixels, variations in street.batches(epoch, frames):
            truths = torch.stack([variation.labels(maps[index], 2) for index, variation in variations])
            yield criterion(network(pixels), truths)

    def measure(average):
        return iou(confusion(average, val_frames, val_maps)).nanmean().item()

    optimizer = training.adamw(network, rate=2e-3)
    schedule = training.cosine(optimizer, arguments.epochs * steps)
    run = training.Training(
        network, optimizer, schedule, arguments.work, arguments.epochs, steps, momentum=0.995, longest=5)
    best = run.run(losses, measure)
    for name, value in zip(street.CLASSES, iou(confusion(best, val_frames, val_maps))):
        print(f"{name:12} {value:.3f}")
    open_axes = {"image": {0: "N", 2: "H", 3: "W"}, "scores": {0: "N", 2: "h", 3: "w"}}
    training.export(best, arguments.model, (1, 3, 64, 64), ["image", "scores"], open_axes)


if __name__ == "__main__":
    main()
