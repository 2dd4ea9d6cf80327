#!/usr/bin/env python3
"""Writes rmsprop.json: 50 steps of PyTorch's RMSprop on the problem of optimizers.py, beside it.

Run it where PyTorch is installed: python3 tests/golden/rmsprop.py
"""

import json
import pathlib

import torch

from optimizers import trajectory


def rmsprop(rate, alpha=0.99, eps=1e-8, momentum=0.0, centered=False, weight_decay=0.0):
    options = {"learning_rate": rate, "alpha": alpha, "epsilon": eps, "momentum": momentum,
               "centered": centered, "weight_decay": weight_decay}
    return trajectory("rmsprop", options, lambda groups: torch.optim.RMSprop(
        groups, lr=rate, alpha=alpha, eps=eps, momentum=momentum, centered=centered,
        weight_decay=weight_decay))


def main():
    content = {
        "made_by": f"tests/golden/rmsprop.py, PyTorch {torch.__version__.split('+')[0]}",
        "trajectories": [
            rmsprop(0.01),
            rmsprop(0.02, alpha=0.9, eps=1e-3, weight_decay=0.1),
            rmsprop(0.005, momentum=0.9),
            rmsprop(0.01, alpha=0.95, momentum=0.5, centered=True, weight_decay=0.05),
        ],
    }
    target = pathlib.Path(__file__).with_name("rmsprop.json")
    target.write_text(json.dumps(content, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
