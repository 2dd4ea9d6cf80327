#!/usr/bin/env python3
"""Writes folds.json: how alike the folds are that scikit-learn's StratifiedGroupKFold makes of random records.

Run it where scikit-learn is installed: python3 tests/golden/folds.py
"""

import json
import pathlib
import warnings

import numpy as np
import sklearn
from sklearn.model_selection import StratifiedGroupKFold

FOLDS, CLASSES, SEEDS = 5, 4, 20


def case(seed, groups, largest):
    """Groups of 1 to `largest` records, each with a leaning towards one class."""
    random = np.random.default_rng(seed)
    sizes = random.integers(1, largest + 1, groups)
    group = random.permutation(np.repeat(np.arange(groups), sizes))
    leaning = random.integers(0, CLASSES, groups)
    label = np.where(random.random(len(group)) < 0.6, leaning[group], random.integers(0, CLASSES, len(group)))
    return {"groups": group.tolist(), "labels": label.tolist(),
            "uneven": float(np.mean([uneven(group, label, s) for s in range(SEEDS)]))}


def uneven(group, label, seed):
    """Sum over folds and classes of (n_sf - n_s / N)^2 / n_s, all records being one class more."""
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed).split(label, label, group)
    counts = np.array([[*np.bincount(label[rows], minlength=CLASSES), len(rows)] for _, rows in folds])
    totals = counts.sum(0)
    return float((((counts - totals / FOLDS) ** 2) / totals).sum())


def main():
    warnings.simplefilter("ignore")
    content = {"made_by": f"tests/golden/folds.py, scikit-learn {sklearn.__version__}", "folds": FOLDS,
               "classes": CLASSES, "seeds": SEEDS, "cases": [case(1, 40, 14), case(2, 12, 30), case(3, 90, 3)]}
    target = pathlib.Path(__file__).with_name("folds.json")
    target.write_text(json.dumps(content, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
