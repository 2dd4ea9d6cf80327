"""Compares Medley with a training that PyTorch did earlier. Needs numpy, no PyTorch.

    check_golden.py --binary build/medley-lenet --golden tests/golden/lenet.json

Makes the data, trains as the file says and compares losses of every step and parameters after the
last. The file is made by steps.py --save-golden. Exit code 0; 1 beyond the tolerance or where the
initial weights are others; 2 for wrong usage.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import medley
from comparison import Comparison
from golden import MAKERS, Golden, probes


def check(golden, options, work):
    options.data = work / "data"
    options.steps, options.batch_size = golden.steps, golden.batch_size
    options.steps_mode = golden.steps_mode
    made_by = {"script": "make_digits.py", **golden.data}
    MAKERS[made_by.pop("script")].write(options.data, **made_by)
    reference = medley.Reference(medley.Binary(options.binary), options, work, golden.seed)
    name, tolerance = reference.description["experiment"], options.tolerance
    if name != golden.experiment:
        raise ValueError(f"the binary is of {name}, the file of {golden.experiment}")

    comparison = Comparison()
    comparison.parameters(probes(medley.parameters(reference.start.checkpoint())), golden.initial,
                          0.0, "initial weights")
    comparison.losses(reference.losses(), golden.loss_rows(), tolerance)
    comparison.parameters(probes(medley.parameters(reference.run.checkpoint())), golden.parameters,
                          tolerance)
    comparison.print(f"{reference.title()}: Medley and {golden.made_by} in double precision")
    return comparison.passed()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, help="medley-<experiment>")
    parser.add_argument("--golden", required=True, help="file that steps.py has written")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tolerance", type=float, default=1e-4)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        passed = check(Golden(options.golden), options, Path(work))
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
