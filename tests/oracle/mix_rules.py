"""What the rules of mixes have in common: mix_scalarizations.py and mix_combinations.py have these, each
written from its formula.

A rule is a class: weights(step) gives K weights, update(step) learns from the step. `step` has, over the
K losses of a group:

    on          indices of those that take part (all that a rule may look at)
    own, p      the losses' own weights; the same of those that take part, with sum 1
    values      the losses' values; after: the same after the step, where `wants_after`
    G           inner products of their gradients, where the step has them
    along       inner products with the gradient of a validation batch ahead, where `wants_ahead`
    rate, number, total, epoch, seed, group, logits
"""

import numpy as np

TINY = 1e-12


class Rule:
    gramian = False  # needs the Gramian
    weighs_heads = True
    wants_after = wants_ahead = constant = False

    def __init__(self, count):
        self.count = count

    def zeros(self):
        return np.zeros(self.count)

    def wants_gramian(self, step):
        return self.gramian

    def update(self, step):
        pass

    def spread(self, step, some):
        w = self.zeros()
        w[step.on] = some
        return w


class Means:
    """Running means with the start corrected: (1-β) Σ β^i x_(n-i) / (1 - β^n), each by its own count."""

    def __init__(self, count, beta=0.9):
        self.seen, self.beta = [[] for _ in range(count)], beta

    def add(self, step, numbers):
        for k in step.on:
            self.seen[k].append(numbers[k])

    def mean(self, k):
        weight = self.beta ** np.arange(len(self.seen[k]))[::-1]
        return weight @ self.seen[k] / weight.sum()


class Adam:
    """torch.optim.Adam's rule on one number a loss."""

    def __init__(self, count):
        self.m, self.v, self.n = np.zeros(count), np.zeros(count), np.zeros(count)

    def step(self, on, gradient, rate):
        change = np.zeros(len(self.n))
        self.n[on] += 1
        self.m[on] += 0.1 * (gradient[on] - self.m[on])
        self.v[on] += 0.001 * (gradient[on] ** 2 - self.v[on])
        n = self.n[on]
        change[on] = -rate * (self.m[on] / (1 - 0.9 ** n)) / (
            np.sqrt(self.v[on] / (1 - 0.999 ** n)) + 1e-8)
        return change
