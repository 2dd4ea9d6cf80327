"""Reads a dataset folder: images, one array a target, splits, dataset.json if there is one."""

import json
from pathlib import Path

import numpy as np

SPLITS = ("train", "validation", "test")


class Dataset:
    """images: uint8 N x C x H x W; targets: name -> array; mean and deviation: one a channel."""

    def __init__(self, folder):
        folder = Path(folder)
        description = folder / "dataset.json"
        self.description = json.loads(description.read_text()) if description.exists() else {}
        self.images = np.load(folder / "images.npy", mmap_mode="r")
        self.split = np.load(folder / "split.npy")
        self.targets = {path.stem: np.load(path) for path in sorted(folder.glob("*.npy"))
                        if path.stem not in ("images", "split", "group", "weight")}
        if "mean" not in self.description or "deviation" not in self.description:
            self.description["mean"], self.description["deviation"] = self.statistics()
        self.mean = np.asarray(self.description["mean"], np.float32)
        self.deviation = np.asarray(self.description["deviation"], np.float32)

    def statistics(self):
        """Mean and deviation of each channel over the training split."""
        train = self.images[self.rows("train")].astype(np.float64)
        return train.mean((0, 2, 3)), train.std((0, 2, 3))

    def rows(self, split):
        """Indices of a split's records, in file order."""
        return np.flatnonzero(self.split == SPLITS.index(split))

    def classes(self, target):
        return self.description["targets"][target]["size"]
