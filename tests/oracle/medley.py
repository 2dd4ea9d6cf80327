"""Runs a Medley binary and reads what it writes. Needs numpy alone."""

import csv
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np


class Failed(Exception):
    """The binary ended with an exit code other than 0."""


class Binary:
    def __init__(self, path):
        self.path = str(Path(path).resolve())

    def run(self, *arguments):
        """Runs a subcommand and returns its stdout."""
        command = [self.path, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failed(f"{' '.join(command)}\nended with {done.returncode}:\n{done.stderr}")
        return done.stdout

    def info(self):
        return json.loads(self.run("info", "--json"))

    def train(self, data, out, steps, *options):
        """A run of so many steps over the training records in file order, at a constant rate."""
        self.run("train", "--data", data, "--out", out, "--steps", steps, "--shuffle", "off",
                 "--augment", "off", "--schedule", "constant", "--warm-up", 0, *options)
        return Run(out)


class Run:
    """A run folder."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def last(self):
        """Path of the last checkpoint."""
        return (self.folder / "last").resolve(strict=True)

    def checkpoint(self):
        return read_safetensors(self.last())

    def losses(self):
        """A row for each logged training step: {term: value}; None where it was not measured."""
        return self.logged(".value")

    def weights(self):
        """The same of what terms were multiplied with."""
        return self.logged(".weight")

    def logged(self, ending):
        with open(self.folder / "losses.csv", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["split"] == "train"]
        return [{name.removesuffix(ending): float(text) if text else None
                 for name, text in row.items() if name.endswith(ending)} for row in rows]


def read_safetensors(path):
    """Arrays by name: F32 in checkpoints, but F64 what mixes keep."""
    content = Path(path).read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8:8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        if entry["dtype"] != ("F64" if name.startswith("mix.") else "F32"):
            raise ValueError(f"{path}: {name} is {entry['dtype']}")
        begin, end = entry["data_offsets"]
        data = np.frombuffer(content[8 + length + begin:8 + length + end],
                             {"F32": np.float32, "F64": np.float64}[entry["dtype"]])
        tensors[name] = data.reshape(entry["shape"])
    return tensors


def is_parameter(name):
    """Whether a checkpoint's tensor is of the network: no moment, no state of a mix, no statistic of the
    input."""
    return not name.startswith(("optimizer.", "mix.", "input."))


def parameters(tensors):
    return {name: value for name, value in tensors.items() if is_parameter(name)}


def moments(tensors):
    return {name: value for name, value in tensors.items() if name.startswith("optimizer.")}


def with_mode(description, name=None):
    """The description with this step mode alone, or with that of runs without --steps-mode."""
    modes = [mode for mode in description["steps"] if name in (None, mode["mode"])]
    if not modes:
        raise ValueError(f"{description['experiment']} has no step mode '{name}'")
    return {**description, "steps": modes[:1]}


class Reference:
    """What a framework is compared with: a run of `steps` steps, and where it began.

    All its batches are the training records in file order. The learning rate is constant.
    """

    def __init__(self, binary, options, work, seed):
        """`options` as add_arguments gives them; `work` is a folder for the runs."""
        everything = binary.info()
        self.description = with_mode(everything, options.steps_mode)
        self.steps, self.seed = options.steps, seed
        self.batch_size = options.batch_size or self.description["recipe"]["batch_size"]
        for layer in self.description["layers"]:
            if layer["type"] == "dropout" and layer["options"]["probability"] > 0:
                raise ValueError(f"{layer['path']}: dropout draws from each framework's own "
                                 "random numbers, so steps cannot be compared")
        common = ("--seed", seed, "--threads", options.threads, "--batch-size", self.batch_size)
        if len(everything["steps"]) > 1:  # else there is no such option
            common += ("--steps-mode", self.description["steps"][0]["mode"])
        self.start = binary.train(options.data, Path(work) / f"start-{seed}", 0, *common)
        self.run = binary.train(options.data, Path(work) / f"run-{seed}", options.steps,
                                "--log-every", 1, "--checkpoint-every", 1, "--keep",
                                options.steps + 1, *common)

    def title(self):
        mode = self.description["steps"][0]["mode"]
        return (f"{self.description['experiment']}, {self.steps} {mode} steps, batch {self.batch_size}, "
                f"seed {self.seed}")

    def losses(self):
        rows = self.run.losses()
        if len(rows) != self.steps:
            raise ValueError(f"losses.csv has {len(rows)} training rows, not {self.steps}")
        return rows

    def states(self):
        """Checkpoints before the first step and after each."""
        files = sorted((self.run.folder / "checkpoints").glob("*.safetensors"))
        if len(files) != self.steps:
            raise ValueError(f"{self.run.folder} has {len(files)} checkpoints, not {self.steps}")
        return [self.start.checkpoint()] + [read_safetensors(file) for file in files]


def add_arguments(parser):
    """The options of scripts that compare step by step."""
    parser.add_argument("--binary", required=True, help="medley-<experiment>")
    parser.add_argument("--data", required=True, help="dataset folder")
    parser.add_argument("--work", help="empty folder for the runs; a temporary one without it")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--batch-size", type=int, help="the experiment's own without it")
    parser.add_argument("--steps-mode", help="the experiment's first without it")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--threads", type=int, default=2, help="of Medley")
    parser.add_argument("--tolerance", type=float, default=1e-4)


def compare_all(options, compare):
    """Calls compare(reference) for each seed; returns the exit code: 0 if all returned true."""
    with tempfile.TemporaryDirectory() as temporary:
        binary = Binary(options.binary)
        passed = [compare(Reference(binary, options, options.work or temporary, seed))
                  for seed in options.seeds]
    return 0 if all(passed) else 1
