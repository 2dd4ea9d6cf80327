"""Makes a dataset folder of scenes with masks, the same bytes on every machine.

    make_scenes.py --out DIR [--records 200] [--missing PERCENT] [--seed 1]

Pictures are 5x12x12: a rectangle of one of three kinds on a noisy background, seen differently by
each of the five channels. Targets: `parts` (mask: background, the rectangle's border, its inside),
`outline` (mask: the same of the rectangle without its last row), `kind` (3 classes). With --missing,
each pixel of `parts` (255) and each `kind` (-1) is missing with this probability. Of the records, 3/4
train, 1/8 validate and 1/8 test. Exit code 0; 2 for wrong usage.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

SIZE, CHANNELS = 12, 5
LIGHT = np.array([[150, 60, 90, 20, 120], [40, 160, 30, 110, 80], [90, 20, 140, 130, 10]])


def mask(rows, columns):
    """Background 0, border 1, inside 2."""
    picture = np.zeros((SIZE, SIZE), np.uint8)
    picture[rows, columns] = 1
    picture[rows.start + 1:rows.stop - 1, columns.start + 1:columns.stop - 1] = 2
    return picture


def make(records, missing, seed):
    """Images and targets. RandomState's streams are frozen, and all is integers."""
    random = np.random.RandomState(seed)
    kind = random.randint(0, 3, records)
    images = random.randint(0, 70, (records, CHANNELS, SIZE, SIZE))
    parts = np.empty((records, SIZE, SIZE), np.uint8)
    outline = np.empty_like(parts)
    for i in range(records):
        top, left = random.randint(0, 5, 2)
        height, width = random.randint(4, 8, 2)
        rows, columns = slice(top, top + height), slice(left, left + width)
        images[i, :, rows, columns] += LIGHT[kind[i]][:, None, None]
        parts[i] = mask(rows, columns)
        outline[i] = mask(slice(top, top + height - 1), columns)
    parts[random.randint(0, 100, parts.shape) < missing] = 255
    kind[random.randint(0, 100, records) < missing] = -1
    return images.astype(np.uint8), {"parts": parts, "outline": outline,
                                     "kind": kind.astype(np.int32)}


def write(folder, records, missing, seed):
    images, targets = make(records, missing, seed)
    split = np.zeros(records, np.uint8)
    split[records * 3 // 4:] = 1
    split[records * 7 // 8:] = 2
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "images.npy", images)
    np.save(folder / "split.npy", split)
    for name, labels in targets.items():
        np.save(folder / f"{name}.npy", labels)
    # The statistics of the training split are from exact integer sums.
    train = images[split == 0].astype(np.int64)
    count = train.size // CHANNELS
    total, squares = train.sum((0, 2, 3)), (train * train).sum((0, 2, 3))
    deviation = np.sqrt(count * squares - total ** 2) / count
    (folder / "dataset.json").write_text(json.dumps({
        "format": "medley-dataset", "version": 1, "shape": list(images.shape[1:]),
        "records": {name: int((split == i).sum())
                    for i, name in enumerate(("train", "validation", "test"))},
        "mean": [float(np.float32(m)) for m in total / count],
        "deviation": [float(np.float32(d)) for d in deviation],
        "targets": {"parts": {"kind": "mask", "size": 3}, "outline": {"kind": "mask", "size": 3},
                    "kind": {"kind": "classes", "size": 3}},
        "provenance": {"script": Path(__file__).name, "records": records, "missing": missing,
                       "seed": seed},
    }, indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="dataset folder to write")
    parser.add_argument("--records", type=int, default=200)
    parser.add_argument("--missing", type=int, default=0, help="percent of labels that are missing")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    write(options.out, options.records, options.missing, options.seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
