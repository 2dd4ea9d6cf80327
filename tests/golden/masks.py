#!/usr/bin/env python3
"""Writes masks.json: values and gradients of terms on masks as PyTorch has them, with class weights,
over the batch and over pictures; once more where pictures have weights.

Run it where PyTorch is installed: python3 tests/golden/masks.py
One network (a 3x3 convolution, tanh, and heads of 1x1 convolutions) on five pictures, of whose
pixels some have no label (255); one picture has none. tests/unit/engine/mask_terms_test.cpp has the same.
"""

import json
import pathlib

import torch
import torch.nn.functional as F

random = torch.Generator().manual_seed(20240211)
PICTURES, CHANNELS, HEIGHT, WIDTH = 5, 2, 4, 5
HEADS = {"parts": 3, "outline": 1, "level": 1}


def make_masks(classes):
    masks = torch.randint(classes, (PICTURES, HEIGHT, WIDTH), generator=random)
    for picture, missing in enumerate((0, 3, 20, 17, 9)):
        masks[picture].view(-1)[torch.randperm(HEIGHT * WIDTH, generator=random)[:missing]] = 255
    return masks


def parameters():
    def single(*shape):
        return torch.randn(shape, generator=random).mul(0.5).double().requires_grad_()

    named = {"trunk.0.weight": single(4, CHANNELS, 3, 3), "trunk.0.bias": single(4)}
    for head, outputs in HEADS.items():
        named |= {f"heads.{head}.0.weight": single(outputs, 4, 1, 1),
                  f"heads.{head}.0.bias": single(outputs)}
    return named


def known(x, y):
    """Rows of channels and labels of the pixels that have one."""
    rows, labels = x.movedim(1, -1).reshape(-1, x.shape[1]), y.reshape(-1)
    return rows[labels != 255], labels[labels != 255]


def cross_entropy(x, y):
    return F.cross_entropy(x, y, torch.tensor([1.0, 2.5, 0.5]).double(), ignore_index=255,
                           label_smoothing=0.1)


def hinge(x, y):
    return F.multi_margin_loss(*known(x, y))


def binary_cross_entropy(x, y):
    rows, labels = known(x, y)
    return F.binary_cross_entropy_with_logits(rows[:, 0], labels.double(),
                                              pos_weight=torch.tensor(2.0).double())


def squares(x, y):
    rows, labels = known(x, y)
    return F.mse_loss(rows[:, 0], labels.double())


def iou(p, t):
    both = (p * t).sum(0)
    return (1 - (both + 1) / ((p + t - p * t).sum(0) + 1)).mean()


def soft_iou(x, y):
    rows, labels = known(x, y)
    return iou(rows.sigmoid(), labels.double()[:, None])


def multiclass_soft_iou(x, y):
    rows, labels = known(x, y)
    return iou(rows.softmax(1), F.one_hot(labels, x.shape[1]).double())


def over_pictures(loss):
    def mean(x, y):
        return torch.stack([loss(x[n:n + 1], y[n:n + 1]) for n in range(PICTURES)
                            if (y[n] != 255).any()]).mean()
    return mean


TERMS = {
    "weighted": ("parts", cross_entropy),
    "weighted_pictures": ("parts", over_pictures(cross_entropy)),
    "margins": ("parts", hinge),
    "margins_pictures": ("parts", over_pictures(hinge)),
    "iou": ("parts", over_pictures(multiclass_soft_iou)),
    "iou_batch": ("parts", multiclass_soft_iou),
    "binary": ("outline", binary_cross_entropy),
    "binary_pictures": ("outline", over_pictures(binary_cross_entropy)),
    "soft": ("outline", over_pictures(soft_iou)),
    "soft_batch": ("outline", soft_iou),
    "squares": ("level", squares),
    "squares_pictures": ("level", over_pictures(squares)),
}


# The same where the pictures count as much as these: the loss of each pixel (reduction="none") or picture, then the
# weighted mean.
WEIGHTS = torch.tensor([2.0, 0.5, 3.0, 0.0, 1.25]).double()


def of_pixels(y):
    """The weight of each known pixel."""
    return WEIGHTS[:, None, None].expand(y.shape)[y != 255]


def weighted_batch(each):
    def mean(x, y):
        rows, labels = known(x, y)
        losses, weights = each(rows, labels)
        return (of_pixels(y) * losses).sum() / (of_pixels(y) * weights).sum()
    return mean


