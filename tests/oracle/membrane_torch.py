"""Trains the experiment `membrane` in PyTorch, from the same dataset folder and by the same recipe.

    membrane_torch.py --data DIR [--seed 1] [--epochs 30] [--threads 1]

Prints the mean IoU of the test split, over all of its pixels as `cells.mean_iou` is, and writes progress to stderr. The
network, losses, optimizer, schedule and augmentation are those of include/medley/experiments/membrane.hpp, written as one
would in PyTorch; random numbers are PyTorch's own.
"""

import argparse
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from dataset import Dataset
from torch import nn

BATCH, LEARNING_RATE, SHIFT, LEAST_CROP = 16, 2e-3, 8, 0.7


def block(inputs, outputs):
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.GroupNorm(4, outputs), nn.ReLU())


class Level(nn.Module):
    """What lies between two ends of a skip connection: down, its blocks, what is deeper, and up."""

    def __init__(self, inputs, channels, deeper):
        super().__init__()
        self.down, self.first, self.deeper = nn.MaxPool2d(2), block(inputs, channels), deeper
        self.last = block(channels + deeper.outputs if deeper else channels, channels)
        self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
        self.outputs = channels

    def forward(self, x):
        x = self.first(self.down(x))
        if self.deeper:
            x = torch.cat((x, self.deeper(x)), 1)
        return self.up(self.last(x))


class Membrane(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(block(1, 16), block(16, 16))
        self.level = Level(16, 32, Level(32, 48, Level(48, 64, None)))
        self.last = nn.Sequential(block(16 + 32, 16), nn.Conv2d(16, 1, 1))

    def forward(self, x):
        x = self.first(x)
        return self.last(torch.cat((x, self.level(x)), 1))[:, 0]


def augment(images, masks):
    """Flips, shifts and crops: pictures bilinear between pixel centres, masks the nearest pixel, the border repeated."""
    count, size = len(images), images.shape[-1]
    side = torch.empty(count, 1).uniform_(LEAST_CROP, 1.0)

    def coordinates():
        start = torch.rand(count, 1) * (1 - side) * size
        shift = torch.randint(-SHIFT, SHIFT + 1, (count, 1))
        return (2 * (start + (side - 1) / 2 + shift + side * torch.arange(size)) + 1) / size - 1

    rows, columns = coordinates(), coordinates()
    columns = torch.where(torch.rand(count, 1) < 0.5, columns.flip(1), columns)
    grid = torch.stack((columns[:, None, :].expand(-1, size, -1), rows[:, :, None].expand(-1, -1, size)), dim=-1)
    images = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    masks = F.grid_sample(masks[:, None], grid, mode="nearest", padding_mode="border", align_corners=False)
    return images, masks[:, 0]


def loss_of(output, mask):
    """Cross-entropy of pixels, and soft IoU of each picture."""
    chance, sums = output.sigmoid(), (1, 2)
    both = (chance * mask).sum(sums)
    either = (chance + mask - chance * mask).sum(sums)
    return F.binary_cross_entropy_with_logits(output, mask) + (1 - (both + 1) / (either + 1)).mean()


def mean_iou(predicted, mask):
    """Of both classes, over all pixels."""
    pairs = [(predicted == c, mask == c) for c in (False, True)]
    return np.mean([((p & m).sum() / (p | m).sum()).item() for p, m in pairs])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="dataset folder")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    data = Dataset(options.data)
    mean, deviation = (torch.from_numpy(x)[:, None, None] for x in (data.mean, data.deviation))
    images = torch.from_numpy(np.array(data.images)).float()
    masks = torch.from_numpy(np.array(data.targets["cells"])).float()
    rows = {split: torch.from_numpy(data.rows(split)) for split in ("train", "test")}
    model = Membrane()
    print(f"{sum(p.numel() for p in model.parameters())} parameters", file=sys.stderr)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE)
    steps = options.epochs * -(-len(rows["train"]) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps, cycle_momentum=False)
    for epoch in range(options.epochs):
        started, losses = time.process_time(), []
        for batch in rows["train"][torch.randperm(len(rows["train"]))].split(BATCH):
            pictures, wanted = augment(images[batch], masks[batch])
            loss = loss_of(model((pictures - mean) / deviation), wanted)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        print(f"epoch {epoch + 1} of {options.epochs}: loss {np.mean(losses):.4f}, "
              f"{time.process_time() - started:.1f} s of a processor", file=sys.stderr, flush=True)
    with torch.no_grad():
        outputs = torch.cat([model((images[b] - mean) / deviation) for b in rows["test"].split(BATCH)])
    print(f"cells.mean_iou,{mean_iou(outputs > 0, masks[rows['test']] == 1):.4f}")


if __name__ == "__main__":
    main()
