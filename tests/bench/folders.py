"""Times the import of class folders beside reading them once with torchvision's ImageFolder.

    folders.py --binary MEDLEY --data DIR [--torch-python PYTHON] [--threads 1 2] [--repeats 3] [--out FILE.csv]

MEDLEY is the binary of an experiment of as many classes, such as cifar10; DIR has the folders. ImageFolder's pictures
become tensors of bytes in batches of 500, read by the process itself and by as many workers as threads; Medley decodes,
checks, fits and writes them. Each is run `repeats` times in turn; a CSV row has the least seconds of each, by the clock
and of processors (user and system, of all processes). Exit code 0; 1 if a program fails; 2 for wrong usage.
"""

import argparse
import csv
import os
import shutil
import subprocess
import sys
import tempfile
import time

READ = """
import sys
import torch
from torch.utils.data import DataLoader, Subset
from torchvision.datasets import ImageFolder
from torchvision.transforms import PILToTensor
from pathlib import Path
torch.set_num_threads(1)
root, workers, count = Path(sys.argv[1]), int(sys.argv[2]), 0
splits = [d for d in root.iterdir() if d.name in ("train", "val", "test")] or [root]
for split in splits:
    for pictures, _ in DataLoader(ImageFolder(split, PILToTensor()), batch_size=500, num_workers=workers):
        count += len(pictures)
print(count)
"""


def seconds_of(command):
    """Seconds by the clock, of user and of system, of a command and all that it starts."""
    start = time.perf_counter()
    with open(os.devnull, "w") as null:
        process = subprocess.Popen(command, stdout=null, stderr=subprocess.PIPE)
        told = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{' '.join(map(str, command))} failed: {told.decode()[-500:]}")
    return time.perf_counter() - start, usage.ru_utime, usage.ru_stime


def commands(options, threads, out):
    """(program, how, command) of each that is timed."""
    yield "medley", f"{threads} threads", [options.binary, "import", "--folders", options.data, "--out", out,
                                           "--force", "--threads", str(threads)]
    if not options.torch_python:
        return
    for workers in {0, 1} if threads == 1 else {threads}:
        yield "torchvision", f"{workers} workers", [options.torch_python, "-c", READ, options.data, str(workers)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--torch-python", help="a Python that has torchvision")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", help="CSV file; stdout without it")
    options = parser.parse_args()
    best = {}
    work = tempfile.mkdtemp()
    try:
        for _ in range(options.repeats):
            for threads in options.threads:
                for program, how, command in commands(options, threads, f"{work}/data"):
                    taken = seconds_of(command)
                    known = best.get((threads, program, how), taken)
                    best[threads, program, how] = tuple(map(min, known, taken))
                    print(threads, program, how, "%.2f s, user %.2f, system %.2f" % taken, file=sys.stderr)
    finally:
        shutil.rmtree(work)
    out = open(options.out, "w", newline="") if options.out else sys.stdout
    writer = csv.writer(out)
    writer.writerow(("threads", "program", "how", "seconds", "user", "system"))
    for (threads, program, how), taken in best.items():
        writer.writerow((threads, program, how, *(f"{t:.2f}" for t in taken)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
