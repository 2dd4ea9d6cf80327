"""Trains two tasks with every mix, over several seeds, at equal epochs and at equal time.

    mixes_study.py --binary build/medley-two-digits --data DIR --out DIR [--seeds 5] [--epochs N]
                   [--jobs 1] [--rounds 5] [--steps 48] [--batch 64]

The experiment has two terms of classes and lists mixes; data/make_two_digits.py makes pictures for
`two-digits`. Each training takes one thread and the experiment's recipe. Trained are

    fixed weights w and 2 - w for w = 2, 1.6, 1.3, 1 (the weighted sum), 0.7, 0.4, 0; the first and the last
                  are each task alone
    mixes         with the numbers that they have by default and length=match. Left out are `blend`, which
                  fixed weights are, and `constrained`, which is the weighted sum without limits. Of those
                  that have one direction for two losses of equal weight, and one length by length=match,
                  the first is trained: their parameters are equal but for rounding

At equal epochs all take as many steps as the weighted sum; at equal time fewer by the price of their step,
whose schedule is as much shorter. The price is that of processor time in pairs on random pictures, the mix and
the weighted sum right after each other, medians of --rounds pairs of --steps steps, as clocks tell nothing on
a shared machine; between 0.95 and 1.05 it is taken for 1.

Accuracies are those of the test split, at the checkpoint with the lowest validation total (`best`). The best
fixed weights are those with the highest mean validation accuracy of both tasks over the seeds. Differences
are of the mean of both accuracies, paired by seed.

DIR of --out gets results.csv (a row a training) and prices.csv: what is there is not done again, so that a
study which was stopped goes on. Prints a table in Markdown. Exit code 0; 1 if a training failed.
"""

import argparse
import csv
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor

from mix_prices import FIXED, Bench, ratios
from run import describe

WEIGHTS = (2, 1.6, 1.3, 1, 0.7, 0.4, 0)
LEFT_OUT = ("blend", "constrained")
SAME = {"geometric": "log_sum", "nash": "equal_angles", "fairgrad": "equal_angles", "db_mtl": "equal_angles",
        "pcgrad": "upgrad"}
LEAST_PRICE = 0.05  # what is nearer to 1 is taken for it
EPOCHS, TIME = "epochs", "time"
ALONE = ("2 : 0", "0 : 2")
KEYS = ("configuration", "budget", "seed")


def parse_arguments():
    parser = argparse.ArgumentParser(usage=__doc__, add_help=True)
    parser.add_argument("--binary", type=pathlib.Path, required=True)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, help="the recipe's without it")
    parser.add_argument("--jobs", type=int, default=1, help="trainings at a time")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=48)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--isa")
    parser.add_argument("--table-only", action="store_true", help="of what has been trained")
    return parser.parse_args()


def fixed_name(weight):
    return f"{weight:g} : {2 - weight:g}"


class Table:
    """Rows of a CSV file by their first columns; each is appended as it is made."""

    def __init__(self, path, keys):
        self.path, self.keys, self.rows, self.lock = path, keys, {}, threading.Lock()
        if path.exists():
            with open(path, newline="", encoding="utf-8") as file:
                for row in csv.DictReader(file):
                    self.rows[tuple(row[key] for key in keys)] = row

    def add(self, row):
        row = {name: str(value) for name, value in row.items()}
        with self.lock:
            begins = not self.rows
            self.rows[tuple(row[key] for key in self.keys)] = row
            with open(self.path, "a", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, fieldnames=list(row))
                if begins:
                    writer.writeheader()
                writer.writerow(row)


