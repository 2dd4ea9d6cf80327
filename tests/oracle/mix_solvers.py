"""The small problems inside of mixes, solved by trying every set of constraints, each a linear or a smooth
system: slow, and of another kind than what Medley does. G is the K x K matrix of inner products."""

from itertools import combinations

import numpy as np
from scipy.optimize import root

SLACK = 1e-11  # what rounding may take from an inequality, relative


def subsets(count, least):
    """Index lists of the subsets of so many things, the small ones first."""
    return (list(s) for size in range(least, count + 1) for s in combinations(range(count), size))


def shortest_convex(G):
    """Weights on the simplex with the shortest combination: argmin wᵀGw."""
    scale = np.abs(np.diag(G)).max()
    for on in subsets(len(G), 1):
        # On the support all losses gain alike, elsewhere no less.
        size = len(on)
        system = np.block([[G[np.ix_(on, on)] / scale, -np.ones((size, 1))], [np.ones((1, size)), 0]])
        try:
            solved = np.linalg.solve(system, np.r_[np.zeros(size), 1.0])
        except np.linalg.LinAlgError:
            continue
        w = np.zeros(len(G))
        w[on] = solved[:size]
        if w.min() >= 0 and (G @ w / scale).min() >= solved[size] - SLACK:
            return w
    raise ArithmeticError("no support is that of the shortest combination")


def projection(G, u, b):
    """Weights of the point nearest to Σ u_k g_k whose inner product with each g_k is b_k at least; None
    where there is no such point."""
    scale = np.sqrt(np.diag(G))
    C = G / np.outer(scale, scale)
    lacking = (b - G @ u) / scale
    slack = SLACK * max(1.0, np.abs(u * scale).max())
    for on in subsets(len(G), 0):
        z = np.zeros(len(G))
        try:
            z[on] = np.linalg.solve(C[np.ix_(on, on)], lacking[on]) if on else []
        except np.linalg.LinAlgError:
            continue
        if z.min() >= 0 and (C @ z - lacking).min() >= -slack:
            return u + z / scale
    return None


def conflict_averse(G, p, c):
    """Weights p + c ‖g_0‖ / ‖g_v‖ v, g_0 = Σ p g, where v on the simplex minimizes
    g_0ᵀg_v + c ‖g_0‖ ‖g_v‖: CAGrad's dual, which is convex."""
    scale = np.diag(G).max()
    G = G / scale
    radius = c * np.sqrt(p @ G @ p)

    def slope(v):
        return G @ p + radius * G @ v / np.sqrt(v @ G @ v)

    for on in subsets(len(G), 1):
        size = len(on)

        def balance(x):
            v = np.zeros(len(G))
            v[on] = x[:size]
            return np.r_[slope(v)[on] - x[size], x[:size].sum() - 1]

        v = np.zeros(len(G))
        v[on] = 1 / size
        found = root(balance, np.r_[v[on], slope(v)[on].mean()], tol=1e-14)
        if np.abs(found.fun).max() > 1e-10:
            continue
        v[on] = found.x[:size]
        if v.min() >= 0 and slope(v).min() >= found.x[size] - 1e-9:
            return p + radius / np.sqrt(v @ G @ v) * v
    raise ArithmeticError("no support is that of the least gain")


def fair(G, q, alpha):
    """w > 0 with (Gw)_k = q_k w_k^(-1/α), by its logarithm."""
    d = np.sqrt(np.diag(G))
    C = G / np.outer(d, d)
    scaled = q * d ** (1 / alpha - 1)

    def residual(x):
        return C @ np.exp(x) - scaled * np.exp(-x / alpha)

    def jacobian(x):
        return C * np.exp(x) + np.diag(scaled * np.exp(-x / alpha) / alpha)

    found = root(residual, np.log(scaled) * alpha / (1 + alpha), jac=jacobian, method="lm", tol=1e-14)
    if np.abs(found.fun).max() > 1e-9 * scaled.max():
        raise ArithmeticError("no weights with fair gains")
    return np.exp(found.x) / d
