"""Makes a dataset folder of discs, squares and rings: which of the three, and where. An example to begin from.

    make_shapes.py [--out shapes]

Pictures are 1 x 32 x 32. `shape` is 0, 1 or 2; `place` is column and row of the middle, with the picture from -1 to 1.
"""

import argparse
import json
from pathlib import Path

import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("--out", type=Path, default=Path("shapes"))
out = parser.parse_args().out

rng = np.random.default_rng(1)
n, side = 6000, 32
shape = rng.integers(0, 3, n)
place = rng.uniform(-0.6, 0.6, (n, 2)).astype(np.float32)
radius = rng.uniform(4, 8, (n, 1, 1))
row, column = np.mgrid[:side, :side] + 0.5
x = column - (place[:, 0, None, None] + 1) * side / 2
y = row - (place[:, 1, None, None] + 1) * side / 2
distance = np.where(shape[:, None, None] == 1, np.maximum(abs(x), abs(y)), np.hypot(x, y))
inside = (distance < radius) & ((shape[:, None, None] != 2) | (distance > radius - 2))
pixels = rng.normal(90, 20, (n, side, side)) + 60 * inside

place[::5] = np.nan  # every fifth place is not known
shape[3::7] = -1     # nor is every seventh shape
out.mkdir(parents=True, exist_ok=True)
np.save(out / "images.npy", pixels.clip(0, 255).astype(np.uint8)[:, None])  # N x C x H x W
np.save(out / "shape.npy", shape)
np.save(out / "place.npy", place)
np.save(out / "split.npy", rng.choice(3, n, p=[0.7, 0.15, 0.15]).astype(np.uint8))
names = {"targets": {"shape": {"classes": ["disc", "square", "ring"]}}}     # optional: for reports
(out / "dataset.json").write_text(json.dumps(names))
