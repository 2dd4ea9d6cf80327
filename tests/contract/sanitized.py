"""Trains LeNet for some steps in every step mode and with every mix, built with a sanitizer.

    sanitized.py BINARY_DIR

The data are drawn by tests/oracle/make_digits.py. A report of the sanitizer ends the binary with an
error, which ends this script with exit code 1.
"""

import json
import pathlib
import subprocess
import sys
import tempfile


def runs(binary):
    """Threads and options: step modes with one thread and several, mixes with several."""
    told = subprocess.run([binary, "info", "--json"], capture_output=True, check=True).stdout
    described = json.loads(told)
    for threads in ("1", "4"):
        for mode in described["steps"]:
            yield threads, "--steps-mode", mode["mode"]
    for mix in described["mixes"]:
        yield "4", "--mix", mix["type"]
    for options in ("upgrad:gradients=output", "mgda:refresh=4", "log_sum:values=batch,map=log"):
        yield "3", "--mix", options


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    binaries = pathlib.Path(sys.argv[1])
    root = pathlib.Path(__file__).resolve().parent.parent.parent
    with tempfile.TemporaryDirectory() as work:
        data = pathlib.Path(work) / "digits"
        maker = root / "tests" / "oracle" / "make_digits.py"
        subprocess.run([sys.executable, maker, "--out", data, "--records", "300"], check=True)
        for threads, *options in runs(binaries / "medley-lenet"):
            command = [binaries / "medley-lenet", "train", "--data", data, "--out", f"{work}/run", "--force",
                       "--steps", "6", "--threads", threads, *options]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                print(f"{' '.join(options)} with {threads} threads failed:\n{done.stderr}", file=sys.stderr)
                return 1
            print(f"6 steps with {threads} threads {' '.join(options)}: no report")
    return 0


if __name__ == "__main__":
    sys.exit(main())
