#!/usr/bin/env python3
"""Writes focal.json: values and gradients of the focal losses as PyTorch has them.

Run it where PyTorch is installed: python3 tests/golden/focal.py
The file is laid out as that of losses.py, beside it.
"""

import json
import pathlib

import torch
import torch.nn.functional as F

from losses import case, labels_with_gaps, random, single, values_case


def focal(classes, count, missing, gamma, alpha=None, spread=4.0):
    x = single((classes, count), -spread, spread).requires_grad_()
    y = labels_with_gaps(count, classes, missing)
    known = y >= 0
    log_p = F.log_softmax(x.T[known], 1).gather(1, y[known, None])[:, 0]
    weight = 1.0 if alpha is None else torch.tensor(alpha, dtype=torch.float64)[y[known]]
    value = (weight * -(1 - log_p.exp()) ** gamma * log_p).mean()
    options = {"gamma": gamma, "alpha": alpha or []}
    return case("focal", options, [x], [{"labels": y.tolist()}], value)


def binary_focal(gamma, alpha, **kind):
    def formula(x, t):  # that of torchvision.ops.sigmoid_focal_loss
        p = torch.sigmoid(x)
        surprise = F.binary_cross_entropy_with_logits(x, t, reduction="none")
        loss = surprise * (1 - (p * t + (1 - p) * (1 - t))) ** gamma
        return loss if alpha < 0 else (alpha * t + (1 - alpha) * (1 - t)) * loss

    return values_case("binary_focal", {"gamma": gamma, "alpha": alpha}, formula=formula, **kind)


def main():
    random.manual_seed(20170807)
    content = {
        "made_by": f"tests/golden/focal.py, PyTorch {torch.__version__.split('+')[0]}",
        "losses": [
            focal(7, 20, 0, 2.0),
            focal(4, 20, 6, 2.0, alpha=[0.5, 2.0, 1.25, 1.0]),
            focal(5, 20, 3, 0.5),
            focal(3, 20, 4, 5.0, alpha=[1.5, 0.75, 3.0]),
            focal(2, 20, 2, 0.0),
            focal(6, 20, 2, 1.0, spread=30.0),
            binary_focal(2.0, 0.25, channels=1, count=20, missing=4, low=-6.0, high=6.0),
            binary_focal(2.0, -1.0, channels=3, count=20, missing=0, hard=False),
            binary_focal(0.5, 0.6, channels=2, count=20, missing=1),
            binary_focal(5.0, 0.75, channels=2, count=20, missing=3, low=-30.0, high=30.0),
        ],
    }
    target = pathlib.Path(__file__).with_name("focal.json")
    target.write_text(json.dumps(content, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
