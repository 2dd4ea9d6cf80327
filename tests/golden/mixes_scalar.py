#!/usr/bin/env python3
"""Writes mixes_scalar.json: weights that LibMTL, FAMO and PyTorch give for random losses.

Run it where PyTorch and SciPy are installed, with the folders of the two repositories (LibMTL at
4336804, https://github.com/median-research-group/LibMTL; FAMO at 0a6ad06,
https://github.com/Cranial-XIX/FAMO): python3 tests/golden/mixes_scalar.py LIBMTL FAMO

A weight is the derivative of what the reference calls backward on with respect to the loss, not
what it reports as its weight. Of the references' ways, these are set aside:

    UW        LibMTL begins with s = -0.5: here 0
    DWA       LibMTL rounds ratios to single precision: compared to 1e-6
    GLS       LibMTL reports l / (K Π l) for its weights: not looked at
    STCH      LibMTL multiplies by K, takes n in the epoch after its warm-up (ours has one more),
              and adds 1e-20 to l / n where ours adds 1e-12 to l: compared to 1e-9
    GradNorm  LibMTL has a softmax of w, and means of the first epoch for l(0): here the paper's, in
              PyTorch
    FAMO      the default of γ differs from file to file: here 1e-3

IMTL-L, the revised uncertainty, UW-SO, the blends, constraints and Auto-Lambda are their objectives
in PyTorch. Values are doubles.
"""

import importlib
import json
import pathlib
import sys
import types

import numpy
import scipy.optimize
import scipy.stats
import torch
import torch.nn.functional as F

STEPS = 8
SIZES = (2, 3, 4, 5, 6)
random = numpy.random.default_rng(20251125)


def random_losses(count, spread=1.0):
    """[STEPS][count], of several magnitudes, falling a little, six digits each."""
    size = numpy.exp(random.normal(0.0, spread, count))
    noise = random.normal(0.0, 0.3, (STEPS, count))
    rows = size * numpy.exp(noise - 0.1 * numpy.arange(STEPS)[:, None])
    return [[float(f"{x:.6g}") for x in row] for row in rows]


def rounded(rows):
    return [[float(f"{x:.13g}") for x in row] for row in rows]


def slopes(backward, row):
    """Derivatives of what `backward(losses)` goes back from."""
    leaf = torch.tensor(row, requires_grad=True)
    backward(leaf * 1.0)
    return leaf.grad.tolist()


def case(mix, options, values, weights, factor=1.0, tolerance=1e-10, **more):
    """Our weights are `factor` times those of the reference."""
    return {"mix": mix, "options": options, "values": values, "weights": rounded(weights),
            "factor": factor, "tolerance": tolerance, **more}


class LibMTL:
    """Its rules, one module each, without what the package imports beside them."""

    def __init__(self, folder):
        for name, path in (("LibMTL", "LibMTL"), ("LibMTL.weighting", "LibMTL/weighting")):
            package = types.ModuleType(name)
            package.__path__ = [str(pathlib.Path(folder) / path)]
            sys.modules[name] = package

    def rule(self, name, count, **members):
        made = getattr(importlib.import_module(f"LibMTL.weighting.{name}"), name)()
        made.task_num, made.device = count, "cpu"
        for member, value in members.items():
            setattr(made, member, value)
        made.init_param()
        return made


# --- rules with a trained number a loss -----------------------------------------------------------

def trained(values, optimizer, objective):
    """Weights over the steps of `objective(losses)`, whose parameters `optimizer` has."""
    weights = []
    for row in values:
        optimizer.zero_grad()
        weights.append(slopes(lambda l: objective(l).sum().backward(), row))
        optimizer.step()
    return weights


def uncertainty(libmtl, count):
    values = random_losses(count)
    rule = libmtl.rule("UW", count)
    with torch.no_grad():
        rule.loss_scale.zero_()
    adam = torch.optim.Adam([rule.loss_scale], lr=0.05)
    weights = []
    for row in values:
        adam.zero_grad()
        weights.append(slopes(rule.backward, row))
        adam.step()
    return case("uncertainty", {"form": "kendall"}, values, weights, rate=0.05)


def imtl_l(count):
    values = random_losses(count)
    s = torch.zeros(count, requires_grad=True)
    weights = trained(values, torch.optim.Adam([s], lr=0.05, eps=2e-8), lambda l: s.exp() * l - s)
    return case("uncertainty", {"form": "kendall"}, values, weights, factor=0.5, rate=0.05)


