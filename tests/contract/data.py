"""Data sets and pictures for the tests, the same bytes on every machine. Needs numpy alone."""

import json
import struct
import subprocess
import sys
import zlib

import numpy as np
from harness import ROOT

# 100 of 137 train: with a batch of 43 the last one of an epoch is not full, and nothing is a multiple
# of anything.
RECORDS, TRAIN, VALIDATION = 137, 100, 19


def everything(folder, records=RECORDS):
    """A dataset folder for the experiment `everything`, with targets missing here and there."""
    random = np.random.RandomState(7)
    images = random.randint(0, 256, (records, 3, 16, 16)).astype(np.uint8)
    kind = random.randint(0, 5, records).astype(np.int32)
    grade = random.randint(0, 3, records).astype(np.int64)
    answer = random.randint(0, 2, records).astype(np.uint8)
    place = (random.randint(-1000, 1000, (records, 2)) / 1000).astype(np.float32)
    outline = random.randint(0, 2, (records, 16, 16)).astype(np.uint8)
    parts = random.randint(0, 3, (records, 16, 16)).astype(np.uint8)
    images[:, 0] = images[:, 0] // 2 + (kind[:, None, None] * 20).astype(np.uint8)
    kind[random.randint(0, 100, records) < 20] = -1
    grade[random.randint(0, 100, records) < 10] = -5
    place[random.randint(0, 100, records) < 15] = np.nan
    place[random.randint(0, 100, records) < 5, 1] = np.nan
    outline[random.randint(0, 100, records) < 10] = 255
    parts[random.randint(0, 100, parts.shape) < 30] = 255
    split = np.zeros(records, np.uint8)
    split[TRAIN:] = 1
    split[TRAIN + VALIDATION:] = 2
    split = split[random.permutation(records)]
    arrays = {"images": images, "split": split, "kind": kind, "grade": grade, "answer": answer,
              "place": place, "outline": outline, "parts": parts}
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)


def digits(folder, records=800):
    """A dataset folder for LeNet."""
    subprocess.run([sys.executable, ROOT / "tests/oracle/make_digits.py", "--out", folder,
                    "--records", str(records), "--missing", "10"], check=True)


def few_digits(folder):
    """For what is done with every mix: 135 of 180 train, in batches of 43 three and one that is not full."""
    digits(folder, 180)


def noise(folder, description, records=67):
    """A dataset folder of random numbers for the experiment that `info --json` describes."""
    random = np.random.RandomState(3)
    shape = description["input"]
    size = (records, shape["channels"], shape["height"], shape["width"])
    np.save(folder / "images.npy", random.randint(0, 256, size).astype(np.uint8))
    for target in description["targets"]:
        if target["kind"] == "values":
            values = random.rand(records, target["size"]).astype(np.float32)
        else:
            dims = (records, *size[2:]) if target["kind"] == "mask" else records
            values = random.randint(0, target["size"], dims).astype(np.uint8)
        np.save(folder / f"{target['name']}.npy", values)
    np.save(folder / "split.npy", (np.arange(records) % 7 // 5).astype(np.uint8))


def repeat(source, folder, times):
    """A dataset folder with every record of another one so many times."""
    for path in source.glob("*.npy"):
        array = np.load(path)
        np.save(folder / path.name, np.concatenate([array] * times))
    description = json.loads((source / "dataset.json").read_text())
    description["records"] = {k: n * times for k, n in description["records"].items()}
    (folder / "dataset.json").write_text(json.dumps(description))


def pictures(folder, count):
    """PNG files p0.png, p1.png, ... of odd sizes; returns their names without the suffix."""
    random = np.random.RandomState(5)
    for i in range(count):
        size = random.randint(9, 60, 2)
        pixels = random.randint(0, 256, (*size, 3)).astype(np.uint8)
        (folder / f"p{i}.png").write_bytes(png(pixels))
    return [f"p{i}" for i in range(count)]


def png(pixels, palette=None):
    """A PNG file of an array of uint8 or uint16, H x W x 3, or H x W: grays, or indices of a palette of colours."""
    height, width = pixels.shape[:2]
    kind = 2 if pixels.ndim == 3 else 0 if palette is None else 3
    colours = b"" if palette is None else np.asarray(palette, np.uint8).tobytes()
    rows = b"".join(b"\0" + row.astype(row.dtype.newbyteorder(">")).tobytes() for row in pixels)

    def chunk(name, data):
        return (struct.pack(">I", len(data)) + name + data +
                struct.pack(">I", zlib.crc32(name + data)))

    header = struct.pack(">IIBBBBB", width, height, 8 * pixels.itemsize, kind, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) +
            (chunk(b"PLTE", colours) if colours else b"") + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
