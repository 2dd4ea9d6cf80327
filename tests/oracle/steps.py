"""Compares Medley with PyTorch step by step, from the same weights on the same batches.

    steps.py --binary build/medley-lenet --data DIR [--steps 50] [--seeds 1 2 3] [--batch-size N]
             [--steps-mode alternating] [--save-golden FILE]

For each seed, Medley's initial checkpoint is loaded strictly into the network that `info --json`
describes. Then two comparisons follow:

  together      PyTorch trains on by itself, in the same step mode. The terms' losses of every step
                (relative), all parameters after the last (relative to max(1, |x|)) and the
                optimizers' moments (relative to the largest of their tensor) must agree with
                PyTorch in single or in double precision.
  step by step  Before every step, PyTorch takes over Medley's parameters and moments, so that
                nothing accumulates. Both precisions must agree.

Where a ReLU's input is as good as 0, or two pixels of a pooling window as good as equal, rounding
decides which way the gradient goes. Adam enlarges that, and from there on two trainings part, even
if they differ in nothing but PyTorch's precision. So `together` says something for seeds without
such an event only (most, with small networks and batches); `step by step` for all. Adam's first
step follows the sign of a gradient, even of one that is rounding alone: among the many weights of a
larger network, some then differ by twice the rate.

--save-golden writes the double-precision run of one seed as a small file for check_golden.py; DIR
must then be made by make_digits.py. Exit code 0; 1 beyond the tolerance; 2 for wrong usage.
"""

import argparse
import json
import sys

import golden
import medley
import torch
from comparison import Comparison
from dataset import Dataset
from safetensors.torch import load_file
from torch_losses import Target
from torch_network import normalize
from torch_training import Batches, Training

UNBOUNDED = float("inf")


def load_records(dataset, description, chosen, dtype):
    """Images and targets of these records."""
    images = normalize(dataset.images[chosen], dataset.mean, dataset.deviation, dtype)
    return images, {t["name"]: Target.of(t["kind"], dataset.targets[t["name"]][chosen], dtype)
                    for t in description["targets"]}


def make_batches(dataset, description, size, dtype):
    rows = dataset.rows("train")
    return Batches(len(rows), size,
                   lambda part: load_records(dataset, description, rows[part], dtype))


class Together:
    """A training in PyTorch from Medley's initial checkpoint."""

    def __init__(self, reference, dataset, dtype):
        training = Training(reference.description, dtype)
        training.network.load(load_file(reference.start.last()))
        batches = make_batches(dataset, reference.description, reference.batch_size, dtype)
        self.losses = [training.round(batches) for _ in range(reference.steps)]
        self.parameters, self.moments = training.parameters(), training.moments()


def compare(losses, tensors, other, tolerance):
    comparison = Comparison()
    comparison.losses(losses, other.losses, tolerance)
    comparison.parameters(medley.parameters(tensors), other.parameters, tolerance)
    # A moment is an average of gradients, where rounding shows more than in what they add up to.
    comparison.moments(medley.moments(tensors), other.moments, 10 * tolerance)
    return comparison


def compare_together(reference, dataset, tolerance):
    """Prints all deviations. Returns whether one precision agrees, and the training in double."""
    single = Together(reference, dataset, torch.float32)
    double = Together(reference, dataset, torch.float64)
    losses, tensors = reference.losses(), reference.run.checkpoint()
    title = f"{reference.title()}, together:"
    passed = False
    for other, name in ((single, "PyTorch"), (double, "PyTorch in double precision")):
        comparison = compare(losses, tensors, other, tolerance)
        comparison.print(f"{title} Medley and {name}")
        passed |= comparison.passed()
    compare(single.losses, {**single.parameters, **single.moments}, double, UNBOUNDED).print(
        f"{title} PyTorch in single and double precision")
    return passed, double


def compare_step_by_step(reference, dataset, dtype, tolerance):
    """Every step of PyTorch from Medley's own state, with what Medley makes of it."""
    training = Training(reference.description, dtype)
    batches = make_batches(dataset, reference.description, reference.batch_size, dtype)
    comparison = Comparison()
    states, losses = reference.states(), reference.losses()
    for step, (before, after) in enumerate(zip(states, states[1:])):
        training.load(before, step)
        values = training.round(batches)
        comparison.losses(losses[step:step + 1], [values], tolerance, first=step + 1)
        comparison.parameters(medley.parameters(after), training.parameters(), tolerance,
                              place=f", step {step + 1}")
    name = {torch.float32: "PyTorch", torch.float64: "PyTorch in double precision"}[dtype]
    comparison.print(f"{reference.title()}, step by step: Medley and {name}")
    return comparison.passed()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    medley.add_arguments(parser)
    parser.add_argument("--save-golden", metavar="FILE", help="write the run in double precision")
    options = parser.parse_args()
    if options.save_golden and len(options.seeds) > 1:
        parser.error("--save-golden takes one seed")
    torch.set_num_threads(1)
    dataset = Dataset(options.data)

    def run(reference):
        passed, exact = compare_together(reference, dataset, options.tolerance)
        for dtype in (torch.float32, torch.float64):
            passed &= compare_step_by_step(reference, dataset, dtype, options.tolerance)
        if options.save_golden:
            content = golden.content(reference, dataset, exact,
                                     f"PyTorch {torch.__version__.split('+')[0]}")
            with open(options.save_golden, "w") as file:
                json.dump(content, file, separators=(",", ":"))
                file.write("\n")
        return passed

    return medley.compare_all(options, run)


if __name__ == "__main__":
    sys.exit(main())
