"""Makes a dataset folder of drawn digits, the same bytes on every machine.

    make_digits.py --out DIR [--records 2000] [--missing PERCENT] [--seed 1]

Pictures are 1x28x28: a digit of seven strokes, somewhat displaced, of varying thickness and
brightness, on a noisy background. Targets: `digit` (10 classes), `side` (which half of the picture
the digit stands in; 2 classes). With --missing, each target of each record is missing (-1) with this
probability. Of the records, 3/4 train, 1/8 validate and 1/8 test. Exit code 0; 2 for wrong usage.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

SIZE, WIDTH, HEIGHT = 28, 9, 17  # of the picture; of a digit
# Strokes: left, top, right, bottom in units of a digit's half height and width.
STROKES = {"a": (0, 0, 1, 0), "b": (1, 0, 1, 1), "c": (1, 1, 1, 2), "d": (0, 2, 1, 2),
           "e": (0, 1, 0, 2), "f": (0, 0, 0, 1), "g": (0, 1, 1, 1)}
DIGITS = ("abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg")


def draw(digit, left, top, thickness, brightness):
    picture = np.zeros((SIZE, SIZE), np.int64)
    for stroke in DIGITS[digit]:
        x0, y0, x1, y1 = STROKES[stroke]
        rows = slice(top + y0 * (HEIGHT // 2), top + y1 * (HEIGHT // 2) + thickness)
        columns = slice(left + x0 * (WIDTH - 1), left + x1 * (WIDTH - 1) + thickness)
        picture[rows, columns] = brightness
    return picture


def make(records, missing, seed):
    """Images and targets. RandomState's streams are frozen, and all is integers."""
    random = np.random.RandomState(seed)
    images = np.empty((records, 1, SIZE, SIZE), np.uint8)
    digit = random.randint(0, 10, records)
    side = random.randint(0, 2, records)
    for i in range(records):
        thickness = random.randint(1, 4)
        left = random.randint(1, 7) + 10 * side[i]
        top = random.randint(1, SIZE - HEIGHT - thickness)
        strokes = draw(digit[i], left, top, thickness, random.randint(70, 190))
        noise = random.randint(0, 66, (SIZE, SIZE))
        images[i, 0] = np.minimum(strokes + noise, 255)
    targets = {"digit": digit.astype(np.int32), "side": side.astype(np.int32)}
    for labels in targets.values():
        labels[random.randint(0, 100, records) < missing] = -1
    return images, targets


def describe(images, split, targets, provenance):
    """dataset.json; the statistics of the training split are from exact integer sums."""
    train = images[split == 0].astype(np.int64)
    mean = train.sum() / train.size
    deviation = np.sqrt(train.size * (train * train).sum() - train.sum() ** 2) / train.size
    sizes = {"digit": 10, "side": 2}
    return {
        "format": "medley-dataset", "version": 1, "shape": list(images.shape[1:]),
        "records": {name: int((split == i).sum())
                    for i, name in enumerate(("train", "validation", "test"))},
        "mean": [float(np.float32(mean))], "deviation": [float(np.float32(deviation))],
        "targets": {name: {"kind": "classes", "size": sizes[name]} for name in targets},
        "provenance": {"script": Path(__file__).name, **provenance},
    }


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
    provenance = {"records": records, "missing": missing, "seed": seed}
    (folder / "dataset.json").write_text(
        json.dumps(describe(images, split, targets, provenance), indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="dataset folder to write")
    parser.add_argument("--records", type=int, default=2000)
    parser.add_argument("--missing", type=int, default=0, help="percent of labels that are missing")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    write(options.out, options.records, options.missing, options.seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
