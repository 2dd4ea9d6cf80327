#!/usr/bin/env python3
"""Writes metrics.json: areas under the ROC curve of small sets as scikit-learn has them.

Run it where scikit-learn is installed: python3 tests/golden/metrics.py
"""

import json
import pathlib

import numpy as np
import sklearn
from sklearn.metrics import roc_auc_score

random = np.random.default_rng(20240212)


def case(name, scores, labels):
    scores = np.asarray(scores, np.float32)
    return {"name": name, "scores": [float(f"{s:.9g}") for s in scores],
            "labels": [int(l) for l in labels],
            "auc": roc_auc_score(labels, scores.astype(np.float64))}


def drawn(count, separation, scale=1.0, offset=0.0, step=None):
    labels = random.permutation(np.arange(count) % 3 == 0).astype(int)
    scores = random.normal(separation * labels, 1.0)
    if step is not None:
        scores = np.round(scores / step) * step
    return scale * scores + offset, labels


def main():
    cases = [case("two", [0.25, 0.5], [0, 1]), case("two, wrong", [0.5, 0.25], [0, 1]),
             case("two, equal", [0.5, 0.5], [0, 1]),
             case("three, one tie", [-1, 2, 2], [0, 0, 1])]
    for count in (7, 25, 60):
        cases.append(case(f"{count}", *drawn(count, 0.6)))
    cases.append(case("many ties", *drawn(60, 0.6, step=0.5)))
    cases.append(case("all within 2e-4", *drawn(60, 0.6, scale=1e-4)))
    cases.append(case("around 10000", *drawn(60, 0.6, offset=1e4, step=0.0078125)))
    cases.append(case("thousands", *drawn(60, 0.6, scale=3000.0)))
    cases.append(case("both zeros", [0.0, -0.0, 1.0, 0.0, -0.0], [0, 1, 1, 1, 0]))
    target = pathlib.Path(__file__).with_name("metrics.json")
    content = {"made_by": f"tests/golden/metrics.py, scikit-learn {sklearn.__version__}",
               "auc": cases}
    target.write_text(json.dumps(content, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
