#!/usr/bin/env python3
"""Writes uncertainty.json: standard errors and percentile intervals by the bootstrap, over records and over
groups of them, of metrics as scikit-learn has them, with the program's own random numbers.

Run it where scikit-learn is installed: python3 tests/golden/uncertainty.py
"""

import json
import pathlib
import sys
import warnings

import numpy as np
import sklearn
from sklearn import metrics

sys.path.append(str(pathlib.Path(__file__).parents[1] / "oracle"))
from philox import philox  # noqa: E402

RESAMPLING, SPLIT, SAMPLES = 8, 2, 1000  # what the numbers are for; the test split
random = np.random.default_rng(11)


def draws(count, sample):
    words = []
    for i in range(-(-count // 4)):
        words += philox((i, RESAMPLING << 24 | SPLIT, sample, 0), (1, 0))
    return [word * count >> 32 for word in words[:count]]


def classes(c, rows):
    """Of a class target: records whose label is -1 count for nothing."""
    rows = rows[c["label"][rows] >= 0]
    true, found = c["label"][rows], c["predicted"][rows]
    values = {"term.kind": c["loss"][rows].mean(), "kind.accuracy": metrics.accuracy_score(true, found),
              "kind.balanced_accuracy": metrics.balanced_accuracy_score(true, found)}
    if c["classes"] > 2:
        values["kind.macro_f1"] = metrics.f1_score(true, found, average="macro")
    else:
        values["kind.f1"] = metrics.f1_score(true, found) if (true | found).any() else np.nan
        values["kind.auc"] = metrics.roc_auc_score(true, c["score"][rows]) if 0 < true.sum() < len(true) else np.nan
    return values


def errors(c, rows):
    found = c["error"][rows]
    return {"place.mean_absolute_error": np.abs(found).mean(),
            "place.root_mean_squared_error": np.sqrt((found ** 2).mean())}


def masks(c, rows):
    true, found = c["mask"][rows].ravel(), c["found"][rows].ravel()
    return {"part.mean_iou": metrics.jaccard_score(true, found, average="macro"),
            "part.pixel_accuracy": metrics.accuracy_score(true, found)}


def case(name, c, values_of):
    """`group` numbers the draws from 0 in the order of their first records."""
    members = [np.flatnonzero(c["group"] == g) for g in range(c["group"].max() + 1)]
    samples = []
    for r in range(SAMPLES):
        rows = np.concatenate([members[g] for g in draws(len(members), r)])
        samples.append(values_of(c, rows))
    all_rows = np.arange(len(c["group"]))
    answers = {}
    for metric, value in values_of(c, all_rows).items():
        found = np.array([s[metric] for s in samples])
        found = found[~np.isnan(found)]
        low, high = np.quantile(found, [0.025, 0.975])
        answers[metric] = {"value": float(value), "error": float(found.std(ddof=1)), "low": float(low),
                           "high": float(high)}
    plain = {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in c.items()}
    return {"name": name, **plain, "answers": answers}


def labels(n, kinds, group, missing):
    label = random.integers(0, kinds, n)
    predicted = np.where(random.random(n) < 0.7, label, random.integers(0, kinds, n))
    label[random.random(n) < missing] = -1
    score = np.round(random.normal(0, 1, n) + label, 1)  # with ties
    if kinds == 2:
        predicted = (score > 0.5).astype(int)
    return {"classes": kinds, "label": label, "predicted": predicted, "score": score,
            "loss": np.round(random.exponential(1, n), 3), "group": group}


def grouped(n, groups):
    """Of n records, numbered by their first ones."""
    group = random.integers(0, groups, n)
    order = {g: i for i, g in enumerate(dict.fromkeys(group.tolist()))}
    return np.array([order[g] for g in group.tolist()])


def main():
    warnings.simplefilter("ignore")
    alone = np.arange
    cases = [case("three classes, some not known", labels(45, 3, alone(45), 0.2), classes),
             case("two classes in groups", labels(60, 2, grouped(60, 14), 0.1), classes),
             case("values of two dimensions", {"error": np.round(random.normal(0, 1, (40, 2)), 3), "group": alone(40)}, errors),
             case("masks in groups", {"mask": (m := random.integers(0, 3, (30, 6))), "found": np.where(
                 random.random(m.shape) < 0.7, m, 0), "group": grouped(30, 11)}, masks)]
    content = {"made_by": f"tests/golden/uncertainty.py, scikit-learn {sklearn.__version__}", "cases": cases}
    target = pathlib.Path(__file__).with_name("uncertainty.json")
    target.write_text(json.dumps(content, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
