"""Compares Medley with PyTorch step by step, from the same weights on the same batches.

    steps.py --binary build/medley-lenet --data DIR [--steps 50] [--seed 1] [--batch-size N]
             [--save-golden FILE]

Loads Medley's initial checkpoint strictly into the network that `info --json` describes, trains it
in PyTorch with the same step mode, and compares the terms' losses of every step (relative), all
parameters after the last (relative to max(1, |x|)) and the optimizers' moments (relative to the
largest of their tensor). The same in double precision tells how far both are from exact arithmetic.

--save-golden writes the double-precision run as a small file for check_golden.py; DIR must then be
made by make_digits.py. Exit code 0; 1 beyond the tolerance; 2 for wrong usage.
"""

import argparse
import json
import sys
import tempfile

import golden
import medley
import torch
from comparison import Comparison
from dataset import Dataset
from safetensors.torch import load_file
from torch_losses import Target
from torch_network import normalize
from torch_training import Batches, Training


def make_batches(dataset, description, size, dtype):
    rows = dataset.rows("train")

    def load(part):
        chosen = rows[part]
        images = normalize(dataset.images[chosen], dataset.mean, dataset.deviation, dtype)
        targets = {t["name"]: Target.of(t["kind"], dataset.targets[t["name"]][chosen], dtype)
                   for t in description["targets"]}
        return images, targets

    return Batches(len(rows), size, load)


class Trained:
    """A training in PyTorch from Medley's initial checkpoint."""

    def __init__(self, reference, dataset, dtype):
        training = Training(reference.description, dtype)
        training.network.load({name: value for name, value in
                               load_file(reference.start.last()).items()
                               if medley.is_parameter(name)})
        batches = make_batches(dataset, reference.description, reference.batch_size, dtype)
        self.losses = [training.round(batches) for _ in range(reference.steps)]
        self.parameters, self.moments = training.parameters(), training.moments()


def compare(losses, tensors, trained, tolerance):
    comparison = Comparison()
    comparison.losses(losses, trained.losses, tolerance)
    comparison.parameters(medley.parameters(tensors), trained.parameters, tolerance)
    # A moment is an average of gradients, where rounding shows more than in what they add up to.
    comparison.moments(medley.moments(tensors), trained.moments, 10 * tolerance)
    return comparison


def compare_frameworks(reference, dataset, tolerance):
    """Prints all deviations. Returns whether they are within tolerance, and the exact training."""
    single = Trained(reference, dataset, torch.float32)
    double = Trained(reference, dataset, torch.float64)
    losses, tensors = reference.losses(), reference.run.checkpoint()
    name = reference.description["experiment"]
    title = f"{name}, {reference.steps} steps, batch {reference.batch_size}:"
    both = compare(losses, tensors, single, tolerance)
    both.print(f"{title} Medley and PyTorch")
    compare(losses, tensors, double, float("inf")).print(f"{title} Medley and double precision")
    compare(single.losses, {**single.parameters, **single.moments}, double, float("inf")).print(
        f"{title} PyTorch and double precision")
    return both.passed(), double


def run(options, work):
    dataset = Dataset(options.data)
    reference = medley.Reference(options.binary, options.data, work, options.steps, options.seed,
                                 options.threads, options.batch_size)
    passed, exact = compare_frameworks(reference, dataset, options.tolerance)
    if options.save_golden:
        content = golden.content(reference, options.seed, dataset, exact,
                                 f"PyTorch {torch.__version__.split('+')[0]}")
        with open(options.save_golden, "w") as file:
            json.dump(content, file, separators=(",", ":"))
            file.write("\n")
    return 0 if passed else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    medley.add_arguments(parser)
    parser.add_argument("--save-golden", metavar="FILE", help="write the run in double precision")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.work:
        return run(options, options.work)
    with tempfile.TemporaryDirectory() as work:
        return run(options, work)


if __name__ == "__main__":
    sys.exit(main())
