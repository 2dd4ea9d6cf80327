"""Trains the experiment `clothing` in PyTorch, from the same dataset folder and by the same recipe.

    clothing_torch.py --data DIR [--seeds 1 2 3] [--epochs 20] [--batch-norm ghost|plain]
                      [--threads 1] [--out FILE.csv]

Writes a CSV row for each seed and split (validation, test), preceded by rows of the majority
baseline: category accuracy and balanced accuracy, area under the ROC curve and F1 of `kids`.
Progress goes to stderr. Exit code 0; 2 for wrong usage.

Network, losses, optimizer, schedule and augmentation are those of
include/medley/experiments/clothing.hpp; random numbers are PyTorch's own.
"""

import argparse
import csv
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from dataset import Dataset
from torch import nn
from torch_layers import GhostBatchNorm

SHARD = 4
BATCH = 32
LEARNING_RATE = 3e-3
DECAY = 1e-4
SHIFT = 4  # pixels
LEAST_CROP = 0.8

FIELDS = ("model", "seed", "split", "accuracy", "balanced_accuracy", "kids_auc", "kids_f1")


class Clothing(nn.Module):
    """Six 3x3 convolutions of 32, 64 and 128 channels; a dense layer a head."""

    def __init__(self, categories, norm):
        super().__init__()
        layers, inputs = [], 3
        for outputs, pool in ((32, nn.MaxPool2d(2)), (64, nn.MaxPool2d(2)), (128, None)):
            for _ in range(2):
                layers += [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), norm(outputs),
                           nn.ReLU()]
                inputs = outputs
            if pool is not None:
                layers.append(pool)
        self.trunk = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.category = nn.Linear(inputs, categories)
        self.kids = nn.Linear(inputs, 1)
        for weight in self.weights():
            nn.init.xavier_uniform_(weight)
        for head in (self.category, self.kids):
            head.weight.data.mul_(0.5)
            nn.init.zeros_(head.bias)

    def weights(self):
        """What the penalty acts on: weights of convolutions and dense layers."""
        return [m.weight for m in self.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]

    def forward(self, x):
        features = self.trunk(x)
        return self.category(features), self.kids(features)[:, 0]


def augment(images):
    """Flips, shifts and crops a float batch; bilinear between pixel centres, the border repeated."""
    count, size = len(images), images.shape[-1]
    side = torch.empty(count, 1).uniform_(LEAST_CROP, 1.0)

    def coordinates():
        start = torch.rand(count, 1) * (1 - side) * size
        shift = torch.randint(-SHIFT, SHIFT + 1, (count, 1))
        return start + (side - 1) / 2 + shift + side * torch.arange(size)

    rows, columns = coordinates(), coordinates()
    flip = torch.rand(count, 1) < 0.5
    columns = torch.where(flip, columns.flip(1), columns)
    # Pixel coordinates to those of grid_sample, for which the picture reaches from -1 to 1.
    rows, columns = (2 * rows + 1) / size - 1, (2 * columns + 1) / size - 1
    grid = torch.stack((columns[:, None, :].expand(-1, size, -1),
                        rows[:, :, None].expand(-1, -1, size)), dim=-1)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def auc(positive, score):
    """Area under the ROC curve by ranks; ties count half."""
    order = np.argsort(score, kind="stable")
    _, first, counts = np.unique(score[order], return_index=True, return_counts=True)
    rank = np.empty(len(score))
    rank[order] = np.repeat(first + (counts + 1) / 2, counts)
    positives = positive.sum()
    pairs = positives * (len(score) - positives)
    return (rank[positive].sum() - positives * (positives + 1) / 2) / pairs


def f1(positive, predicted):
    return 2 * (positive & predicted).sum() / max(positive.sum() + predicted.sum(), 1)


