"""Compares trainings with every mix with those of torch_mixes.py. Needs numpy, no PyTorch.

    check_mixes.py --binary build/medley-three-losses --golden tests/golden/mixes_training.json

Makes the data, trains with each mix of the file and compares losses and weights of every step. The file
is made by torch_mixes.py --save-golden. Exit code 0; 1 beyond the tolerance or where the initial weights
are others.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import make_scenes
import medley
from comparison import SMALL_LOSS, Comparison
from golden import probes

TOLERANCE = {"losses": 1e-5, "weights": 1e-4}


def make_data(training, work):
    folder = work / "data"
    make_scenes.write(folder, **training["data"])
    return folder


def train(binary, training, mix, work, steps=None):
    """A run with this mix, of no steps for the weights that all begin with."""
    out = Path(tempfile.mkdtemp(dir=work)) / "run"
    return binary.train(training["folder"], out, training["steps"] if steps is None else steps, "--mix",
                        mix, "--seed", training["seed"], "--batch-size", training["batch_size"],
                        "--log-every", 1, "--threads", 1)


def compare(run, expected, mix):
    """Prints deviations; returns whether they are within the tolerance. What takes no part in a step is
    None in the file, and may have whatever weight."""
    comparison = Comparison()
    for kind, ours, theirs in (("losses", run.losses(), rows(expected["losses"])),
                               ("weights", run.weights(), rows(expected["weights"]))):
        for step, (row, there) in enumerate(zip(ours, theirs, strict=True), 1):
            there = {name: value for name, value in there.items() if value is not None}
            # A weight near 0 is the small difference of larger ones.
            least = SMALL_LOSS if kind == "losses" else 0.01 * max(map(abs, there.values()))
            for name, value in there.items():
                deviation = abs(row[name] - value) / max(abs(value), least)
                comparison.add(f"{kind}, relative", deviation, TOLERANCE[kind], f"{name}, step {step}")
    comparison.print(mix)
    return comparison.passed()


def rows(columns):
    return [dict(zip(columns, row)) for row in zip(*columns.values())]


def check(golden, binary, work):
    passed = True
    for i, training in enumerate(golden["trainings"]):
        folder = work / str(i)
        folder.mkdir()
        here = {**training, "folder": make_data(training, folder)}
        start = train(binary, here, "weighted_sum", folder, 0).checkpoint()
        comparison = Comparison()
        comparison.parameters(probes(medley.parameters(start)), training["initial"], 0.0,
                              "initial weights")
        comparison.print(f"batches of {training['batch_size']}, seed {training['seed']}")
        passed &= comparison.passed()
        for mix, expected in training["mixes"].items():
            passed &= compare(train(binary, here, mix, folder), expected, mix)
    return passed


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, help="medley-three-losses")
    parser.add_argument("--golden", required=True, help="file that torch_mixes.py has written")
    options = parser.parse_args()
    golden = json.loads(Path(options.golden).read_text())
    with tempfile.TemporaryDirectory() as work:
        return 0 if check(golden, medley.Binary(options.binary), Path(work)) else 1


if __name__ == "__main__":
    sys.exit(main())