def revised(count):
    values = random_losses(count)
    s = torch.zeros(count, requires_grad=True)
    weights = trained(values, torch.optim.Adam([s], lr=0.05),
                      lambda l: 0.5 * torch.exp(-s) * l + F.softplus(s))
    return case("uncertainty", {"form": "revised"}, values, weights, rate=0.05)


def raw_blend(count):
    values = random_losses(count)
    theta = torch.zeros(count, requires_grad=True)
    weights = trained(values, torch.optim.SGD([theta], lr=0.05),
                      lambda l: count * F.softmax(theta, 0) * l)
    return case("raw_blend", {}, values, weights, rate=0.05)


def famo(folder, count):
    sys.path.insert(0, str(folder))
    rule = importlib.import_module("famo").FAMO(count, "cpu", gamma=1e-3, w_lr=0.025)
    values, after, weights = random_losses(count), random_losses(count), []
    for row, next_row in zip(values, after):
        weights.append(slopes(lambda l: rule.get_weighted_loss(l).backward(), row))
        rule.prev_loss = rule.prev_loss.detach()
        rule.update(torch.tensor(next_row))
    return case("famo", {"rate": 0.025, "gamma": 1e-3}, values, weights, after=after)


def gradnorm(count):
    values, lengths = random_losses(count), random_losses(count)
    w, first, weights = torch.ones(count, requires_grad=True), torch.tensor(values[0]), []
    adam = torch.optim.Adam([w], lr=0.025)
    for row, length in zip(values, lengths):
        weights.append(w.tolist())
        share = torch.tensor(row) / first
        norms = w * torch.tensor(length)
        target = (norms.mean() * (share / share.mean()) ** 1.5).detach()
        adam.zero_grad()
        (norms - target).abs().sum().backward()
        adam.step()
        with torch.no_grad():
            w.mul_(count / w.sum())
    return case("gradnorm", {"a": 1.5, "rate": 0.025}, values, weights, lengths=lengths)


def auto_lambda(count):
    """Derivatives by λ of a quadratic validation loss after a step on quadratic losses."""
    size, eta = 5, 0.2
    goals = torch.tensor(random.normal(size=(count + 1, size)))
    bends = torch.tensor(numpy.exp(random.normal(size=(count + 1, size))))
    loss = lambda k, x: 0.5 * (bends[k] * (x - goals[k]) ** 2).sum()
    theta, lam = torch.zeros(size), torch.full((count,), 0.1, requires_grad=True)
    adam = torch.optim.Adam([lam], lr=0.01)
    values, along, weights = [], [], []
    for _ in range(STEPS):
        x = theta.clone().requires_grad_()
        g = torch.stack([torch.autograd.grad(loss(k, x), x)[0] for k in range(count)])
        values.append([loss(k, theta).item() for k in range(count)])
        weights.append(lam.tolist())
        ahead = theta - eta * (lam[:, None] * g).sum(0)
        adam.zero_grad()
        loss(count, ahead).backward()
        point = ahead.detach().requires_grad_()
        along.append((g @ torch.autograd.grad(loss(count, point), point)[0]).tolist())
        theta = ahead.detach()
        adam.step()
    return case("auto_lambda", {"initial": 0.1, "rate": 0.01}, values, weights, along=along,
                rate=eta)


# --- rules without -------------------------------------------------------------------------------

def geometric(libmtl, count):
    values = random_losses(count)
    rule = libmtl.rule("GLS", count)
    return case("geometric", {}, values, [slopes(rule.backward, row) for row in values])


def log_sum(count):
    values = random_losses(count)
    weights = [slopes(lambda l: torch.log(l).sum().backward(), row) for row in values]
    return case("log_sum", {}, values, weights)


def uw_so(count):
    values = random_losses(count)
    weights = [F.softmax(1.0 / torch.tensor(row) / 3.0, 0).tolist() for row in values]
    return case("uw_so", {"T": 3.0}, values, weights)


def philox(counter, key):
    """Four 32-bit numbers of Philox4x32-10."""
    mask = 0xFFFFFFFF
    for _ in range(10):
        a, b = 0xD2511F53 * counter[0], 0xCD9E8D57 * counter[2]
        counter = [(b >> 32) ^ counter[1] ^ key[0], b & mask,
                   (a >> 32) ^ counter[3] ^ key[1], a & mask]
        key = [(key[0] + 0x9E3779B9) & mask, (key[1] + 0xBB67AE85) & mask]
    return counter


