"""Makes a dataset folder of two overlapping digits from the files of MNIST, or others like them.

    make_two_digits.py --images t10k-images-idx3-ubyte.gz --labels t10k-labels-idx1-ubyte.gz --out DIR
                       [--records 16000] [--split-fractions 0.5,0.125,0.375] [--offset 8] [--seed 1]

Of two pictures of H x W, one lies at the upper left of H + offset x W + offset pixels, the other at the
lower right; where they overlap, the brighter pixel is seen. Targets: `left` and `right`, the classes of the
two. Pairs are drawn with replacement, two different pictures each. After Sabour et al. 2017 (1710.09829,
section 6) and Sener and Koltun 2018 (1810.04650, section 5.1), who scale the result down again.

The pictures of the file are dealt to the splits before pairs are drawn, so that no picture is in records of
two splits; both pictures and records are shared out by the fractions (training, validation, test; a test
fraction of 0 for a file that trains only). The same files and options give the same bytes.

--images and --labels are IDX files (the format of yann.lecun.com/exdb/mnist), as they are or gzipped: pictures
of uint8 in three dimensions, classes of uint8 in one. Exit code 0; 2 for wrong usage, 3 for bad data, 4 where
a file cannot be read or written.
"""

import argparse
import gzip
import json
import sys
import zlib
from pathlib import Path

import numpy as np

SPLITS = ("train", "validation", "test")
TARGETS = ("left", "right")
UNSIGNED_BYTES = 8  # the code of uint8 in an IDX file


class BadData(Exception):
    """A file that is not what it should be; the message names it."""


def unpacked(path):
    content = path.read_bytes()
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, OSError, zlib.error) as error:
        raise BadData(f"{path}: gzip data are damaged or cut off ({error})") from error


def read_idx(path, dimensions):
    """The array of an IDX file: two zero bytes, a code for the type, the number of dimensions, each as a
    big-endian 32-bit number, then the elements in row-major order."""
    content = unpacked(path)
    if len(content) < 4 or content[:2] != b"\0\0":
        raise BadData(f"{path}: this is no IDX file, which begins with two zero bytes")
    if content[2] != UNSIGNED_BYTES:
        raise BadData(f"{path}: elements have the type code 0x{content[2]:02x}; needed is 0x08, uint8")
    if content[3] != dimensions:
        raise BadData(f"{path}: {content[3]} dimensions; needed are {dimensions}")
    begin = 4 + 4 * dimensions
    if len(content) < begin:
        raise BadData(f"{path}: cut off within the header")
    shape = [int(size) for size in np.frombuffer(content, ">u4", dimensions, 4)]
    needed, present = int(np.prod(shape, dtype=object)), len(content) - begin
    if needed != present:
        raise BadData(f"{path}: {' x '.join(map(str, shape))} elements need {needed} bytes after the header; "
                      f"there are {present}")
    return np.frombuffer(content, np.uint8, offset=begin).reshape(shape)


def read_digits(images_path, labels_path):
    images, labels = read_idx(images_path, 3), read_idx(labels_path, 1)
    if len(images) != len(labels):
        raise BadData(f"{labels_path}: {len(labels)} labels for the {len(images)} pictures of {images_path}")
    if images.size == 0:
        raise BadData(f"{images_path}: holds no pixels")
    wrong = np.flatnonzero(labels > 9)
    if len(wrong):
        raise BadData(f"{labels_path}: label {wrong[0]} is {labels[wrong[0]]}; digits are 0 to 9")
    return images, labels


def shared_out(count, fractions):
    """How many of `count` each split gets; what rounding leaves is for training."""
    later = [int(count * fraction + 0.5) for fraction in fractions[1:]]
    return [count - sum(later), *later]


