"""Opens a dataset folder with numpy.load and holds it against its dataset.json.

usage: python3 tests/contract/numpy_opens_datasets.py DATASET_DIR
Exit 0 if everything holds, 1 with the reason if not.
"""

import json
import os
import sys

import numpy

SPLITS = ("train", "validation", "test")


def require(condition, reason):
    if not condition:
        sys.exit(f"numpy_opens_datasets: {reason}")


def load(folder, name):
    # No pickles: plain arrays only. Mapped, as a user with a large folder would.
    return numpy.load(os.path.join(folder, name), mmap_mode="r", allow_pickle=False)


def check_statistics(images, split, description):
    pixels = images[split == 0].astype(numpy.float64)
    if len(pixels) == 0:
        require("mean" not in description, "a mean without training records")
        return
    deviation = pixels.std(axis=(0, 2, 3))
    deviation[deviation == 0] = 1.0
    for key, expected in (("mean", pixels.mean(axis=(0, 2, 3))), ("deviation", deviation)):
        require(
            numpy.allclose(description[key], expected, rtol=1e-6, atol=0),
            f"{key} is {expected} but dataset.json says {description[key]}",
        )


def check_classes(name, labels, split, entry):
    require(labels.ndim == 1 and labels.dtype.kind in "iu", f"{name}.npy is no list of integers")
    require(labels.max() < entry["size"], f"{name}.npy has a class beyond {entry['size']}")
    require(len(entry.get("classes", labels[:0])) in (0, entry["size"]), f"{name}: class names")
    for number, key in enumerate(SPLITS):
        part = labels[split == number]
        counts = numpy.bincount(part[part >= 0], minlength=entry["size"])
        require(counts.tolist() == entry["counts"][key], f"{name}: counts of {key} differ")
        require((part < 0).sum() == entry["missing"][key], f"{name}: missing of {key} differ")


def check_values(name, values, split, entry):
    require(values.dtype == numpy.float32, f"{name}.npy is not float32")
    require(values.shape[1:] == (entry["size"],), f"{name}.npy has shape {values.shape}")
    require(not numpy.isinf(values).any(), f"{name}.npy has infinite values")
    missing = numpy.isnan(values).any(axis=1)
    for number, key in enumerate(SPLITS):
        found = missing[split == number].sum()
        require(found == entry["missing"][key], f"{name}: missing of {key} differ")


def check_mask(name, mask, images, entry):
    require(mask.dtype == numpy.uint8, f"{name}.npy is not uint8")
    require(mask.shape[1:] == images.shape[2:], f"{name}.npy has shape {mask.shape}")
    require(((mask < entry["size"]) | (mask == 255)).all(), f"{name}.npy has unknown classes")


def main(folder):
    with open(os.path.join(folder, "dataset.json"), encoding="utf-8") as file:
        description = json.load(file)
    require(description["format"] == "medley-dataset", "another format")
    images, split = load(folder, "images.npy"), load(folder, "split.npy")
    require(images.dtype == numpy.uint8 and images.ndim == 4, "images.npy is not N x C x H x W")
    require(list(images.shape[1:]) == description["shape"], "the shape differs")
    require(split.dtype == numpy.uint8 and split.shape == images.shape[:1], "split.npy")
    require(split.max() <= 2, "split.npy has an unknown split")
    for number, key in enumerate(SPLITS):
        require((split == number).sum() == description["records"][key], f"records of {key}")
    check_statistics(images, split, description)
    for name, entry in description["targets"].items():
        target = load(folder, name + ".npy")
        require(len(target) == len(images), f"{name}.npy has {len(target)} records")
        if entry["kind"] == "classes":
            check_classes(name, target, split, entry)
        elif entry["kind"] == "values":
            check_values(name, target, split, entry)
        else:
            check_mask(name, target, images, entry)
    present = {name for name in os.listdir(folder) if name != "dataset.json"}
    require(present == set(description["checksums"]), f"files and checksums differ: {present}")
    print(f"{folder}: {len(images)} records, targets {', '.join(description['targets'])}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
