"""Reads a dataset folder: images.npy, one array a target, split.npy, dataset.json."""

import json
from pathlib import Path

import numpy as np

SPLITS = ("train", "validation", "test")


class Dataset:
    """images: uint8 N x C x H x W; targets: name -> array; mean and deviation: one a channel."""

    def __init__(self, folder):
        folder = Path(folder)
        self.description = json.loads((folder / "dataset.json").read_text())
        self.images = np.load(folder / "images.npy", mmap_mode="r")
        self.split = np.load(folder / "split.npy")
        self.targets = {name: np.load(folder / f"{name}.npy")
                        for name in self.description["targets"]}
        self.mean = np.asarray(self.description["mean"], np.float32)
        self.deviation = np.asarray(self.description["deviation"], np.float32)

    def rows(self, split):
        """Indices of a split's records, in file order."""
        return np.flatnonzero(self.split == SPLITS.index(split))

    def classes(self, target):
        return self.description["targets"][target]["size"]
