"""Boxes of cars, pedestrians and bicyclists, made from label maps: CamVid has no others.

    python3 street_boxes.py CAMVID test test.json

writes those of a split in COCO's form, for `visionservice evaluate detect`.

A box is drawn around each connected component (eight neighbours) of a class's pixels. Components that a detector cannot
fairly be asked for are crowds in COCO's sense, neither right nor wrong, in training and in the figures alike: those of
less than MIN_AREA pixels, and those so wide for their height that they are a row of objects that touch.
"""
import argparse
import json
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

import street

CATEGORIES = ["car", "pedestrian", "bicyclist"]
MIN_AREA = 64
MAX_ASPECT = {"car": 3.0, "pedestrian": 1.0, "bicyclist": 1.5}


@dataclass
class Component:
    """x0, y0, x1, y1 in pixels, the last two exclusive; area in pixels."""

    category: int
    box: tuple
    area: int
    is_crowd: bool
    mask: np.ndarray


def components(label_map):
    """The components of a label map, [H, W], in the order of the categories."""
    found = []
    for category, name in enumerate(CATEGORIES):
        numbered, _ = ndimage.label(label_map == street.CLASSES.index(name), np.ones((3, 3)))
        for number, (rows, columns) in enumerate(ndimage.find_objects(numbered), 1):
            mask = np.zeros(label_map.shape, bool)
            mask[rows, columns] = numbered[rows, columns] == number
            width, height, area = columns.stop - columns.start, rows.stop - rows.start, int(mask.sum())
            is_crowd = area < MIN_AREA or width > MAX_ASPECT[name] * height
            box = (columns.start, rows.start, columns.stop, rows.stop)
            found.append(Component(category, box, area, is_crowd, mask))
    return found


def coco(maps, names):
    """COCO's instances.json, without masks."""
    height, width = maps.shape[1:]
    annotations = []
    for image, label_map in enumerate(maps, 1):
        for component in components(label_map):
            left, top, right, bottom = component.box
            annotations.append({
                "id": len(annotations) + 1, "image_id": image, "category_id": component.category + 1,
                "area": component.area, "iscrowd": int(component.is_crowd),
                "bbox": [left, top, right - left, bottom - top]})
    return {
        "images": [
            {"id": i, "file_name": f"{name}.jpg", "width": width, "height": height} for i, name in enumerate(names, 1)],
        "categories": [{"id": i, "name": name} for i, name in enumerate(CATEGORIES, 1)],
        "annotations": annotations}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("camvid")
    arguments.add_argument("split", choices=["train", "val", "test"])
    arguments.add_argument("out")
    arguments = arguments.parse_args()
    _, maps, names = street.read(arguments.camvid, arguments.split)
    truth = coco(maps.numpy(), names)
    with open(arguments.out, "w", encoding="utf-8") as file:
        json.dump(truth, file)
    counted = [a["category_id"] for a in truth["annotations"] if not a["iscrowd"]]
    print(", ".join(f"{name} {counted.count(i)}" for i, name in enumerate(CATEGORIES, 1)),
          f"and {len(truth['annotations']) - len(counted)} crowds on {len(names)} frames")


if __name__ == "__main__":
    main()
