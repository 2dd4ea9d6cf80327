"""The pictures of two digits that data/make_two_digits.py makes of IDX files."""

import gzip
import json
import struct
import subprocess
import sys

import numpy as np
from harness import ROOT, Done, require, shorter

SIDE, COUNT, OFFSET = 20, 60, 8


def _idx(array):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def _sources(folder):
    """Every picture has its number as its first and its last pixel, and as its label by tens."""
    images = np.random.RandomState(3).randint(0, 200, (COUNT, SIDE, SIDE)).astype(np.uint8)
    images[:, 0, 0] = images[:, -1, -1] = 100 + np.arange(COUNT)
    labels = (np.arange(COUNT) // 10).astype(np.uint8)
    (folder / "images").write_bytes(_idx(images))
    (folder / "labels").write_bytes(_idx(labels))
    return images, labels


def _make(folder, out, *options, images="images", labels="labels"):
    command = [sys.executable, ROOT / "data/make_two_digits.py", "--images", folder / images, "--labels",
               folder / labels, "--out", folder / out, "--records", "400", *options]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    return Done(shorter(list(map(str, command))), done.returncode, done.stdout, done.stderr)


def _read(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def two_digits_lie_where_their_labels_say(bench):
    folder = bench.folder("two-digits")
    images, labels = _sources(folder)
    _make(folder, "out", "--split-fractions", "0.5,0.2,0.3").expect(0)
    out = {path.stem: np.load(path) for path in (folder / "out").glob("*.npy")}
    pictures, split = out["images"], out["split"]
    require(pictures.shape == (400, 1, SIDE + OFFSET, SIDE + OFFSET), f"shape {pictures.shape}")
    # The first pixel is that of the upper left digit alone, the last that of the lower right one.
    first, second = pictures[:, 0, 0, 0] - 100, pictures[:, 0, -1, -1] - 100
    canvas = np.zeros_like(pictures[:, 0])
    canvas[:, :SIDE, :SIDE] = images[first]
    canvas[:, OFFSET:, OFFSET:] = np.maximum(canvas[:, OFFSET:, OFFSET:], images[second])
    require((pictures[:, 0] == canvas).all(), "pictures are not the brighter of two that overlap")
    require((out["left"] == labels[first]).all() and (out["right"] == labels[second]).all(), "labels")
    require((first != second).all(), "a picture lies on itself")
    require(np.bincount(split).tolist() == [200, 80, 120], f"splits of {np.bincount(split)} records")
    used = [set(first[split == s]) | set(second[split == s]) for s in range(3)]
    require(not (used[0] & used[1] or used[0] & used[2] or used[1] & used[2]),
            "a digit's picture is in two splits")
    require([len(u) for u in used] == [30, 12, 18], f"splits have {[len(u) for u in used]} digits")
    said = json.loads((folder / "out/dataset.json").read_text())
    train = pictures[split == 0]
    require(said["mean"] == [float(np.float32(train.mean(dtype=np.float64)))], f"mean {said['mean']}")
    require(abs(said["deviation"][0] / train.std(dtype=np.float64) - 1) < 1e-6, "deviation")
    return "400 records"


def two_digits_are_the_same_bytes_again(bench):
    folder = bench.folder("two-digits-again")
    _sources(folder)
    for name in ("images", "labels"):
        (folder / f"{name}.gz").write_bytes(gzip.compress((folder / name).read_bytes()))
    _make(folder, "one").expect(0)
    _make(folder, "two").expect(0)
    _make(folder, "packed", images="images.gz", labels="labels.gz").expect(0)
    _make(folder, "seed", "--seed", "2").expect(0)
    one, packed = _read(folder / "one"), _read(folder / "packed")
    require(one == _read(folder / "two"), "the same files and options gave other bytes")
    for name in ("images.npy", "left.npy", "right.npy", "split.npy"):
        require(one[name] == packed[name], f"{name} differs from that of gzipped files")
    require(one["images.npy"] != _read(folder / "seed")["images.npy"], "the seed changes nothing")
    return "4 times"


def bad_idx_files_are_told(bench):
    folder = bench.folder("two-digits-bad")
    _sources(folder)
    images, labels = (folder / "images").read_bytes(), (folder / "labels").read_bytes()
    packed = gzip.compress(images)
    broken = packed[:200] + bytes([packed[200] ^ 255]) + packed[201:]
    cases = [
        ("images", b"", "no IDX file"), ("images", b"\x89PNG" + images, "no IDX file"),
        ("images", labels, "1 dimensions; needed are 3"), ("labels", images, "3 dimensions; needed are 1"),
        ("images", b"\0\0\x0d" + images[3:], "0x0d"), ("images", images[:9], "within the header"),
        ("images", images[:-1], "there are 23999"), ("images", images + b"\0", "there are 24001"),
        ("images", packed[:-9], "gzip"), ("images", broken, "gzip"),
        ("images", _idx(np.zeros((60, 0, 20), np.uint8)), "no pixels"),
        ("labels", _idx(np.zeros(59, np.uint8)), "59 labels for the 60 pictures"),
        ("labels", labels[:-1] + b"\x0a", "label 59 is 10"),
    ]
    for name, content, text in cases:
        (folder / "bad").write_bytes(content)
        _make(folder, "out", **{name: "bad"}).expect(3, str(folder / "bad"), text)
    _make(folder, "out", "--split-fractions", "0.98,0.01,0.01").expect(3, "1 for validation")
    _make(folder, "out", images="nowhere").expect(4, "nowhere")
    for wrong in (("--split-fractions", "0.5,0.5"), ("--split-fractions", "0.5,0.4,0.3"), ("--records", "0"),
                  ("--split-fractions", "nan,0.5,0.5"), ("--offset", "-1"), ("--records", "many")):
        _make(folder, "out", *wrong).expect(2, wrong[0])
    require(not (folder / "out").exists(), "refused files left a folder")
    return f"{len(cases) + 8} ways"
