"""Layers of Medley that PyTorch does not have, or has with another shape of input."""

import torch
import torch.nn.functional as F
from torch import nn


class GhostBatchNorm(nn.Module):
    """Batch normalization over consecutive groups of `shard` samples (0: over the whole batch).

    Each group is normalized with its own mean and variance. The running averages take the groups'
    means and unbiased variances, weighted by the groups' sizes. In evaluation it does what
    nn.BatchNorm2d does.
    """

    def __init__(self, channels, shard, eps=1e-5, momentum=0.1):
        super().__init__()
        self.shard, self.eps, self.momentum = shard, eps, momentum
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x):
        if not self.training or self.shard == 0:
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias,
                                self.training, self.momentum, self.eps)
        outputs = []
        mean, variance = torch.zeros_like(self.running_mean), torch.zeros_like(self.running_var)
        for group in x.split(self.shard):
            # With momentum 1, the buffers receive the statistics of the group itself.
            group_mean, group_variance = torch.zeros_like(mean), torch.ones_like(variance)
            outputs.append(F.batch_norm(group, group_mean, group_variance, self.weight, self.bias,
                                        training=True, momentum=1.0, eps=self.eps))
            share = len(group) / len(x)
            mean += share * group_mean
            variance += share * group_variance
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)
        return torch.cat(outputs)


class Dense(nn.Linear):
    """A linear layer over all elements of its input: N x C x H x W to N x outputs x 1 x 1."""

    def forward(self, x):
        return super().forward(x.flatten(1))[:, :, None, None]
