"""Trains the experiment `cifar10` in PyTorch, from the same dataset folder and by the same recipe.

    cifar10_torch.py --data DIR [--seeds 1] [--epochs 30] [--threads 1]

Writes a CSV row for each seed: accuracy on validation and test. Progress goes to stderr. Exit code 0; 2 for
wrong usage.

Network, losses, optimizer, schedule and augmentation are those of include/medley/experiments/cifar10.hpp; random
numbers are PyTorch's own.
"""

import argparse
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from dataset import Dataset
from torch import nn
from torch_layers import GhostBatchNorm

SHARD = 16
BATCH = 128
LEARNING_RATE = 0.2
DECAY = 1e-4
SHIFT = 4  # pixels


def conv(inputs, outputs, kernel=3, stride=1):
    return [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False), GhostBatchNorm(outputs, SHARD)]


class Block(nn.Module):
    """relu(main(x) + shortcut(x)); the shortcut is a projection where the block halves the picture."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.main = nn.Sequential(*conv(inputs, outputs, 3, stride), nn.ReLU(), *conv(outputs, outputs))
        self.shortcut = nn.Sequential(*conv(inputs, outputs, 1, stride)) if stride > 1 else nn.Identity()

    def forward(self, x):
        return F.relu(self.main(x) + self.shortcut(x))


def resnet20():
    layers, inputs = [*conv(3, 16), nn.ReLU()], 16
    for outputs in (16, 32, 64):
        for block in range(3):
            layers.append(Block(inputs, outputs, 2 if block == 0 and outputs > 16 else 1))
            inputs = outputs
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    for weight in weights(model):
        nn.init.xavier_uniform_(weight)
    model[-1].weight.data.mul_(0.5)
    nn.init.zeros_(model[-1].bias)
    return model.to(memory_format=torch.channels_last)


def weights(model):
    """What the penalty acts on: weights of convolutions and dense layers."""
    return [m.weight for m in model.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]


def augment(images):
    """Shifts by up to 4 pixels, the border repeated, and mirrors every other picture."""
    count, size = len(images), images.shape[-1]

    def places():
        return (torch.arange(size) + torch.randint(-SHIFT, SHIFT + 1, (count, 1))).clamp(0, size - 1)

    rows, columns = places(), places()
    columns = torch.where(torch.rand(count, 1) < 0.5, columns.flip(1), columns)
    return images[torch.arange(count)[:, None, None, None], torch.arange(3)[:, None, None],
                  rows[:, None, :, None], columns[:, None, None, :]]


class Data:
    """The dataset as tensors; batches are normalized on the way out."""

    def __init__(self, folder):
        dataset = Dataset(folder)
        self.images = torch.from_numpy(np.array(dataset.images))
        self.labels = torch.from_numpy(dataset.targets["class"].astype(np.int64))
        self.mean = torch.from_numpy(dataset.mean)[:, None, None]
        self.deviation = torch.from_numpy(dataset.deviation)[:, None, None]
        self.rows = {s: torch.from_numpy(dataset.rows(s)) for s in ("train", "validation", "test")}

    def pictures(self, rows, augmented):
        images = self.images[rows]
        images = augment(images) if augmented else images
        return ((images.float() - self.mean) / self.deviation).contiguous(memory_format=torch.channels_last)


def train(data, seed, epochs):
    torch.manual_seed(seed)
    model, rows = resnet20(), data.rows["train"]
    steps = epochs * -(-len(rows) // BATCH)
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE, momentum=0.9, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps,
                                                   cycle_momentum=False)
    for epoch in range(epochs):
        model.train()
        started, losses = time.monotonic(), []
        for batch in rows[torch.randperm(len(rows))].split(BATCH):
            loss = (F.cross_entropy(model(data.pictures(batch, augmented=True)), data.labels[batch]) +
                    DECAY * sum(w.square().sum() for w in weights(model)))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        print(f"seed {seed} epoch {epoch + 1}/{epochs}: loss {np.mean(losses):.4f}, validation "
              f"{accuracy(model, data, 'validation'):.4f}, {time.monotonic() - started:.1f} s, "
              f"{time.process_time():.0f} s of processors", file=sys.stderr, flush=True)
    return model


@torch.no_grad()
def accuracy(model, data, split):
    model.eval()
    hits = [(model(data.pictures(batch, augmented=False)).argmax(1) == data.labels[batch]).sum()
            for batch in data.rows[split].split(500)]
    return float(sum(hits)) / len(data.rows[split])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="dataset folder")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    data = Data(options.data)
    print("seed,validation,test")
    for seed in options.seeds:
        model = train(data, seed, options.epochs)
        print(f"{seed},{accuracy(model, data, 'validation'):.4f},{accuracy(model, data, 'test'):.4f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
