"""Mixes that weigh losses, from their formulas: include/medley/mixes says these and where they are from."""

import numpy as np
from mix_rules import TINY, Adam, Means, Rule
from philox import mix_word
from scipy.special import ndtri, softmax


class WeightedSum(Rule):
    constant = True

    def weights(self, s):
        return s.own


class Blend(WeightedSum):
    def __init__(self, count, a=0.5):
        super().__init__(count)
        self.factors = np.r_[a, 1 - a, np.ones(count - 2)]

    def weights(self, s):
        return s.own * self.factors


class Probe(Rule):
    gramian = True

    def __init__(self, count, share=0.02):
        super().__init__(count)
        self.share, self.lengths = share, Means(count)

    def probing(self, s):
        return s.number == 0 or s.number < self.share * s.total

    def known(self, s):
        return all(self.lengths.seen[k] for k in s.on)

    def wants_gramian(self, s):
        return self.probing(s) or not self.known(s)

    def weights(self, s):
        if self.probing(s) or not self.known(s):
            return s.own
        inverse = np.array([1 / self.lengths.mean(k) for k in s.on])
        return s.own * self.spread(s, len(s.on) * inverse / inverse.sum())

    def update(self, s):
        self.lengths.add(s, np.sqrt(np.diag(s.G)))


class Random(Rule):
    def weights(self, s):
        z = np.array([ndtri((mix_word(s.seed, s.group, s.number, int(k)) + 0.5) / 2.0 ** 32)
                      for k in s.on])
        return s.own * self.spread(s, softmax(z))


class TrainedBlend(Rule):
    """p = argmin Σ p l - τ Σ log p on the simplex, by Newton's method on ν of Σ τ / (l + ν) = 1."""

    def __init__(self, count, barrier=1.0):
        super().__init__(count)
        self.barrier, self.means = barrier, Means(count)

    def weights(self, s):
        loss = s.values[s.on]
        tau = self.barrier * np.mean([self.means.mean(k) if self.means.seen[k] else s.values[k]
                                      for k in s.on])
        nu = tau - loss.min()  # where the largest share is 1: from there on the way has no turn
        for _ in range(200):
            share = tau / (loss + nu)
            nu += (share.sum() - 1) / (share ** 2 / tau).sum()
        return s.own * self.spread(s, len(s.on) * tau / (loss + nu))

    def update(self, s):
        self.means.add(s, s.values)


class RawBlend(Rule):
    def __init__(self, count, rate=1.0):
        super().__init__(count)
        self.rate, self.theta = rate, self.zeros()

    def weights(self, s):
        return s.own * self.spread(s, len(s.on) * softmax(self.theta[s.on]))

    def update(self, s):
        p, loss = softmax(self.theta[s.on]), len(s.on) * (s.own * s.values)[s.on]
        self.theta[s.on] -= s.rate * self.rate * (np.diag(p) - np.outer(p, p)) @ loss


