"""What several losses, step modes and starting cost, as ratios of Medley to itself.

    costs.py --binary-dir DIR [--out FILE.csv] [--rounds 11] [--steps 12] [--batch 64] [--isa avx2]

The networks are the experiments costs-*; tests/bench/costs.hpp says what they share. In a round each
takes its steps on random pictures, one after the other, so that what disturbs the machine disturbs
all. A step's time is processor time of one thread: of a training less that of a training of one step,
over the steps in between. A row compares what costs what (medians of both), and has the median, least
and largest ratio of the rounds.

    joint          three heads with a loss each, beside one head as large as the three and one loss
    alternating    a round of two groups, beside joint steps of the networks that have but one group's
                   heads, added up
    simultaneous   the same two groups at once, beside alternating
    not reached    an update of the group with small heads, in a network with a head of two million
                   weights (a round with three such updates less one with one, halved), beside a joint
                   step of the network without it
    start          of garments, from the call to the first step, beside 20 ms: on its own data, and on
                   the same data as a dataset folder, all of whose 160 MB are checked first

Prints the table and writes it as CSV. Exit code 0; 1 if a training failed.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from run import describe, processor, write_random_data, write_rows

NETWORKS = ("joint", "single", "labels", "place", "alternating", "repeated", "simultaneous")
START = "garments"
START_BOUND = 0.020


def parse_arguments():
    parser = argparse.ArgumentParser(usage=__doc__, add_help=True)
    parser.add_argument("--binary-dir", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--isa")
    return parser.parse_args()


class Training:
    """A binary and what it is called with."""

    def __init__(self, arguments, name, work):
        self.name, self.work = name, work
        self.binary = (arguments.binary_dir / f"medley-{name}").resolve()
        self.options = ["--threads", "1", "--gradients-every", "0", "--log-every", "1000000"]
        self.options += ["--isa", arguments.isa] if arguments.isa else []

    def on_random_data(self, records):
        data = self.work / f"data-{self.name}"
        write_random_data(data, describe(self.binary), records)
        self.options += ["--data", data]
        return self

    def on_imported_data(self):
        data = self.work / f"data-{self.name}"
        subprocess.run([self.binary, "import", "--generated", "--out", data], check=True,
                       capture_output=True)
        self.options += ["--data", data]
        return self

    def start(self, *options):
        run = self.work / f"run-{time.monotonic_ns()}"
        command = [self.binary, "train", "--out", run, *self.options, *options]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def finish(self, process):
        """Seconds of processor time."""
        errors = process.stderr.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stderr.close()
        if process.returncode != 0:
            raise RuntimeError(f"{self.binary}: {errors}")
        return usage.ru_utime + usage.ru_stime

    def step_seconds(self, batch, steps):
        one, all_ = (self.finish(self.start("--batch-size", str(batch), "--steps", str(count)))
                     for count in (1, 1 + steps))
        return (all_ - one) / steps

    def start_seconds(self):
        """Until it says what it is going to do, which is the last thing before the first step: by
        the clock, and of processor time."""
        before = time.perf_counter()
        process = self.start("--steps", "1")
        process.stderr.readline()
        clock = time.perf_counter() - before
        used = pathlib.Path(f"/proc/{process.pid}/schedstat").read_text().split()[0]
        process.kill()
        process.communicate()
        return clock, int(used) * 1e-9


def row(name, ours, beside, theirs):
    """`ours` and `theirs`: seconds, one a round."""
    ratios = [our / their for our, their in zip(ours, theirs)]
    return {"what": name, "beside": beside, "ms": f"{1e3 * statistics.median(ours):.2f}",
            "beside_ms": f"{1e3 * statistics.median(theirs):.2f}",
            "ratio": f"{statistics.median(ratios):.3f}",
            "least_ratio": f"{min(ratios):.3f}", "largest_ratio": f"{max(ratios):.3f}"}


def compare_steps(arguments, work):
    trainings = {name: Training(arguments, f"costs-{name}", work).on_random_data(4 * arguments.batch)
                 for name in NETWORKS}
    rounds = [{name: training.step_seconds(arguments.batch, arguments.steps)
               for name, training in trainings.items()} for _ in range(arguments.rounds)]

    def each(f):
        return [f(seconds) for seconds in rounds]
    alternating = each(lambda s: s["alternating"])
    labels = each(lambda s: s["labels"])
    yield row("joint, three losses", each(lambda s: s["joint"]),
              "one loss", each(lambda s: s["single"]))
    yield row("alternating", alternating,
              "its groups' joint steps", each(lambda s: s["labels"] + s["place"]))
    yield row("simultaneous", each(lambda s: s["simultaneous"]), "alternating", alternating)
    yield row("large head not reached", each(lambda s: (s["repeated"] - s["alternating"]) / 2),
              "no such head", labels)


def compare_start(arguments, work):
    trainings = {"own data": Training(arguments, START, work),
                 "folder": Training(arguments, START, work).on_imported_data()}
    rounds = [{name: training.start_seconds() for name, training in trainings.items()}
              for _ in range(2 * arguments.rounds)]
    for name in trainings:
        for which, by in enumerate(("clock", "processor")):
            yield row(f"start, {name}, {by}", [seconds[name][which] for seconds in rounds],
                      "bound", [START_BOUND] * len(rounds))


def main():
    arguments = parse_arguments()
    print(f"# {processor()}; one thread, batch {arguments.batch}; "
          f"instruction set: {arguments.isa or 'the best'}")
    rows = []
    with tempfile.TemporaryDirectory() as work:
        for compare in (compare_steps, compare_start):
            rows += compare(arguments, pathlib.Path(work))
    widths = (27, 25, 8, 10, 7, 12, 14)
    for values in (rows[0], *(r.values() for r in rows)):
        print(" ".join(f"{value:>{width}}" for value, width in zip(values, widths)))
    if arguments.out:
        write_rows(arguments.out, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
