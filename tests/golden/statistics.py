#!/usr/bin/env python3
"""Writes statistics.json: estimates, t tests, corrections and quantiles as SciPy and NumPy have them.

Run it where SciPy is installed: python3 tests/golden/statistics.py
"""

import json
import pathlib
import sys

import numpy as np
import scipy
from scipy import stats

sys.path.append(str(pathlib.Path(__file__).parents[1] / "oracle"))
from philox import WORD, philox  # noqa: E402

RESAMPLING = 8  # what the numbers are for
random = np.random.default_rng(20240611)


def listed(values):
    return [float(v) for v in np.asarray(values, np.float64)]


def pair(name, a, b, share):
    """`share` is 0 for the plain test; Nadeau and Bengio's formula is written out."""
    a, b = np.asarray(a), np.asarray(b)
    d = a - b
    corrected = np.sqrt(d.var(ddof=1) * (1 / len(d) + share))
    low, high = stats.t.interval(0.95, len(d) - 1, d.mean(), stats.sem(d))
    return {"name": name, "a": listed(a), "b": listed(b), "mean": float(a.mean()), "sem": float(stats.sem(a)),
            "difference": float(d.mean()), "error": float(stats.sem(d)), "p": float(stats.ttest_rel(a, b).pvalue),
            "low": float(low), "high": float(high), "share": share, "corrected_error": float(corrected),
            "corrected_p": float(2 * stats.t.sf(abs(d.mean()) / corrected, len(d) - 1))}


def holm(p):
    """Of the k-th smallest of m: the largest of p_j (m - j + 1), j <= k, at most 1."""
    p = np.asarray(p)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p)))))
    return {"p": listed(p), "adjusted": listed(adjusted)}


def treatments(values):
    """Analysis of variance with repeated measures, treatments x runs."""
    x = np.asarray(values)
    ways, runs = x.shape
    between = runs * ((x.mean(1) - x.mean())**2).sum() / (ways - 1)
    left = ((x - x.mean(1, keepdims=True) - x.mean(0) + x.mean())**2).sum() / (ways - 1) / (runs - 1)
    return {"values": [listed(way) for way in x], "p": float(stats.f.sf(between / left, ways - 1, (ways - 1) * (runs - 1)))}


def bootstrap(values, level, resamples, seed):
    """Percentiles of the mean, with the program's own random numbers."""
    values, means = np.asarray(values), []
    for r in range(resamples):
        words = [philox((i // 4, RESAMPLING << 24, r, 0), (seed & WORD, seed >> 32))[i % 4]
                 for i in range(len(values))]
        means.append(values[[word * len(values) >> 32 for word in words]].mean())
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return {"values": listed(values), "level": level, "resamples": resamples, "seed": seed,
            "low": float(low), "high": float(high)}


def main():
    t = [{"p": p, "degrees": n, "t": float(stats.t.ppf(p, n)), "two_sided": float(2 * stats.t.sf(abs(stats.t.ppf(p, n)), n))}
         for n in (1, 2, 4, 9, 29, 250) for p in (0.005, 0.5, 0.9, 0.975, 0.9995)]
    pairs = [pair("two seeds", [0.91, 0.92], [0.90, 0.93], 1.0),
             pair("five seeds", random.normal(0.9, 0.01, 5), random.normal(0.89, 0.01, 5), 0.25),
             pair("ten, a clear difference", random.normal(2.0, 0.1, 10), random.normal(1.0, 0.1, 10), 1 / 9)]
    content = {"made_by": f"tests/golden/statistics.py, SciPy {scipy.__version__}", "t": t, "pairs": pairs,
               "holm": [holm([0.01, 0.04, 0.03, 0.005]), holm([0.5, 0.6, 0.2]), holm(random.uniform(0, 0.1, 12) ** 2)],
               "treatments": [treatments(random.normal(0, 1, (5, 3))),
                              treatments(random.normal(0, 1, (4, 6)) + [[0], [1], [2], [3]])],
               "bootstrap": [bootstrap(random.normal(0, 1, 9), 0.95, 200, 1),
                             bootstrap(random.exponential(1, 30), 0.8, 101, 2**33 + 7)]}
    target = pathlib.Path(__file__).with_name("statistics.json")
    target.write_text(json.dumps(content, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