def draw_pairs(random, pictures, records, fractions, path):
    """The two pictures of each record, and its split. RandomState's streams are frozen."""
    order = random.permutation(pictures)
    pairs, first = [], 0
    for name, own, wanted in zip(SPLITS, shared_out(pictures, fractions), shared_out(records, fractions)):
        if wanted and own < 2:
            raise BadData(f"{path}: {pictures} pictures leave {own} for {name}; two are the least")
        chosen = order[first:first + own]
        first += own
        upper = random.randint(0, max(own, 1), wanted)
        lower = (upper + random.randint(1, max(own, 2), wanted)) % max(own, 1)
        pairs.append(np.stack([chosen[upper], chosen[lower]]))
    split = np.repeat(np.arange(len(SPLITS), dtype=np.uint8), [pair.shape[1] for pair in pairs])
    return np.concatenate(pairs, axis=1), split


def overlap(images, pairs, offset):
    """N x 1 x (H + offset) x (W + offset)."""
    height, width = images.shape[1:]
    pictures = np.zeros((pairs.shape[1], 1, height + offset, width + offset), np.uint8)
    pictures[:, 0, :height, :width] = images[pairs[0]]
    lower = pictures[:, 0, offset:, offset:]
    np.maximum(lower, images[pairs[1]], out=lower)
    return pictures


def describe(pictures, split, provenance):
    """dataset.json; the statistics of the training split are from exact integer sums."""
    counts = np.bincount(pictures[split == 0].reshape(-1), minlength=256).astype(np.int64)
    values = np.arange(256)
    pixels, total, squares = (int((counts * values**power).sum()) for power in (0, 1, 2))
    deviation = (pixels * squares - total * total) ** 0.5 / pixels
    return {
        "format": "medley-dataset", "version": 1, "shape": list(pictures.shape[1:]),
        "records": {name: int((split == i).sum()) for i, name in enumerate(SPLITS)},
        "mean": [float(np.float32(total / pixels))],
        "deviation": [float(np.float32(max(deviation, 1e-30)))],
        "targets": {name: {"kind": "classes", "size": 10, "classes": list("0123456789")}
                    for name in TARGETS},
        "provenance": {"script": Path(__file__).name, **provenance},
    }


def write(options):
    images, labels = read_digits(options.images, options.labels)
    random = np.random.RandomState(options.seed)
    pairs, split = draw_pairs(random, len(images), options.records, options.split_fractions, options.images)
    pictures = overlap(images, pairs, options.offset)
    options.out.mkdir(parents=True, exist_ok=True)
    np.save(options.out / "images.npy", pictures)
    np.save(options.out / "split.npy", split)
    for name, chosen in zip(TARGETS, pairs):
        np.save(options.out / f"{name}.npy", labels[chosen])
    provenance = {"images": options.images.name, "labels": options.labels.name, "records": options.records,
                  "split_fractions": options.split_fractions, "offset": options.offset, "seed": options.seed}
    (options.out / "dataset.json").write_text(
        json.dumps(describe(pictures, split, provenance), indent=1) + "\n", encoding="utf-8")


def fractions(text):
    parts = [float(part) for part in text.split(",")]
    if len(parts) != len(SPLITS) or not (min(parts) >= 0 and parts[0] > 0 and abs(sum(parts) - 1) < 1e-6):
        raise argparse.ArgumentTypeError(f"'{text}': three fractions that add up to 1, the first above 0")
    return parts


def whole(least, most):
    def parse(text):
        if not text.isdigit() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"'{text}': a whole number from {least} to {most}")
        return int(text)
    return parse


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True, help="IDX file of pictures")
    parser.add_argument("--labels", type=Path, required=True, help="IDX file of their classes")
    parser.add_argument("--out", type=Path, required=True, help="dataset folder to write")
    parser.add_argument("--records", type=whole(1, 10**7), default=16000, help="of all splits together")
    parser.add_argument("--split-fractions", type=fractions, default=[0.5, 0.125, 0.375], metavar="T,V,E")
    parser.add_argument("--offset", type=whole(0, 1000), default=8, help="pixels from one to the other")
    parser.add_argument("--seed", type=whole(0, 2**32 - 1), default=1)
    options = parser.parse_args()
    try:
        write(options)
    except BadData as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 3
    except OSError as error:
        print(f"{parser.prog}: {error.filename}: {error.strerror}", file=sys.stderr)
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main())
