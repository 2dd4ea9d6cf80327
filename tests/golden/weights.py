#!/usr/bin/env python3
"""Writes weights.json: values and gradients of every loss of classes and values as PyTorch has them where records
count more or less: the loss of each record (reduction="none"), then (w * l).sum() / (w * class weight).sum().

Run it where PyTorch is installed: python3 tests/golden/weights.py
One network (a 3x3 convolution, tanh, a dense layer a head) on seven pictures; some targets are not known, and one
record weighs nothing. tests/unit/engine/weights_thorough.cpp has the same.
"""

import json
import pathlib

import torch
import torch.nn.functional as F

random = torch.Generator().manual_seed(20240517)
RECORDS, CHANNELS, HEIGHT, WIDTH = 7, 2, 4, 5
HEADS = {"kind": 3, "side": 1, "place": 2}
CLASS_WEIGHTS = torch.tensor([1.0, 2.5, 0.5]).double()
KIND = torch.tensor([0, 2, -1, 1, 1, 2, 0])
SIDE = torch.tensor([1, -1, 0, 0, 1, 1, 0])
PLACE = torch.tensor([[0.5, -1.0], [float("nan"), 0.0], [0.25, 2.0], [-0.75, 0.5], [1.0, 1.0], [0.0, -2.0],
                      [1.5, 0.25]])
WEIGHTS = torch.tensor([1.0, 2.0, 0.25, 0.0, 3.0, 0.5, 1.75]).double()


def mean(losses, weights, target):
    """Of the records that have the target."""
    known = ~torch.isnan(target).any(1) if target.ndim == 2 else target >= 0
    w = WEIGHTS[known]
    return (w * losses[known]).sum() / (w * weights[known]).sum()


ONES = torch.ones(RECORDS).double()
LABELS, BITS = KIND.clamp(min=0), SIDE.clamp(min=0).double()


def cross_entropy(x):
    losses = F.cross_entropy(x, LABELS, CLASS_WEIGHTS, label_smoothing=0.1, reduction="none")
    return mean(losses, CLASS_WEIGHTS[LABELS], KIND)


def hinge(x):
    return mean(F.multi_margin_loss(x, LABELS, reduction="none"), ONES, KIND)


def focal(x):
    p = x.softmax(1).gather(1, LABELS[:, None])[:, 0]
    return mean((1 - p) ** 2 * F.cross_entropy(x, LABELS, reduction="none"), ONES, KIND)


def binary_cross_entropy(x):
    losses = F.binary_cross_entropy_with_logits(x[:, 0], BITS, pos_weight=torch.tensor(2.0).double(), reduction="none")
    return mean(losses, ONES, SIDE)


def binary_hinge(x):
    return mean((1 - (2 * BITS - 1) * x[:, 0]).clamp(min=0), ONES, SIDE)


def binary_focal(x):
    p = torch.where(BITS > 0, x[:, 0].sigmoid(), 1 - x[:, 0].sigmoid())
    alpha = torch.where(BITS > 0, 0.25, 0.75)
    return mean(alpha * (1 - p) ** 2 * -p.log(), ONES, SIDE)


def squares(x):
    return mean(F.mse_loss(x, PLACE.nan_to_num().double(), reduction="none").mean(1), ONES, PLACE)


TERMS = {"entropy": ("kind", cross_entropy), "margins": ("kind", hinge), "focal": ("kind", focal),
         "binary": ("side", binary_cross_entropy), "binary_margins": ("side", binary_hinge),
         "binary_focal": ("side", binary_focal), "squares": ("place", squares)}


def parameters():
    def single(*shape):
        return torch.randn(shape, generator=random).mul(0.5).double().requires_grad_()

    named = {"trunk.0.weight": single(4, CHANNELS, 3, 3), "trunk.0.bias": single(4)}
    for head, outputs in HEADS.items():
        named |= {f"heads.{head}.1.weight": single(outputs, 4 * HEIGHT * WIDTH), f"heads.{head}.1.bias": single(outputs)}
    return named


def rounded(tensor, digits):
    return [float(f"{x:.{digits}g}") for x in tensor.detach().reshape(-1).tolist()]


def main():
    pictures = torch.randint(256, (RECORDS, CHANNELS, HEIGHT, WIDTH), generator=random)
    named = parameters()
    x = (pictures.double() - 127) / 70
    trunk = torch.tanh(F.conv2d(x, named["trunk.0.weight"], named["trunk.0.bias"], padding=1)).flatten(1)
    terms = {}
    for name, (head, loss) in TERMS.items():
        value = loss(F.linear(trunk, named[f"heads.{head}.1.weight"], named[f"heads.{head}.1.bias"]))
        gradients = torch.autograd.grad(value, list(named.values()), retain_graph=True, allow_unused=True)
        terms[name] = {"value": value.item(),
                       "gradient": {n: rounded(g, 9) for n, g in zip(named, gradients) if g is not None}}
    content = {"made_by": f"tests/golden/weights.py, PyTorch {torch.__version__.split('+')[0]}",
               "pictures": pictures.reshape(-1).tolist(), "kind": KIND.tolist(), "side": SIDE.tolist(),
               "place": [None if v != v else v for v in PLACE.reshape(-1).tolist()], "weights": WEIGHTS.tolist(),
               "parameters": {n: rounded(p, 9) for n, p in named.items()}, "terms": terms}
    target = pathlib.Path(__file__).with_name("weights.json")
    target.write_text(json.dumps(content, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