def random_weights(libmtl, count):
    """Seed 7, purpose 6 (mixes), epoch 0, the step as the item."""
    values, weights = random_losses(count), []
    rule = libmtl.rule("RLW", count)
    drawn = torch.randn
    for step, row in enumerate(values):
        bits = [philox([k, 6 << 24, step, 0], [7, 0])[0] for k in range(count)]
        normals = torch.tensor(scipy.stats.norm.ppf([(b + 0.5) / 2.0**32 for b in bits]))
        torch.randn = lambda size: normals
        weights.append(slopes(rule.backward, row))
    torch.randn = drawn
    return case("random", {}, values, weights, tolerance=1e-12)


def dwa(libmtl, count):
    """Two steps an epoch."""
    values = random_losses(count)
    means = numpy.array(values).reshape(-1, 2, count).mean(1)
    rule = libmtl.rule("DWA", count, train_loss_buffer=means.T)
    weights = []
    for step, row in enumerate(values):
        rule.epoch = step // 2
        weights.append(slopes(lambda l: rule.backward(l, T=2.0), row))
    return case("dwa", {"T": 2.0}, values, weights, tolerance=1e-6, steps_an_epoch=2)


def tchebycheff(libmtl, count, mu):
    """A step in the first epoch's warm-up, the mean over the second, then the rule."""
    values = random_losses(count)
    rule = libmtl.rule("STCH", count)
    weights = []
    for step, row in enumerate(values):
        rule.epoch = step // 2
        found = slopes(lambda l: rule.backward(l, STCH_mu=mu, STCH_warmup_epoch=1), row)
        weights.append(found if rule.epoch < 2 else [w / count for w in found])
    return case("tchebycheff", {"mu": mu, "warm_up": 2, "scale": "log"}, values, weights,
                tolerance=1e-9, steps_an_epoch=2)


def trained_blend(count):
    values, weights, averages = random_losses(count), [], None
    for step, row in enumerate(values):
        l = numpy.array(row)
        tau = l.mean() if step == 0 else (averages / (1.0 - 0.9**step)).mean()
        shares = lambda nu: tau / (l + nu)
        nu = scipy.optimize.brentq(lambda nu: shares(nu).sum() - 1.0, tau / 2.0 - l.min(),
                                   2.0 * count * tau - l.min(), xtol=1e-14, rtol=1e-15)
        weights.append(count * shares(nu))
        averages = 0.1 * l + 0.9 * (0.0 if averages is None else averages)
    return case("trained_blend", {"barrier": 1.0}, values, weights)


def constrained(count):
    """The first loss is free."""
    values = random_losses(count)
    limits = torch.tensor(values[STEPS // 2][1:]) * 0.9
    multipliers, average, weights = torch.zeros(count - 1), torch.zeros(count - 1), []
    for step, row in enumerate(values):
        excess = average / (1.0 - 0.9**step) / limits - 1.0 if step > 0 else torch.zeros(count - 1)
        held = (torch.relu(multipliers + 0.5 * excess) / limits).tolist()
        weights.append([1.0, *held])
        average = 0.9 * average + 0.1 * torch.tensor(row[1:])
        excess = average / (1.0 - 0.9 ** (step + 1)) / limits - 1.0
        multipliers = torch.relu(multipliers + 0.2 * excess)
    return case("constrained", {"rate": 0.2, "damping": 0.5}, values, weights,
                limits=limits.tolist())


def main(libmtl_folder, famo_folder):
    torch.set_default_dtype(torch.float64)
    libmtl = LibMTL(libmtl_folder)
    cases = []
    for count in SIZES:
        cases += [
            uncertainty(libmtl, count), imtl_l(count), revised(count), raw_blend(count),
            famo(famo_folder, count), gradnorm(count), auto_lambda(count),
            geometric(libmtl, count), log_sum(count), uw_so(count), random_weights(libmtl, count),
            dwa(libmtl, count), tchebycheff(libmtl, count, 0.1), tchebycheff(libmtl, count, 1.0),
            trained_blend(count), constrained(count),
        ]
    content = {"made_by": "tests/golden/mixes_scalar.py, PyTorch "
                          f"{torch.__version__.split('+')[0]}, LibMTL 4336804, FAMO 0a6ad06",
               "cases": cases}
    target = pathlib.Path(__file__).with_name("mixes_scalar.json")
    target.write_text(json.dumps(content, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