class Study:
    def __init__(self, arguments):
        self.arguments = arguments
        arguments.out.mkdir(parents=True, exist_ok=True)
        arguments.binary = arguments.binary.resolve()
        arguments.binary_dir = arguments.binary.parent
        self.description = describe(arguments.binary)
        self.terms = [term["name"] for term in self.description["terms"] if not term["penalty"]]
        if len(self.terms) != 2:
            raise SystemExit(f"mixes_study.py: {arguments.binary} has {len(self.terms)} losses; two are needed")
        self.metrics = [f"{term['target']}.accuracy" for term in self.description["terms"]
                        if not term["penalty"]]
        self.results = Table(arguments.out / "results.csv", KEYS)
        self.prices = Table(arguments.out / "prices.csv", ("mix",))
        self.mixes = [mix["type"] for mix in self.description["mixes"]
                      if mix["type"] not in (FIXED, *LEFT_OUT, *SAME)]

    def configurations(self):
        """Names, with the options of each."""
        for weight in WEIGHTS:
            yield fixed_name(weight), ["--weight", f"{self.terms[0]}={weight:g}",
                                       "--weight", f"{self.terms[1]}={2 - weight:g}"]
        for mix in self.mixes:
            yield mix, ["--mix", f"{mix}:length=match"]

    def price(self, mix):
        row = self.prices.rows.get((mix,))
        ratio = float(row["ratio"]) if row else 1.0
        return ratio if abs(ratio - 1) > LEAST_PRICE else 1.0

    def measure_prices(self):
        with tempfile.TemporaryDirectory() as work:
            name = self.description["experiment"]
            bench = None
            for mix in self.mixes:
                if (mix,) in self.prices.rows:
                    continue
                bench = bench or Bench(self.arguments, name, pathlib.Path(work))
                ratio, least, largest = ratios(bench.pairs(f"{mix}:length=match", self.arguments.rounds))
                self.prices.add({"mix": mix, "ratio": f"{ratio:.3f}", "least": f"{least:.3f}",
                                 "largest": f"{largest:.3f}"})

    def full_steps(self):
        """Of the weighted sum; known once a training with it has ended."""
        return int(self.results.rows[fixed_name(1), EPOCHS, "1"]["steps"])

    def train(self, name, options, budget, seed):
        arguments = self.arguments
        if (name, budget, str(seed)) in self.results.rows:
            return
        run = arguments.out / f"run-{name.replace(' ', '')}-{budget}-{seed}"
        command = [arguments.binary, "train", "--data", arguments.data, "--out", run, "--force",
                   "--threads", "1", "--seed", str(seed), "--gradients-every", "0", "--log-every", "1000000",
                   "--keep", "1", "--batch-size", str(arguments.batch), *options]
        command += ["--epochs", str(arguments.epochs)] if arguments.epochs else []
        command += ["--isa", arguments.isa] if arguments.isa else []
        if budget == TIME:
            command += ["--steps", str(round(self.full_steps() / self.price(name)))]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr}")
        said = dict(line.split(",", 1) for line in done.stdout.splitlines())
        with open(run / "metrics.csv", newline="", encoding="utf-8") as file:
            validation = next(row for row in csv.DictReader(file)
                              if row["split"] == "validation" and row["step"] == said["best.step"])
        self.results.add({
            "configuration": name, "budget": budget, "seed": seed, "steps": said["steps"],
            "best_step": said["best.step"],
            **{f"validation.{metric}": validation[metric] for metric in self.metrics},
            **{f"test.{metric}": said[f"best.test.{metric}"] for metric in self.metrics}})
        shutil.rmtree(run)

    def run(self):
        self.train(*next(c for c in self.configurations() if c[0] == fixed_name(1)), EPOCHS, 1)
        self.measure_prices()
        with ThreadPoolExecutor(self.arguments.jobs) as pool:
            for seed in range(1, self.arguments.seeds + 1):
                for training in [pool.submit(self.train, name, options, budget, seed)
                                 for name, options in self.configurations() for budget in (EPOCHS, TIME)
                                 if budget == EPOCHS or self.price(name) != 1.0]:
                    training.result()

    # --- what came of it ----------------------------------------------------------------------------

    def accuracies(self, name, budget, metric, split="test"):
        """In percent, one a seed."""
        if budget == TIME and self.price(name) == 1.0:
            budget = EPOCHS
        return [100 * float(self.results.rows[name, budget, str(seed)][f"{split}.{metric}"])
                for seed in range(1, self.arguments.seeds + 1)]

    def both(self, name, budget, split="test"):
        return [statistics.mean(pair) for pair in
                zip(*(self.accuracies(name, budget, metric, split) for metric in self.metrics))]

    def best_fixed(self):
        return max((fixed_name(w) for w in WEIGHTS),
                   key=lambda name: statistics.mean(self.both(name, EPOCHS, "validation")))

    def difference(self, name, budget, other):
        """Of the means of both tasks, paired by seed; bold beyond two standard errors."""
        if name == other:
            return ""
        pairs = zip(self.both(name, budget), self.both(other, EPOCHS))
        mean, error = mean_and_error([ours - theirs for ours, theirs in pairs])
        text = f"{mean:+.2f} ± {error:.2f}"
        return f"**{text}**" if abs(mean) > 2 * error else text

    def cells(self, name, budget, best):
        """Accuracies, and what they are beside the weighted sum and the best fixed weights."""
        pairs = (mean_and_error(self.accuracies(name, budget, metric)) for metric in self.metrics)
        yield ", ".join(f"{mean:.2f} ± {error:.2f}" for mean, error in pairs)
        for other in dict.fromkeys((fixed_name(1), best)):
            yield "" if name in ALONE else self.difference(name, budget, other)

    def print_table(self):
        best = self.best_fixed()
        beside = dict.fromkeys((f"beside {fixed_name(1)}", f"beside {best}"))
        print(f"Best fixed weights by validation: {best}\n")
        accuracies = ", ".join(metric.removesuffix(".accuracy") for metric in self.metrics)
        print("| " + " | ".join(["", f"{accuracies} at equal epochs", *beside, "price",
                                 f"{accuracies} at equal time", *beside]) + " |")
        print("|" + "---|" * (4 + 2 * len(beside)))
        for name, _ in self.configurations():
            row = self.prices.rows.get((name,))
            cells = [f"`{name}`" if row else name, *self.cells(name, EPOCHS, best)]
            if not row:
                cells += [""] * (2 + len(beside))
            elif self.price(name) == 1:
                cells += [f"{float(row['ratio']):.2f}", "the same"] + [""] * len(beside)
            else:
                cells += [f"{float(row['ratio']):.2f}", *self.cells(name, TIME, best)]
            print("| " + " | ".join(cells) + " |")
        for name, other in SAME.items():
            print("| " + " | ".join([f"`{name}`", f"as `{other}`"] + [""] * (2 + 2 * len(beside))) + " |")


def mean_and_error(values):
    error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else float("nan")
    return statistics.mean(values), error


def main():
    arguments = parse_arguments()
    study = Study(arguments)
    if not arguments.table_only:
        study.run()
    study.print_table()
    return 0


if __name__ == "__main__":
    sys.exit(main())
