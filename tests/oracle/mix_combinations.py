"""Mixes that combine the losses' gradients by their Gramian, from their formulas: include/medley/mixes says
these and where they are from."""

import numpy as np
from mix_rules import Means, Rule
from mix_solvers import conflict_averse, fair, projection, shortest_convex
from philox import mix_word


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


class SdmGrad(Combining):
    def __init__(self, count, **options):
        super().__init__(count)
        self.share = options.get("lambda", 0.3)

    def combine(self, s, G, p, l):
        along, share = G @ p, self.share
        moved = G + share * np.add.outer(along, along) + share**2 * (p @ along)
        return (shortest_convex(moved) + share * p) / (1 + share)


COMBINATIONS = {
    "mgda": Mgda, "equal_angles": EqualAngles, "nash": FairGrad, "fairgrad": FairGrad, "cagrad": CaGrad,
    "upgrad": UpGrad, "dual_projection": DualProjection, "pcd": Pcd, "pcgrad": PcGrad, "gradvac": GradVac,
    "aligned_mtl": AlignedMtl, "db_mtl": DbMtl, "sdmgrad": SdmGrad,
}