def weighted_pictures(loss):
    def mean(x, y):
        some = [n for n in range(PICTURES) if (y[n] != 255).any() and WEIGHTS[n] > 0]
        losses = torch.stack([loss(x[n:n + 1], y[n:n + 1]) for n in some])
        return (WEIGHTS[some] * losses).sum() / WEIGHTS[some].sum()
    return mean


def weighted_iou(p, t, y):
    w = of_pixels(y)[:, None]
    return (1 - ((w * p * t).sum(0) + 1) / ((w * (p + t - p * t)).sum(0) + 1)).mean()


def cross_entropy_each(rows, labels):
    weights = torch.tensor([1.0, 2.5, 0.5]).double()
    return F.cross_entropy(rows, labels, weights, label_smoothing=0.1, reduction="none"), weights[labels]


def hinge_each(rows, labels):
    return F.multi_margin_loss(rows, labels, reduction="none"), torch.ones(len(labels)).double()


def binary_each(rows, labels):
    return (F.binary_cross_entropy_with_logits(rows[:, 0], labels.double(), reduction="none",
                                               pos_weight=torch.tensor(2.0).double()),
            torch.ones(len(labels)).double())


def squares_each(rows, labels):
    return F.mse_loss(rows[:, 0], labels.double(), reduction="none"), torch.ones(len(labels)).double()


def weighted_soft_iou(x, y):
    rows, labels = known(x, y)
    return weighted_iou(rows.sigmoid(), labels.double()[:, None], y)


def weighted_multiclass_soft_iou(x, y):
    rows, labels = known(x, y)
    return weighted_iou(rows.softmax(1), F.one_hot(labels, x.shape[1]).double(), y)


WEIGHTED_TERMS = {
    "weighted": ("parts", weighted_batch(cross_entropy_each)),
    "weighted_pictures": ("parts", weighted_pictures(cross_entropy)),
    "margins": ("parts", weighted_batch(hinge_each)),
    "margins_pictures": ("parts", weighted_pictures(hinge)),
    "iou": ("parts", weighted_pictures(multiclass_soft_iou)),
    "iou_batch": ("parts", weighted_multiclass_soft_iou),
    "binary": ("outline", weighted_batch(binary_each)),
    "binary_pictures": ("outline", weighted_pictures(binary_cross_entropy)),
    "soft": ("outline", weighted_pictures(soft_iou)),
    "soft_batch": ("outline", weighted_soft_iou),
    "squares": ("level", weighted_batch(squares_each)),
    "squares_pictures": ("level", weighted_pictures(squares)),
}


def rounded(tensor, digits):
    return [float(f"{x:.{digits}g}") for x in tensor.detach().reshape(-1).tolist()]


def main():
    pictures = torch.randint(256, (PICTURES, CHANNELS, HEIGHT, WIDTH), generator=random)
    masks = {"parts": make_masks(3), "outline": make_masks(2)}
    masks["level"] = masks["outline"]
    named = parameters()
    x = (pictures.double() - 127) / 70
    trunk = torch.tanh(F.conv2d(x, named["trunk.0.weight"], named["trunk.0.bias"], padding=1))
    outputs = {head: F.conv2d(trunk, named[f"heads.{head}.0.weight"], named[f"heads.{head}.0.bias"])
               for head in HEADS}

    def evaluated(losses):
        terms = {}
        for name, (head, loss) in losses.items():
            value = loss(outputs[head], masks[head])
            gradients = torch.autograd.grad(value, list(named.values()), retain_graph=True,
                                            allow_unused=True)
            terms[name] = {"value": value.item(),
                           "gradient": {n: rounded(g, 9) for n, g in zip(named, gradients)
                                        if g is not None}}
        return terms

    content = {"made_by": f"tests/golden/masks.py, PyTorch {torch.__version__.split('+')[0]}",
               "pictures": pictures.reshape(-1).tolist(),
               "masks": {n: m.reshape(-1).tolist() for n, m in masks.items() if n != "level"},
               "parameters": {n: rounded(p, 9) for n, p in named.items()}, "terms": evaluated(TERMS),
               "weights": WEIGHTS.tolist(), "weighted_terms": evaluated(WEIGHTED_TERMS)}
    target = pathlib.Path(__file__).with_name("masks.json")
    target.write_text(json.dumps(content, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
