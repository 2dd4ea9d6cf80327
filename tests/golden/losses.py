#!/usr/bin/env python3
"""Writes losses.json: values and gradients of the losses and penalties as PyTorch has them.

Run it where PyTorch is installed: python3 tests/golden/losses.py
Inputs are single precision, results are computed in double. In the file, channel c of position p is
at [c][p]; a missing target is label -1 or value null. Pictures of the dense losses have a `logits`,
`labels` or `values` each.
"""

import json
import pathlib

import torch
import torch.nn.functional as F

random = torch.Generator().manual_seed(20230817)


def single(shape, low, high):
    """Uniform numbers that single precision holds exactly, as doubles."""
    uniform = torch.rand(shape, generator=random, dtype=torch.float32)
    return (low + (high - low) * uniform).float().double()


def labels_with_gaps(count, classes, missing):
    labels = torch.randint(classes, (count,), generator=random)
    labels[torch.randperm(count, generator=random)[:missing]] = -1
    return labels


def numbers(tensor, present=None):
    """Nested lists; each single-precision number with the nine digits that identify it."""
    if tensor.dim() > 1:
        return [numbers(row, present) for row in tensor]
    kept = [True] * len(tensor) if present is None else present.tolist()
    return [float(f"{x:.9g}") if ok else None for x, ok in zip(tensor.tolist(), kept)]


def rounded(tensor):
    """Nested lists of doubles, to twelve digits."""
    if tensor.dim() > 1:
        return [rounded(row) for row in tensor]
    return [float(f"{x:.12g}") for x in tensor.tolist()]


def case(loss, options, logits, targets, value):
    """`logits` are leaves of the graph of `value`: one tensor [channels][positions] a picture."""
    gradients = torch.autograd.grad(value, logits)
    blocks = [
        {"logits": numbers(x.detach()), **target, "gradient": rounded(g)}
        for x, target, g in zip(logits, targets, gradients)
    ]
    return {"loss": loss, "options": options, "value": value.item(), "blocks": blocks}


def cross_entropy(classes, count, missing, smoothing=0.0, weights=None, spread=4.0):
    x = single((classes, count), -spread, spread).requires_grad_()
    y = labels_with_gaps(count, classes, missing)
    w = None if weights is None else torch.tensor(weights, dtype=torch.float64)
    value = F.cross_entropy(x.T, y, weight=w, label_smoothing=smoothing, ignore_index=-1)
    options = {"smoothing": smoothing, "class_weights": weights or []}
    return case("softmax_cross_entropy", options, [x], [{"labels": y.tolist()}], value)


def values_case(loss, options, channels, count, missing, formula, low=-3.0, high=3.0, hard=True):
    """`formula(x, t)` gives the loss of each element; the records present are averaged."""
    x = single((channels, count), low, high).requires_grad_()
    t = single((channels, count), 0.0, 1.0)
    t = t.round() if hard else t
    present = torch.ones(count, dtype=torch.bool)
    present[torch.randperm(count, generator=random)[:missing]] = False
    value = formula(x, t)[:, present].mean()
    return case(loss, options, [x], [{"values": numbers(t, present)}], value)


def bce(positive_weight, **kind):
    formula = lambda x, t: F.binary_cross_entropy_with_logits(
        x, t, reduction="none", pos_weight=torch.tensor(positive_weight, dtype=torch.float64))
    return values_case("binary_cross_entropy", {"positive_weight": positive_weight},
                       formula=formula, **kind)


def hinge(classes, count, missing, margin):
    x = single((classes, count), -2.0, 2.0).requires_grad_()
    y = labels_with_gaps(count, classes, missing)
    value = F.multi_margin_loss(x.T[y >= 0], y[y >= 0], p=1, margin=margin)
    return case("hinge", {"margin": margin}, [x], [{"labels": y.tolist()}], value)


def iou(p, t, epsilon):
    """Mean over channels; p and t are [channels][pixels]."""
    both = (p * t).sum(1)
    return (1 - (both + epsilon) / ((p + t - p * t).sum(1) + epsilon)).mean()


def soft_iou(channels, pixels, epsilon):
    pictures, targets, losses = [], [], []
    for missing in (0, 5):
        x = single((channels, pixels), -3.0, 3.0).requires_grad_()
        t = single((channels, pixels), 0.0, 1.0).round()
        present = torch.ones(pixels, dtype=torch.bool)
        present[torch.randperm(pixels, generator=random)[:missing]] = False
        losses.append(iou(torch.sigmoid(x)[:, present], t[:, present], epsilon))
        pictures.append(x)
        targets.append({"values": numbers(t, present)})
    return case("soft_iou", {"epsilon": epsilon}, pictures, targets, torch.stack(losses).mean())


def multiclass_soft_iou(classes, pixels, epsilon):
    pictures, targets, losses = [], [], []
    for missing in (0, 7):
        x = single((classes, pixels), -3.0, 3.0).requires_grad_()
        y = labels_with_gaps(pixels, classes, missing)
        t = F.one_hot(y[y >= 0], classes).T.double()
        losses.append(iou(torch.softmax(x, 0)[:, y >= 0], t, epsilon))
        pictures.append(x)
        targets.append({"labels": y.tolist()})
    value = torch.stack(losses).mean()
    return case("multiclass_soft_iou", {"epsilon": epsilon}, pictures, targets, value)


def penalty(name, formula):
    w = single((20,), -1.0, 1.0)
    w[3] = 0.0
    w.requires_grad_()
    value = formula(w).sum()
    (gradient,) = torch.autograd.grad(value, w)
    return {"penalty": name, "weights": numbers(w.detach()), "value": value.item(),
            "gradient": rounded(gradient)}


def main():
    squared = lambda x, t: F.mse_loss(x, t, reduction="none")
    flat_hinge = lambda margin: lambda x, t: torch.clamp(margin - (2 * t - 1) * x, min=0)
    losses = [
        cross_entropy(7, 20, 0),
        cross_entropy(4, 20, 6, weights=[0.5, 2.0, 1.25, 1.0]),
        cross_entropy(5, 20, 3, smoothing=0.1),
        cross_entropy(3, 20, 4, smoothing=0.25, weights=[1.5, 0.75, 3.0]),
        cross_entropy(6, 20, 2, smoothing=0.1, spread=80.0),
        bce(1.0, channels=1, count=20, missing=4, low=-6.0, high=6.0),
        bce(2.5, channels=3, count=20, missing=0, hard=False),
        bce(1.0, channels=2, count=20, missing=1, low=-60.0, high=60.0),
        hinge(4, 20, 5, 1.0),
        hinge(9, 20, 0, 0.5),
        values_case("binary_hinge", {"margin": 1.0}, 2, 20, 3, flat_hinge(1.0)),
        values_case("binary_hinge", {"margin": 0.5}, 1, 20, 0, flat_hinge(0.5)),
        soft_iou(1, 42, 1.0),
        soft_iou(2, 35, 0.001),
        multiclass_soft_iou(3, 42, 1.0),
        values_case("mean_squared_error", {}, 4, 20, 5, squared, hard=False),
    ]
    penalties = [penalty("l1_penalty", torch.abs), penalty("l2_penalty", torch.square)]
    target = pathlib.Path(__file__).with_name("losses.json")
    content = {"made_by": f"tests/golden/losses.py, PyTorch {torch.__version__.split('+')[0]}",
               "losses": losses, "penalties": penalties}
    target.write_text(json.dumps(content, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
