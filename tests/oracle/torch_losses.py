"""Losses and penalties of Medley, written with PyTorch's own functions.

A loss takes the output of its head (N x C x H x W), a target, the term's options and what it is
taken over, and returns the mean that Medley documents: over the labelled records of the batch, of
masks over its labelled pixels; over "pictures", over the labelled pixels of a picture, then over the
pictures that have any. A target that no record of the batch has gives 0.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F


@dataclass
class Target:
    """Targets of a batch with P positions a record: labels N x P (missing: -1) or values N x D x P;
    the other one is None. `present` is N x P."""

    labels: torch.Tensor | None = None
    values: torch.Tensor | None = None
    present: torch.Tensor | None = None

    @classmethod
    def of(cls, kind, array, dtype):
        """From an array of a dataset folder; `kind` is classes, values or mask."""
        array = torch.as_tensor(array)
        if kind == "values":
            values = array.reshape(len(array), -1, 1).to(dtype)
            missing = values.isnan().any(1)
            return cls(values=torch.where(missing[:, None], 0.0, values), present=~missing)
        labels = array.reshape(len(array), -1).long()
        missing = labels == 255 if kind == "mask" else labels < 0
        labels = torch.where(missing, -1, labels)
        return cls(labels=labels, present=~missing)

    def as_values(self, channels, dtype):
        """N x C x P numbers: 0 or 1 for one channel, else one-hot; 0 where it is missing."""
        if self.values is not None:
            return self.values
        if channels == 1:
            return (self.labels == 1).to(dtype)[:, None]
        hot = F.one_hot(self.labels.clamp(min=0), channels).transpose(1, 2).to(dtype)
        return hot * self.present[:, None]


def mean(losses, weights, over):
    """Of N x P losses that are multiplied with their weights; 0 where nothing is labelled."""
    tiny = torch.finfo(losses.dtype).tiny
    if over != "pictures":
        return losses.sum() / weights.sum().clamp(min=tiny)
    pictures = losses.sum(1) / weights.sum(1).clamp(min=tiny)
    return pictures.sum() / (weights.sum(1) > 0).sum().clamp(min=1)


def positions(output):
    return output.flatten(2)


def softmax_cross_entropy(output, target, options, over):
    x = positions(output)
    weight = torch.ones(x.shape[1], dtype=x.dtype)
    for name, value in options.items():
        if name.startswith("class_weight."):
            weight[int(name.removeprefix("class_weight."))] = value
    losses = F.cross_entropy(x, target.labels, weight, ignore_index=-1, reduction="none",
                             label_smoothing=options.get("smoothing", 0.0))
    weights = weight[target.labels.clamp(min=0)] * target.present
    return mean(losses * target.present, weights, over)


def over_channels(losses, target, over):
    """Mean of N x C x P losses over the channels, then over what is labelled."""
    return mean(losses.mean(1) * target.present, target.present.to(losses.dtype), over)


def binary_cross_entropy(output, target, options, over):
    x = positions(output)
    positive = torch.tensor(options.get("positive_weight", 1.0), dtype=x.dtype)
    values = target.as_values(x.shape[1], x.dtype)
    return over_channels(F.binary_cross_entropy_with_logits(
        x, values, reduction="none", pos_weight=positive), target, over)


def hinge(output, target, options, over):
    x = positions(output)
    count, channels, places = x.shape
    losses = F.multi_margin_loss(x.transpose(1, 2).reshape(-1, channels),
                                 target.labels.clamp(min=0).reshape(-1),
                                 margin=options.get("margin", 1.0), reduction="none")
    return mean(losses.reshape(count, places) * target.present, target.present.to(x.dtype), over)


def binary_hinge(output, target, options, over):
    x = positions(output)
    sign = 2 * target.as_values(x.shape[1], x.dtype) - 1
    return over_channels(torch.relu(options.get("margin", 1.0) - sign * x), target, over)


def mean_squared_error(output, target, options, over):
    x = positions(output)
    values = target.as_values(x.shape[1], x.dtype)
    return over_channels(F.mse_loss(x, values, reduction="none"), target, over)


def intersection_over_union(chance, target, epsilon, over):
    """1 - IoU, mean over channels: of each picture with labelled pixels, or of all together."""
    chance = chance * target.present[:, None]
    values = target.as_values(chance.shape[1], chance.dtype)
    both = (chance * values).sum(2)
    union = (chance + values - chance * values).sum(2)
    if over == "batch":
        both, union = both.sum(0, keepdim=True), union.sum(0, keepdim=True)
    losses = (1 - (both + epsilon) / (union + epsilon)).mean(1, keepdim=True)
    labelled = target.present.any(1, keepdim=True).to(chance.dtype)
    if over == "batch":
        labelled = labelled.amax(0, keepdim=True)
    return mean(losses * labelled, labelled, over)


def soft_iou(output, target, options, over):
    return intersection_over_union(positions(output).sigmoid(), target, options["epsilon"], over)


def multiclass_soft_iou(output, target, options, over):
    return intersection_over_union(positions(output).softmax(1), target, options["epsilon"], over)


LOSSES = {f.__name__: f for f in (
    softmax_cross_entropy, binary_cross_entropy, hinge, binary_hinge, mean_squared_error, soft_iou,
    multiclass_soft_iou)}

PENALTIES = {
    "l1_penalty": lambda weights: sum(w.abs().sum() for w in weights),
    "l2_penalty": lambda weights: sum(w.square().sum() for w in weights),
}
