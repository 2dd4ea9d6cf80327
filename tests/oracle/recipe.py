"""Runs a script of src/commands/README.md for another framework, as it stands, beside Medley.

    recipe.py --section PyTorch --binary build/medley-mine --run RUN/best --data DIR
    recipe.py --section Keras --binary build/medley-mine --run RUN/best --data DIR

`--data` and `--run` are of the experiment of the main README. The script's outputs must be those of
`predict` within 1e-5, of values relative to the largest, and the file that it saves must have the digest of
the run's parameters. Exit code 0; 1 where one of these does not hold; 2 for wrong usage.
"""

import argparse
import csv
import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

README = Path(__file__).resolve().parent.parent.parent / "src/commands/README.md"
TOLERANCE = 1e-5
MOST = 500  # records that are compared


def script(section):
    text = README.read_text(encoding="utf-8").split(f"\n## {section}\n")[1].split("\n## ")[0]
    return re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]


def run(binary, *arguments):
    done = subprocess.run([binary, *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout


def columns(table, start):
    """The columns of a CSV whose names begin so, by the number of the record."""
    rows = sorted(csv.DictReader(io.StringIO(table)), key=lambda row: int(row["record"]))[:MOST]
    names = [name for name in rows[0] if name.startswith(start)]
    return np.array([[float(row[name]) for name in names] for row in rows])


def compare(what, found, expected):
    worst = np.abs(found - expected).max() / max(1, np.abs(expected).max())
    print(f"{what}: {len(found)} records, largest difference {worst:.2e}")
    return worst <= TOLERANCE


def as_it_stands(section, binary, checkpoint, data):
    with tempfile.TemporaryDirectory() as work:
        os.makedirs(f"{work}/runs/mine")
        os.symlink(os.path.abspath(checkpoint), f"{work}/runs/mine/best")
        os.symlink(os.path.abspath(data), f"{work}/shapes")
        binary, back = os.path.abspath(binary), f"{work}/from-{section.lower()}.safetensors"
        os.chdir(work)
        found = {}
        exec(script(section), found)
        shape, place = (np.asarray(found[head])[:MOST] for head in ("shape", "place"))
        table = run(binary, "predict", "--checkpoint", back, "--data", "shapes", "--split", "all")
        ok = compare("shape", shape.max(1, keepdims=True), columns(table, "shape.probability"))
        ok &= compare("place", place, columns(table, "place."))
        digests = [re.search(r"^digest,(\w+)", run(binary, "digest", file), re.MULTILINE)[1]
                   for file in ("runs/mine/best", back)]
        print("digests", *digests)
        return ok and digests[0] == digests[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--section", choices=("PyTorch", "Keras"), required=True)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--run", required=True, help="a checkpoint, such as RUN/best")
    parser.add_argument("--data", required=True)
    options = parser.parse_args()
    return 0 if as_it_stands(options.section, options.binary, options.run, options.data) else 1


if __name__ == "__main__":
    sys.exit(main())
