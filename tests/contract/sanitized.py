"""Trains LeNet for some steps with several threads, with binaries that were built with a sanitizer.

    sanitized.py BINARY_DIR

The data are drawn by tests/oracle/make_digits.py. A report of the sanitizer ends the binary with an
error, which ends this script with exit code 1.
"""

import pathlib
import subprocess
import sys
import tempfile


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
        for name in ("medley-lenet", "medley-lenet-simultaneous"):
            for threads in ("1", "4"):
                run = pathlib.Path(work) / f"{name}-{threads}"
                command = [binaries / name, "train", "--data", data, "--out", run, "--steps", "6"]
                done = subprocess.run([*command, "--threads", threads], capture_output=True, text=True)
                if done.returncode != 0:
                    print(f"{name} with {threads} threads failed:\n{done.stderr}", file=sys.stderr)
                    return 1
                print(f"{name}: 6 steps with {threads} threads, no report")
    return 0


if __name__ == "__main__":
    sys.exit(main())