def metrics(category, predicted_category, kids, kids_score):
    """The four figures; balanced accuracy is the mean recall over the classes that occur."""
    hit = predicted_category == category
    recalls = [hit[category == c].mean() for c in np.unique(category)]
    positive = kids == 1
    return {"accuracy": hit.mean(), "balanced_accuracy": np.mean(recalls),
            "kids_auc": auc(positive, kids_score), "kids_f1": f1(positive, kids_score > 0)}


class Data:
    """The dataset as tensors; batches are normalized on the way out."""

    def __init__(self, folder):
        dataset = Dataset(folder)
        self.images = torch.from_numpy(np.array(dataset.images))
        self.category = torch.from_numpy(dataset.targets["category"].astype(np.int64))
        self.kids = torch.from_numpy(dataset.targets["kids"].astype(np.int64))
        self.mean = torch.from_numpy(dataset.mean)[:, None, None]
        self.deviation = torch.from_numpy(dataset.deviation)[:, None, None]
        self.rows = {s: torch.from_numpy(dataset.rows(s)) for s in ("train", "validation", "test")}
        self.categories = dataset.classes("category")

    def pictures(self, rows, augmented):
        images = self.images[rows].float()
        images = augment(images) if augmented else images
        return ((images - self.mean) / self.deviation).contiguous(
            memory_format=torch.channels_last)


def train(data, seed, epochs, norm):
    torch.manual_seed(seed)
    model = Clothing(data.categories, norm).to(memory_format=torch.channels_last)
    rows = data.rows["train"]
    steps = epochs * -(-len(rows) // BATCH)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps,
                                                   cycle_momentum=False)
    for epoch in range(epochs):
        model.train()
        started, losses = time.monotonic(), []
        for batch in rows[torch.randperm(len(rows))].split(BATCH):
            category, kids = model(data.pictures(batch, augmented=True))
            loss = (F.cross_entropy(category, data.category[batch]) +
                    F.binary_cross_entropy_with_logits(kids, data.kids[batch].float()) +
                    DECAY * sum(w.square().sum() for w in model.weights()))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        print(f"seed {seed} epoch {epoch + 1}/{epochs}: loss {np.mean(losses):.4f}, "
              f"{time.monotonic() - started:.1f} s", file=sys.stderr, flush=True)
    return model


@torch.no_grad()
def evaluate(model, data, split):
    model.eval()
    rows = data.rows[split]
    outputs = [model(data.pictures(batch, augmented=False)) for batch in rows.split(128)]
    category = torch.cat([c for c, _ in outputs]).argmax(1)
    kids = torch.cat([k for _, k in outputs])
    return metrics(data.category[rows].numpy(), category.numpy(), data.kids[rows].numpy(),
                   kids.numpy())


def majority(data, split):
    """Always the training split's most frequent class."""
    category = data.category[data.rows["train"]].bincount().argmax()
    rows = data.rows[split]
    none = np.full(len(rows), -1.0)
    return metrics(data.category[rows].numpy(), category.expand(len(rows)).numpy(),
                   data.kids[rows].numpy(), none)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="dataset folder")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-norm", choices=("ghost", "plain"), default="ghost")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", help="CSV file; stdout without it")
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    data = Data(options.data)
    if options.batch_norm == "plain":
        norm = nn.BatchNorm2d
    else:
        def norm(channels):
            return GhostBatchNorm(channels, SHARD)

    out = open(options.out, "w", newline="") if options.out else sys.stdout
    writer = csv.DictWriter(out, FIELDS)
    writer.writeheader()

    def write(model, seed, split, values):
        writer.writerow({"model": model, "seed": seed, "split": split,
                         **{name: f"{value:.4f}" for name, value in values.items()}})
        out.flush()

    for split in ("validation", "test"):
        write("majority", "", split, majority(data, split))
    for seed in options.seeds:
        model = train(data, seed, options.epochs, norm)
        for split in ("validation", "test"):
            write(options.batch_norm, seed, split, evaluate(model, data, split))
    return 0


if __name__ == "__main__":
    sys.exit(main())
