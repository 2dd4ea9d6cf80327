"""Compares trainings with mixes with those that PyTorch and mix_rules.py did earlier. Needs numpy, no
PyTorch.

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
from comparison import Comparison
from golden import probes

LOSS_TOLERANCE, WEIGHT_TOLERANCE = 1e-5, 1e-4


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
    """Prints deviations; returns whether they are within the tolerance."""
    comparison = Comparison()
    for kind, ours, tolerance in (("losses", run.losses(), LOSS_TOLERANCE),
                                  ("weights", run.weights(), WEIGHT_TOLERANCE)):
        names = expected[kind].keys()
        theirs = [dict(zip(names, row)) for row in zip(*expected[kind].values())]
        # What takes no part has no value, and whatever weight.
        ours = [{name: row[name] for name in names if there[name] is not None}
                for row, there in zip(ours, theirs, strict=True)]
        comparison.losses(ours, [{n: x for n, x in row.items() if x is not None} for row in theirs],
                          tolerance, f"{kind}, relative")
    comparison.print(mix)
    return comparison.passed()


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
