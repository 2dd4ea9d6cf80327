"""Trains an experiment in PyTorch, saves it under the documented names, and loads it in Medley.

    export_torch.py --binary build/medley-lenet --data DIR --out model.safetensors [--steps 100]

The file holds the state_dict alone, as safetensors.torch.save_file writes it. Then
  * `train --init FILE --steps 0` must give a checkpoint with the same bits in every parameter;
  * `eval --checkpoint FILE` must give the same terms on the test split (relative 1e-4).
Exit code 0; 1 where one of these does not hold; 2 for wrong usage.
"""

import argparse
import csv
import io
import sys
import tempfile

import medley
import numpy as np
import torch
from comparison import Comparison
from dataset import Dataset
from safetensors.torch import save_file
from steps import make_batches
from torch_losses import Target
from torch_network import normalize
from torch_training import Training


def train(description, dataset, steps, seed):
    torch.manual_seed(seed)
    training = Training(description)
    batches = make_batches(dataset, description, description["recipe"]["batch_size"],
                           torch.float32)
    for _ in range(steps):
        training.round(batches)
    return training


def same_bits(path, exported, taken):
    """Whether Medley's checkpoint has exactly the exported parameters."""
    ours = medley.parameters(taken)
    if ours.keys() != exported.keys():
        print(f"{path}: names differ: {sorted(ours.keys() ^ exported.keys())}")
        return False
    other = [name for name in ours if ours[name].tobytes() != exported[name].tobytes()]
    print(f"{path}: {len(ours) - len(other)} of {len(ours)} parameters arrive bit by bit")
    return not other


@torch.no_grad()
def losses(training, description, dataset, split):
    """Each term over a whole split, as PyTorch has it."""
    rows = dataset.rows(split)
    images = normalize(dataset.images[rows], dataset.mean, dataset.deviation)
    targets = {t["name"]: Target.of(t["kind"], dataset.targets[t["name"]][rows], torch.float32)
               for t in description["targets"]}
    training.network.eval()
    outputs = training.network(images)
    return {name: term.value(outputs, targets).item() for name, term in training.terms.items()}


def evaluate(binary, path, data, split):
    rows = csv.DictReader(io.StringIO(binary.run("eval", "--checkpoint", path, "--data", data,
                                                 "--split", split)))
    return {row["name"].removeprefix("term."): float(row["value"]) for row in rows
            if row["name"].startswith("term.")}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, help="medley-<experiment>")
    parser.add_argument("--data", required=True, help="dataset folder")
    parser.add_argument("--out", required=True, help="safetensors file to write")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1, help="of PyTorch's initial weights")
    options = parser.parse_args()

    torch.set_num_threads(1)
    binary, dataset = medley.Binary(options.binary), Dataset(options.data)
    description = binary.info()
    training = train(description, dataset, options.steps, options.seed)
    save_file({name: value.contiguous() for name, value in training.network.state_dict().items()},
              options.out)
    exported = {name: np.ascontiguousarray(v) for name, v in training.parameters().items()}

    with tempfile.TemporaryDirectory() as work:
        run = binary.train(options.data, f"{work}/run", 0, "--init", options.out)
        passed = same_bits(options.out, exported, run.checkpoint())
    comparison = Comparison()
    comparison.losses([evaluate(binary, options.out, options.data, "test")],
                      [losses(training, description, dataset, "test")], 1e-4)
    comparison.print("Medley and PyTorch on the test split")
    return 0 if passed and comparison.passed() else 1


if __name__ == "__main__":
    sys.exit(main())