def inverse_losses(s, spread):
    inverse = 1 / (s.values[s.on] + TINY)
    median = np.sort(inverse)[(len(inverse) - 1) // 2]
    return s.own * spread(s, np.minimum(inverse, 1000 * median))


class LogSum(Rule):
    def weights(self, s):
        return inverse_losses(s, self.spread)


class Geometric(Rule):
    def weights(self, s):
        mean = np.prod((s.values[s.on] + TINY) ** s.p[s.on])
        return inverse_losses(s, self.spread) * mean / s.own[s.on].sum()


class Uncertainty(Rule):
    def __init__(self, count, rate=1.0, form="kendall"):
        super().__init__(count)
        self.rate, self.revised, self.s, self.adam = rate, form == "revised", self.zeros(), Adam(count)

    def precision(self, s):
        return np.where(s.logits & (not self.revised), 1.0, 0.5) * np.exp(-self.s)

    def weights(self, s):
        return s.own * self.precision(s)

    def update(self, s):
        slope = 1 / (1 + np.exp(-self.s)) if self.revised else 0.5
        self.s += self.adam.step(s.on, slope - self.precision(s) * s.values, s.rate * self.rate)
        self.s = self.s.clip(-10, 10)


class SoftOptimal(Rule):
    def __init__(self, count, T=1.0):
        super().__init__(count)
        self.T = T

    def weights(self, s):
        return s.own * self.spread(s, softmax(1 / (self.T * (s.values[s.on] + TINY))))


class EpochMeans:
    """Of every loss, the values of each epoch in which it took part."""

    def __init__(self, count):
        self.of = [{} for _ in range(count)]

    def add(self, s):
        for k in s.on:
            self.of[k].setdefault(s.epoch, []).append(s.values[k])

    def mean(self, k, epoch):
        return np.mean(self.of[k][epoch]) if epoch in self.of[k] else None


class Dwa(Rule):
    def __init__(self, count, T=2.0):
        super().__init__(count)
        self.T, self.means = T, EpochMeans(count)

    def ratio(self, k, epoch):
        last, before = self.means.mean(k, epoch - 1), self.means.mean(k, epoch - 2)
        return 1.0 if last is None or before is None else last / before

    def weights(self, s):
        r = np.array([self.ratio(k, s.epoch) for k in s.on])
        return s.own * self.spread(s, len(s.on) * softmax(r / self.T))

    def update(self, s):
        self.means.add(s)


class Tchebycheff(Rule):
    def __init__(self, count, mu=0.1, warm_up=4, scale="log"):
        super().__init__(count)
        self.mu, self.warm_up, self.log, self.means = mu, warm_up, scale == "log", EpochMeans(count)

    def nadir(self, k):
        if self.warm_up == 0:
            return 1.0
        mean = self.means.mean(k, self.warm_up - 1)
        if mean is None:
            later = [e for e in self.means.of[k] if e >= self.warm_up]
            return self.means.of[k][min(later)][0] if later else None
        return mean

    def weights(self, s):
        if self.log and s.epoch < self.warm_up:
            return inverse_losses(s, self.spread)
        f, slope = s.values[s.on], np.ones(len(s.on))
        if self.log:
            n = np.array([self.nadir(k) or s.values[k] for k in s.on])
            f, slope = np.log(f / n), 1 / f
        q = len(s.on) * s.p[s.on]
        return self.spread(s, q * slope * softmax(q * f / self.mu))

    def update(self, s):
        self.means.add(s)


class Constrained(Rule):
    def __init__(self, count, rate=0.01, damping=1.0, limits=None):
        super().__init__(count)
        self.rate, self.damping, self.limits = rate, damping, limits or {}
        self.means, self.multiplier = Means(count), self.zeros()

    def excess(self, k):
        return self.means.mean(k) / self.limits[k] - 1

    def weights(self, s):
        w = s.own.copy()
        for k, limit in self.limits.items():
            damped = self.damping * self.excess(k) if self.means.seen[k] else 0.0
            w[k] *= max(0.0, self.multiplier[k] + damped) / limit
        return w

    def update(self, s):
        self.means.add(s, s.values)
        for k in set(self.limits) & set(s.on):
            self.multiplier[k] = min(max(0.0, self.multiplier[k] + self.rate * self.excess(k)), 1e3)


class Famo(Rule):
    wants_after = True

    def __init__(self, count, rate=0.025, gamma=1e-3):
        super().__init__(count)
        self.rate, self.gamma, self.xi, self.adam = rate, gamma, self.zeros(), Adam(count)

    def weights(self, s):
        share = softmax(self.xi[s.on]) / (s.values[s.on] + 1e-8)
        return s.own * self.spread(s, share / share.sum())

    def update(self, s):
        z = softmax(self.xi[s.on])
        fall = np.log(s.values[s.on] + 1e-8) - np.log(s.after[s.on] + 1e-8)
        slope = (np.diag(z) - np.outer(z, z)) @ fall + self.gamma * self.xi[s.on]
        self.xi += self.adam.step(s.on, self.spread(s, slope), self.rate)


class GradNorm(Rule):
    gramian = True

    def __init__(self, count, a=1.5, rate=0.025):
        super().__init__(count)
        self.a, self.rate, self.adam = a, rate, Adam(count)
        self.w, self.first = np.ones(count), np.full(count, np.nan)

    def weights(self, s):
        return s.own * self.w

    def update(self, s):
        on = s.on
        self.first[on] = np.where(np.isnan(self.first[on]), s.values[on], self.first[on])
        d, lag = np.sqrt(np.diag(s.G))[on], s.values[on] / self.first[on]
        target = np.mean(self.w[on] * d) * (lag / lag.mean()) ** self.a
        slope = self.spread(s, np.sign(self.w[on] * d - target) * d)
        w = np.maximum(self.w[on] + self.adam.step(on, slope, self.rate)[on], 1e-3)
        self.w[on] = len(on) * w / w.sum()


class AutoLambda(Rule):
    wants_ahead = True

    def __init__(self, count, initial=0.1, rate=1e-4):
        super().__init__(count)
        self.rate, self.value, self.adam = rate, np.full(count, initial), Adam(count)

    def weights(self, s):
        return s.own * self.value

    def update(self, s):
        self.value = np.maximum(self.value + self.adam.step(s.on, -s.rate * s.along, self.rate), 0)


SCALARIZATIONS = {
    "weighted_sum": WeightedSum, "blend": Blend, "probe": Probe, "random": Random,
    "trained_blend": TrainedBlend, "raw_blend": RawBlend, "log_sum": LogSum, "geometric": Geometric,
    "uncertainty": Uncertainty, "uw_so": SoftOptimal, "dwa": Dwa, "tchebycheff": Tchebycheff,
    "constrained": Constrained, "famo": Famo, "gradnorm": GradNorm, "auto_lambda": AutoLambda,
}
