"""The rules of mixes, each from its formula, in double precision with numpy and scipy.

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
from scipy.special import ndtri, softmax

from mix_solvers import conflict_averse, fair, projection, shortest_convex
from philox import mix_word

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


class Combining(Rule):
    """Rules that see the losses that take part alone: combine(s, G, p, l)."""
    gramian = True
    weighs_heads = False

    def weights(self, s):
        on = s.on
        return self.spread(s, self.combine(s, s.G[np.ix_(on, on)], s.p[on], s.values[on]))


class Mgda(Combining):
    def __init__(self, count, normalize="none"):
        super().__init__(count)
        self.normalize = normalize

    def combine(self, s, G, p, l):
        d = np.sqrt(np.diag(G))
        scale = {"none": np.ones(len(d)), "l2": d, "loss": l, "loss+": l * d}[self.normalize]
        return shortest_convex(G / np.outer(scale, scale)) / scale


class EqualAngles(Combining):
    def __init__(self, count, form="config"):
        super().__init__(count)
        self.form = form

    def combine(self, s, G, p, l):
        d = np.sqrt(np.diag(G))
        x = np.linalg.pinv(G / np.outer(d, d), hermitian=True) @ (len(p) * p) / d
        along = G.sum(0) @ x
        if along <= 0 or (self.form == "imtl" and x.sum() <= 0):
            return p
        return x / x.sum() if self.form == "imtl" else x * along / (x @ G @ x)


class FairGrad(Combining):
    def __init__(self, count, alpha=1.0):
        super().__init__(count)
        self.alpha = alpha

    def combine(self, s, G, p, l):
        return fair(G, len(p) * p, self.alpha)


class CaGrad(Combining):
    def __init__(self, count, c=0.4, rescale="square"):
        super().__init__(count)
        self.c, self.divisor = c, 1 + c * c if rescale == "square" else 1.0

    def combine(self, s, G, p, l):
        return conflict_averse(G, p, self.c) / self.divisor


class UpGrad(Combining):
    def combine(self, s, G, p, l):
        return sum(projection(G, row, np.zeros(len(p))) for row in np.diag(p))


class DualProjection(Combining):
    def combine(self, s, G, p, l):
        return projection(G, p, np.zeros(len(p)))


class Pcd(Combining):
    def __init__(self, count, tau=0.02, beta=0.999):
        super().__init__(count)
        self.tau, self.squares = tau, Means(count, beta)

    def combine(self, s, G, p, l):
        self.squares.add(s, np.diag(s.G))
        if s.on[0] != 0:
            return sum(projection(G, row, np.zeros(len(p))) for row in np.diag(p))
        v = np.sqrt([self.squares.mean(k) for k in s.on])
        scaled = G / np.outer(v, v)
        main = np.eye(len(p))[0]
        # (The main loss itself is not bound.)
        bound = np.r_[-1e9, self.tau * np.diag(scaled)[1:]]
        w = projection(scaled, main, bound)
        if w is None:
            return main
        return w / v * np.sqrt(G[0, 0] / (w @ scaled @ w))


class PcGrad(Combining):
    def order(self, s, i):
        """The others that take part, in the order that loss i (of all K) draws."""
        order = list(range(self.count))
        for k in range(self.count):
            word = mix_word(s.seed, s.group, s.number, int(i) * self.count + k)
            other = k + (word * (self.count - k) >> 32)
            order[k], order[other] = order[other], order[k]
        return [list(s.on).index(k) for k in order if k != i and k in s.on]

    def combine(self, s, G, p, l):
        total = np.zeros(len(p))
        for i, loss in enumerate(s.on):
            c = np.eye(len(p))[i]
            for j in self.order(s, loss):
                self.bring_together(s, G, c, i, j)
            total += len(p) * p[i] * c
        return total

    def bring_together(self, s, G, c, i, j):
        if G[j] @ c < 0:
            c[j] -= G[j] @ c / G[j, j]


class GradVac(PcGrad):
    def __init__(self, count, beta=0.5):
        super().__init__(count)
        self.beta, self.cosine = beta, np.zeros((count, count))

    def bring_together(self, s, G, c, i, j):
        length, pair = np.sqrt(c @ G @ c), (s.on[i], s.on[j])
        phi, aim = G[j] @ c / (length * np.sqrt(G[j, j])), min(self.cosine[pair], 0.99)
        if phi < aim:
            c[j] += length * (aim * np.sqrt(1 - phi * phi) - phi * np.sqrt(1 - aim * aim)) / (
                np.sqrt(G[j, j]) * np.sqrt(1 - aim * aim))
        self.cosine[pair] = min((1 - self.beta) * self.cosine[pair] + self.beta * phi, 0.99)


class AlignedMtl(Combining):
    def __init__(self, count, scale="min"):
        super().__init__(count)
        self.scale = scale

    def combine(self, s, G, p, l):
        values, vectors = np.linalg.eigh(G)
        kept = values > 1e-10 * values[-1]
        values, vectors = values[kept], vectors[:, kept]
        scale = {"min": values[0], "median": values[(len(values) - 1) // 2],
                 "mean": values.mean()}[self.scale]
        return np.sqrt(scale) * vectors @ (vectors.T @ p / np.sqrt(values))


class DbMtl(Combining):
    def combine(self, s, G, p, l):
        d = np.sqrt(np.diag(G))
        return len(p) * p * d.max() / d


RULES = {
    "weighted_sum": WeightedSum, "blend": Blend, "probe": Probe, "random": Random,
    "trained_blend": TrainedBlend, "raw_blend": RawBlend, "log_sum": LogSum, "geometric": Geometric,
    "uncertainty": Uncertainty, "uw_so": SoftOptimal, "dwa": Dwa, "tchebycheff": Tchebycheff,
    "constrained": Constrained, "famo": Famo, "gradnorm": GradNorm, "auto_lambda": AutoLambda,
    "mgda": Mgda, "equal_angles": EqualAngles, "nash": FairGrad, "fairgrad": FairGrad,
    "cagrad": CaGrad, "upgrad": UpGrad, "dual_projection": DualProjection, "pcd": Pcd,
    "pcgrad": PcGrad, "gradvac": GradVac, "aligned_mtl": AlignedMtl, "db_mtl": DbMtl,
}
