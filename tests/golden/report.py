#!/usr/bin/env python3
"""Writes report.json: curves and reliability of small sets as scikit-learn has them.

Run it where scikit-learn is installed: python3 tests/golden/report.py
"""

import json
import pathlib

import numpy as np
import sklearn
from sklearn.calibration import calibration_curve
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

random = np.random.default_rng(20240318)
BINS = 15


def ranking(name, scores, labels):
    scores = np.asarray(scores, np.float32).astype(np.float64)
    labels = np.asarray(labels)
    false_positive_rate, true_positive_rate, threshold = roc_curve(labels, scores, drop_intermediate=False)
    precision, recall, rising = precision_recall_curve(labels, scores)
    # Both by falling threshold, from above all scores (where precision is 1).
    assert np.array_equal(recall[::-1], true_positive_rate) and np.array_equal(rising[::-1], threshold[1:])
    return {"name": name, "scores": [float(f"{s:.9g}") for s in scores], "labels": labels.tolist(),
            "area": roc_auc_score(labels, scores), "average_precision": average_precision_score(labels, scores),
            "threshold": threshold[1:].tolist(), "false_positive_rate": false_positive_rate.tolist(),
            "true_positive_rate": true_positive_rate.tolist(), "precision": precision[::-1].tolist()}


def drawn(count, separation, step=None):
    labels = random.permutation(np.arange(count) % 3 == 0).astype(int)
    scores = random.normal(separation * labels, 1.0)
    return (scores if step is None else np.round(scores / step) * step), labels


def reliability(name, confidence, right):
    confidence, right = np.asarray(confidence), np.asarray(right)
    accuracy, mean = calibration_curve(right, confidence, n_bins=BINS, strategy="uniform")
    # Guo et al. 2017; the bins of calibration_curve are those that are not empty, in order.
    bins = np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], confidence)
    count = np.bincount(bins, minlength=BINS)
    gaps = np.abs(accuracy - mean)
    return {"name": name, "confidence": confidence.tolist(), "right": right.astype(int).tolist(),
            "count": count.tolist(), "accuracy": accuracy.tolist(), "mean_confidence": mean.tolist(),
            "expected": float(count[count > 0] @ gaps / len(right)), "largest": float(gaps.max())}


def main():
    rankings = [ranking("two", [0.25, 0.5], [0, 1]), ranking("two, wrong", [0.5, 0.25], [0, 1]),
                ranking("two, equal", [0.5, 0.5], [0, 1]), ranking("three, one tie", [-1, 2, 2], [0, 0, 1]),
                ranking("both zeros", [0.0, -0.0, 1.0, 0.0, -0.0], [0, 1, 1, 1, 0]),
                ranking("60", *drawn(60, 0.8)), ranking("60, many ties", *drawn(60, 0.8, step=0.5)),
                ranking("one of the class", [3, 1, 2, 0], [0, 1, 0, 0])]
    confidence = random.uniform(0.4, 1.0, 80)
    reliabilities = [reliability("drawn", confidence, random.uniform(size=80) < confidence ** 2),
                     reliability("edges", [0.2, 0.4, 0.6, 1.0, 1.0, 1 / 3], [1, 0, 1, 1, 0, 1])]
    target = pathlib.Path(__file__).with_name("report.json")
    content = {"made_by": f"tests/golden/report.py, scikit-learn {sklearn.__version__}",
               "ranking": rankings, "reliability": reliabilities}
    target.write_text(json.dumps(content, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
