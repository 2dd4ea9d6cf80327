"""Makes a dataset folder of two tasks whose relation is known: for what `compare` says of tasks.

    make_two_tasks.py --out DIR [--relation same|unrelated|conflict] [--dial 1] [--records 384] [--noise 24]
                      [--seed 1]

Pictures of 16 x 16 are sums of sixteen patterns (cosines of low frequency, at right angles to each other), whose
amplitudes a_1 ... a_8 and b_1 ... b_8 are independent and standard normal, and noise. Targets `first` and
`second` are eight values each, R times eight numbers, with R an orthogonal 8 x 8 matrix and d the dial:

    unrelated   first = R (2 a_1, 0, ..., 0)               second = R (2 b_1, 0, ..., 0)
    same        first = R (2 a_1, a_2, ..., a_8)           second = R (2 c_1, c_2, ..., c_8), c = √d a + √(1-d) b
    conflict    first = R (2 a_1, √d a_2, ..., √d a_8)     second = R (2 b_1, √d b_2, ..., √d b_8)

A trunk that hands on eight numbers, as that of tests/experiments/two-tasks.hpp, has room for two unrelated
tasks, for two that are the same, and for two that conflict only one by one: what both want is more than fits.
With d = 0 tasks that conflict are unrelated, and those that are the same have nothing in common but the trunk:
they conflict. Of the training records (half of all) every other one knows `first` and the rest know `second`,
so that tasks which are the same learn from twice as many where they share; of validation (a sixth) and test (a
third) both are known. The same options give the same bytes.

Exit code 0; 2 for wrong usage, 4 where a file cannot be written.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

SIDE = 16
SPLITS = ("train", "validation", "test")
# Cosines of (row, column) with these numbers of half periods; a constant would be brightness.
FREQUENCIES = [(sum_ - c, c) for sum_ in range(1, 6) for c in range(sum_ + 1)][:16]
AMPLITUDE = 6.0  # grey levels
TWO = np.array([[1, 1], [1, -1]]) / np.sqrt(2)
R = np.kron(np.kron(TWO, TWO), TWO)


def patterns():
    """16 x 16 x 16, each of root mean square 1."""
    places = (np.arange(SIDE) + 0.5) / SIDE
    found = [np.outer(np.cos(np.pi * r * places), np.cos(np.pi * c * places)) for r, c in FREQUENCIES]
    return np.stack([pattern / np.sqrt(np.mean(pattern**2)) for pattern in found])


def values(relation, dial, a, b):
    """What each task wants to know of the amplitudes N x 8 of both: two arrays N x 8."""
    strong, weak = np.sqrt(dial), np.sqrt(1 - dial)
    further = {"unrelated": 0.0, "same": 1.0, "conflict": strong}[relation]
    scale = np.array([2.0] + [further] * 7)
    second = strong * a + weak * b if relation == "same" else b
    return (a * scale) @ R.T, (second * scale) @ R.T


def splits(records):
    split = np.zeros(records, np.uint8)
    split[records // 2:] = 1
    split[records // 2 + records // 6:] = 2
    return split


def describe(pictures, split, provenance):
    train = pictures[split == 0].astype(np.float64)
    return {
        "format": "medley-dataset", "version": 1, "shape": list(pictures.shape[1:]),
        "records": {name: int((split == i).sum()) for i, name in enumerate(SPLITS)},
        "mean": [float(np.float32(train.mean()))], "deviation": [float(np.float32(train.std()))],
        "targets": {name: {"kind": "values", "size": 8} for name in ("first", "second")},
        "provenance": {"script": Path(__file__).name, **provenance},
    }


def write(options):
    random = np.random.RandomState(options.seed)  # whose streams are frozen
    amplitudes = random.standard_normal((options.records, len(FREQUENCIES)))
    noise = options.noise * random.standard_normal((options.records, SIDE, SIDE))
    pictures = 128 + AMPLITUDE * np.tensordot(amplitudes, patterns(), 1) + noise
    pictures = np.clip(np.rint(pictures), 0, 255).astype(np.uint8)[:, None]
    first, second = values(options.relation, options.dial, amplitudes[:, :8], amplitudes[:, 8:])
    split = splits(options.records)
    has_first = np.arange(options.records) % 2 == 0
    first[(split == 0) & ~has_first] = np.nan
    second[(split == 0) & has_first] = np.nan
    options.out.mkdir(parents=True, exist_ok=True)
    for name, array in (("images", pictures), ("split", split), ("first", first.astype(np.float32)),
                        ("second", second.astype(np.float32))):
        np.save(options.out / f"{name}.npy", array)
    provenance = {"relation": options.relation, "dial": options.dial, "records": options.records,
                  "noise": options.noise, "seed": options.seed}
    (options.out / "dataset.json").write_text(
        json.dumps(describe(pictures, split, provenance), indent=1) + "\n", encoding="utf-8")


def number(kind, least, most):
    def parse(text):
        value = kind(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"'{text}': a number from {least} to {most}")
        return value
    return parse


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="dataset folder to write")
    parser.add_argument("--relation", choices=("same", "unrelated", "conflict"), default="conflict")
    parser.add_argument("--dial", type=number(float, 0, 1), default=1.0, help="how much so, from 0 to 1")
    parser.add_argument("--records", type=number(int, 12, 10**6), default=384, help="of all splits together")
    parser.add_argument("--noise", type=number(float, 0, 255), default=24.0, help="grey levels a pixel")
    parser.add_argument("--seed", type=number(int, 0, 2**32 - 1), default=1)
    options = parser.parse_args()
    try:
        write(options)
    except OSError as error:
        print(f"{parser.prog}: {error.filename}: {error.strerror}", file=sys.stderr)
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main())
