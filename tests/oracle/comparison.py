"""How far two trainings are apart."""

import sys

import numpy as np

SMALL_LOSS = 1e-3


class Comparison:
    """Collects the largest deviation of each kind of number, and which ones are beyond tolerance."""

    def __init__(self):
        self.largest = {}  # kind -> (deviation, tolerance, where)

    def add(self, kind, deviation, tolerance, where):
        deviation = float("inf") if np.isnan(deviation) else float(deviation)
        if kind not in self.largest or deviation > self.largest[kind][0]:
            self.largest[kind] = (deviation, tolerance, where)

    def losses(self, ours, theirs, tolerance, kind="loss {}, relative", first=1):
        """Lists of {term: value}, a row a step from `first` on; relative to the second's value, or to
        SMALL_LOSS where that is smaller (a hinge may vanish)."""
        if len(ours) != len(theirs):
            raise ValueError(f"{len(ours)} rows of losses, expected {len(theirs)}")
        for step, (a, b) in enumerate(zip(ours, theirs)):
            if a.keys() != b.keys():
                raise ValueError(f"terms {sorted(a)}, expected {sorted(b)}")
            for term, value in a.items():
                if value is None and b[term] == 0:
                    continue  # no record of the batch had the target
                deviation = np.inf if value is None else (
                    abs(value - b[term]) / max(abs(b[term]), SMALL_LOSS))
                self.add(kind.format(term), deviation, tolerance, f"step {first + step}")

    def parameters(self, ours, theirs, tolerance, kind="parameters, relative to max(1, |x|)",
                   place=""):
        """Arrays by name; deviations relative to max(1, |x|)."""
        for name, expected in theirs.items():
            same_shape(name, ours, expected)
            actual, expected = (np.asarray(x, np.float64) for x in (ours[name], expected))
            deviation = np.abs(actual - expected) / np.maximum(1, np.abs(expected))
            self.add(kind, deviation.max(), tolerance, name + place)

    def moments(self, ours, theirs, tolerance, kind="{}, relative to the tensor's largest"):
        """Moments of the optimizers. Those that the other side does not keep must be 0."""
        for name, value in ours.items():
            moment = name.split(".")[2]
            expected = np.asarray(theirs.get(name, np.zeros_like(value)), np.float64)
            same_shape(name, ours, expected)
            largest = np.abs(expected).max()
            deviation = np.abs(value - expected).max() / (largest if largest > 0 else 1.0)
            self.add(kind.format(moment), deviation, tolerance, name)

    def passed(self):
        return all(deviation <= tolerance for deviation, tolerance, _ in self.largest.values())

    def print(self, title, file=sys.stdout):
        print(title, file=file)
        for kind, (deviation, tolerance, where) in self.largest.items():
            verdict = "" if deviation <= tolerance else "   BEYOND TOLERANCE"
            bound = f" (tolerance {tolerance:.0e})" if np.isfinite(tolerance) else ""
            print(f"  {kind}: {deviation:.2e}{bound} at {where}{verdict}", file=file)


def same_shape(name, ours, expected):
    if name not in ours:
        raise ValueError(f"{name} is missing in the checkpoint")
    if np.shape(ours[name]) != np.shape(expected):
        raise ValueError(f"{name} has shape {np.shape(ours[name])}, expected {np.shape(expected)}")
