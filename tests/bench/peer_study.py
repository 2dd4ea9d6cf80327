"""The study of study.py as users of PyTorch would write it; called by study.py.

    peer_study.py loader|tensors DATA SETTINGS.json SEEDS EPOCHS JOBS

With Optuna, if it can be imported, a study of its grid sampler hands out the settings and keeps the results;
each of its trials trains all seeds. Prints the best setting and its mean accuracy as JSON.
"""

import json
import pathlib
import sys
from multiprocessing import get_context

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

try:
    import optuna
except ImportError:
    optuna = None

BATCH = 64


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5),
                                   nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(400, 120), nn.ReLU())
        self.digit = nn.Sequential(nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))
        self.side = nn.Linear(120, 1)

    def forward(self, x):
        x = self.trunk(x)
        return self.digit(x), self.side(x).squeeze(1)


def load(folder):
    """Normalized pictures, digits and sides of the training and the validation split."""
    folder = pathlib.Path(folder)
    images, split = np.load(folder / "images.npy"), np.load(folder / "split.npy")
    pixels = torch.from_numpy(images.astype(np.float32))
    of_training = pixels[torch.from_numpy(split == 0)]
    pixels = (pixels - of_training.mean()) / of_training.std()
    digit, side = (torch.from_numpy(np.load(folder / f"{name}.npy").astype(np.int64)) for name in ("digit", "side"))
    return [(pixels[rows], digit[rows], side[rows].float())
            for rows in (torch.from_numpy(split == 0), torch.from_numpy(split == 1))]


def loader_batches(tensors, shuffle):
    return DataLoader(TensorDataset(*tensors), batch_size=BATCH, shuffle=shuffle)


def tensor_batches(tensors, shuffle):
    order = torch.randperm(len(tensors[0])) if shuffle else torch.arange(len(tensors[0]))
    for rows in order.split(BATCH):
        yield [tensor[rows] for tensor in tensors]


def train(way, data, setting, seed, epochs):
    """The accuracy of digits in validation after the last epoch."""
    torch.manual_seed(seed)
    batches = loader_batches if way == "loader" else tensor_batches
    net = LeNet()
    optimizer = torch.optim.Adam(net.parameters(), lr=setting["lr"])
    accuracy = 0.0
    for _ in range(epochs):
        net.train()
        for pixels, digit, side in batches(data[0], True):
            digits, sides = net(pixels)
            loss = functional.cross_entropy(digits, digit) + (
                setting["side"] * functional.binary_cross_entropy_with_logits(sides, side))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        net.eval()
        right = count = 0
        with torch.no_grad():
            for pixels, digit, side in batches(data[1], False):
                digits, sides = net(pixels)
                right += (digits.argmax(1) == digit).sum().item()
                count += len(digit)
        accuracy = right / count
    return accuracy


def begin(way, folder, seeds, epochs):
    global work
    torch.set_num_threads(1)
    work = way, load(folder), seeds, epochs


def mean_accuracy(setting):
    way, data, seeds, epochs = work
    return float(np.mean([train(way, data, setting, seed + 1, epochs) for seed in range(seeds)]))


def main():
    way, folder, settings, seeds, epochs, jobs = sys.argv[1:]
    settings = json.loads(pathlib.Path(settings).read_text())
    with get_context("fork").Pool(int(jobs), begin, (way, folder, int(seeds), int(epochs))) as pool:
        running = [pool.apply_async(mean_accuracy, (setting,)) for setting in settings]
        if optuna:
            optuna.logging.set_verbosity(optuna.logging.WARNING)
            study = optuna.create_study(direction="maximize", sampler=optuna.samplers.GridSampler(
                {"setting": list(range(len(settings)))}, seed=1))
            study.optimize(lambda trial: running[trial.suggest_int("setting", 0, len(settings) - 1)].get())
            best, accuracy = study.best_params["setting"], study.best_value
        else:
            values = [result.get() for result in running]
            accuracy = max(values)
            best = values.index(accuracy)
    print(json.dumps({"best": best, "accuracy": accuracy, "optuna": optuna is not None}))


if __name__ == "__main__":
    main()
