#!/usr/bin/env python3
"""Writes mixes_gramian.json: weights of Gramian mixes as TorchJD and LibMTL have them.

Run it where PyTorch, torchjd with the extras of its aggregators, and LibMTL's sources are:
python3 tests/golden/mixes_gramian.py LIBMTL_FOLDER

Every case has the gradients of K losses, one a row, and the losses' values; everything is computed
in double. A reference that answers a direction is asked for the weights that make it, which are
unique as the gradients are linearly independent. What is known to be wrong in a reference is set
aside, by the names in FAULTS.
"""

import itertools
import json
import pathlib
import sys
import types

import numpy as np
import torch
import torchjd
from torchjd.aggregation import (DualProj, FairGrad, GradVac, IMTLG, MGDA, PCD, AlignedMTL, CAGrad,
                                 ConFIG, PCGrad, UPGrad)
from torchjd.linalg import QuadprogProjector

# Without the packages' own imports, which need all that LibMTL can train.
for name in ("LibMTL", "LibMTL.weighting"):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [str(pathlib.Path(sys.argv[1], *name.split(".")))]
from LibMTL.weighting.Aligned_MTL import Aligned_MTL  # noqa: E402
from LibMTL.weighting.CAGrad import CAGrad as LibCAGrad  # noqa: E402
from LibMTL.weighting.DB_MTL import DB_MTL  # noqa: E402
from LibMTL.weighting.FairGrad import FairGrad as LibFairGrad  # noqa: E402
from LibMTL.weighting.GradVac import GradVac as LibGradVac  # noqa: E402
from LibMTL.weighting.IMTL import IMTL  # noqa: E402
from LibMTL.weighting.MGDA import MGDA as LibMGDA  # noqa: E402
from LibMTL.weighting.PCGrad import PCGrad as LibPCGrad  # noqa: E402
from LibMTL.weighting.UPGrad import UPGrad as LibUPGrad  # noqa: E402

FAULTS = {
    "torchjd.UPGrad.reg_eps": "1e-4 on the diagonal leaves conflicts: run with 1e-11",
    "torchjd.UPGrad.norm_eps": "gradients below 1e-2 give the mean: run with 1e-30",
    "torchjd.CAGrad.norm_eps": "gradients below 1e-2 give nothing: run with 1e-30",
    "torchjd.CAGrad.solver": "Clarabel to about 1e-3 of the least gain: weights compared to 1e-2",
    "torchjd.MGDA.max_iters": "100 steps stop before the shortest: run with 30000, norms compared",
    "torchjd.IMTLG.ascent": "weights that climb where the sum of x is negative: left out",
    "torchjd.NashMTL.reuse": "old weights where its solver fails: FairGrad at 1 instead",
    "torchjd.GradVac.eps": "1e-8 beside norms: run with 0",
    "torchjd.PCD.eps": "1e-8 beside squares of norms: run with 0",
    "libmtl.Aligned_MTL.symeig": "a function that PyTorch no longer has: eigh in its place",
    "libmtl.CAGrad.tolerance": "SLSQP to about 1e-6 of the objective: compared to 1e-3",
    "libmtl.FairGrad.solver": "nonlinear least squares to about 1e-8: solutions of a residual above "
                              "1e-6 are left out",
    "libmtl.MGDA.vertex": "weights between 0.001 and 0.999: two losses, away from the ends alone",
    "libmtl.DB_MTL.beta": "a mean of earlier gradients: run with beta = 0",
    "libmtl.PCGrad.eps": "1e-8 beside squares of norms: compared to 1e-6",
    "libmtl.order": "orders from a generator of its own: two losses alone",
}

random = np.random.default_rng(20211014)
torch.set_default_dtype(torch.float64)
torch.symeig = lambda m, eigenvectors: torch.linalg.eigh(m)

# --- LibMTL, as a trainer would call it -------------------------------------------------------------


def harness(rule, rows, losses):
    """A weighting of LibMTL over one parameter, in which the losses are linear."""

    class Task(rule):
        def get_share_params(self):
            return [self.theta]

        def zero_grad_share_params(self):
            self.theta.grad = torch.zeros_like(self.theta)

    task = Task()
    task.task_num, task.device, task.rep_grad = len(rows), "cpu", False
    task.theta = torch.nn.Parameter(torch.zeros(rows.shape[1]))
    task.init_param()
    task.values = lambda: torch.tensor(losses) + torch.tensor(rows) @ task.theta
    return task


def libmtl(rule, rows, losses, **options):
    task = harness(rule, rows, losses)
    task.backward(task.values(), **options)
    return weights_of(rows, task.theta.grad.numpy())


def weights_of(rows, direction):
    """The weights with which the rows add up to a direction."""
    weights = np.linalg.lstsq(rows.T, direction, rcond=None)[0]
    assert np.allclose(rows.T @ weights, direction, rtol=1e-9, atol=1e-9 * abs(direction).max())
    return weights


# --- cases ------------------------------------------------------------------------------------------


def digits(array):
    return [float(f"{x:.12g}") for x in np.asarray(array)]


def draw_rows(count, width, spread):
    """Gradients with a common part or without, whose norms differ by up to 10^(2 spread)."""
    common = random.choice([0.0, -0.4, 0.8]) * random.normal(size=width)
    rows = random.normal(size=(count, width)) + common
    rows *= 10.0 ** random.uniform(-spread, spread, (count, 1))
    return np.array([[float(f"{x:.9g}") for x in row] for row in rows])


def every_order(rows):
    """PCGrad of TorchJD for all orders of the others of each loss."""
    count, found = len(rows), []
    others = [[j for j in range(count) if j != i] for i in range(count)]
    draw = torch.randperm
    for orders in itertools.product(*[itertools.permutations(o) for o in others]):
        queue = [torch.tensor([i, *order]) for i, order in enumerate(orders)]
        torch.randperm = lambda n: queue.pop(0)
        found.append(digits(PCGrad().gramian_weighting(torch.tensor(rows @ rows.T))))
    torch.randperm = draw
    return [list(w) for w in sorted(set(map(tuple, found)))]


def fairgrad(rule, gramian, alpha):
    """Weights, unless they do not solve what they should."""
    w = np.asarray(rule)
    wanted = w ** (-1.0 / alpha)
    return digits(w) if (abs(gramian @ w - wanted) <= 1e-6 * wanted).all() else None


def torchjd_weights(rows, p):
    gramian = rows @ rows.T
    g = torch.tensor(gramian)
    projector = QuadprogProjector(norm_eps=1e-30, reg_eps=1e-11)
    preference = torch.tensor(p)
    of = lambda rule: digits(rule.gramian_weighting(g))
    answers = {
        "upgrad": of(UPGrad(pref_vector=preference, projector=projector)),
        "dual_projection": of(DualProj(pref_vector=preference, projector=projector)),
        "mgda": of(MGDA(epsilon=1e-12, max_iters=30000)),
        "cagrad:c=0.4": of(CAGrad(c=0.4, norm_eps=1e-30)),
        "cagrad:c=1.5": of(CAGrad(c=1.5, norm_eps=1e-30)),
        "equal_angles": digits(weights_of(
            rows, ConFIG(pref_vector=preference * len(rows))(torch.tensor(rows)).numpy())),
        "fairgrad:alpha=1": fairgrad(FairGrad(1.0).gramian_weighting(g), gramian, 1.0),
        "fairgrad:alpha=2": fairgrad(FairGrad(2.0).gramian_weighting(g), gramian, 2.0),
        "fairgrad:alpha=0.5": fairgrad(FairGrad(0.5).gramian_weighting(g), gramian, 0.5),
    }
    for scale, name in [("min", "min"), ("median", "median"), ("mean", "rmse")]:
        answers[f"aligned_mtl:scale={scale}"] = of(AlignedMTL(preference, scale_mode=name))
    imtl = np.asarray(IMTLG().gramian_weighting(g))
    if (gramian @ imtl > 0).all():
        answers["equal_angles:form=imtl"] = digits(imtl)
    return answers


def libmtl_weights(rows, losses):
    gramian = rows @ rows.T
    run = lambda rule, **options: digits(libmtl(rule, rows, losses, **options))
    answers = {
        "upgrad": run(LibUPGrad, UPGrad_norm_eps=1e-30, UPGrad_reg_eps=1e-11),
        "cagrad:c=0.4": run(LibCAGrad, calpha=0.4, rescale=1),
        "aligned_mtl:scale=min": digits(libmtl(Aligned_MTL, rows, losses) / len(rows)),
        "db_mtl": run(DB_MTL, DB_beta=0.0, DB_beta_sigma=0.0),
    }
    imtl = libmtl(IMTL, rows, losses)
    if (gramian @ imtl > 0).all():
        answers["equal_angles:form=imtl"] = digits(imtl)
    for alpha in (1.0, 2.0):
        found = libmtl(LibFairGrad, rows, losses, FairGrad_alpha=alpha)
        answers[f"fairgrad:alpha={alpha:g}"] = fairgrad(found, gramian, alpha)
    if len(rows) == 2:
        answers["pcgrad"] = run(LibPCGrad)
        for kind in ("none", "l2", "loss", "loss+"):
            scale = {"none": 1.0, "l2": np.sqrt(np.diag(gramian)), "loss": losses,
                     "loss+": losses * np.sqrt(np.diag(gramian))}[kind]
            w = libmtl(LibMGDA, rows, losses, mgda_gn=kind)
            if (w * scale > 0.0011).all():
                answers[f"mgda:normalize={kind}"] = digits(w)
    return answers


def case(count):
    rows = draw_rows(count, 8, 1.0)
    own = np.round(random.uniform(0.25, 2.0, count), 6)
    losses = np.round(random.uniform(0.2, 3.0, count), 6)
    made = {"rows": rows.tolist(), "own": own.tolist(), "values": losses.tolist(),
            "torchjd": torchjd_weights(rows, own / own.sum()), "libmtl": libmtl_weights(rows, losses)}
    if count <= 3:
        made["pcgrad_orders"] = every_order(rows)
    return made


def sequence(count, options, rule, stepped=None):
    """Weights of a mix that keeps something, over steps."""
    made = {"options": options, "steps": []}
    for _ in range(5):
        rows = draw_rows(count, 8, 0.5)
        step = {"rows": rows.tolist(),
                "torchjd": digits(rule.gramian_weighting(torch.tensor(rows @ rows.T)))}
        if stepped is not None:
            step["libmtl"] = digits(stepped(rows))
        made["steps"].append(step)
    return made


def gradvac(beta):
    task = harness(LibGradVac, np.zeros((2, 8)), np.ones(2))

    def stepped(rows):
        task.values = lambda: torch.ones(2) + torch.tensor(rows) @ task.theta
        task.backward(task.values(), GradVac_beta=beta, GradVac_group_type=0)
        direction = task.theta.grad.numpy().copy()
        task.theta.grad = None
        return weights_of(rows, direction)

    return sequence(2, {"beta": beta}, GradVac(beta=beta, eps=0.0), stepped)


def main():
    target = pathlib.Path(__file__).with_name("mixes_gramian.json")
    content = {
        "made_by": f"tests/golden/mixes_gramian.py, PyTorch {torch.__version__.split('+')[0]}, "
                   f"TorchJD {torchjd.__version__ if hasattr(torchjd, '__version__') else '0.18'}",
        "faults_set_aside": FAULTS,
        "cases": [case(count) for count in (2, 3, 4, 5, 6) for _ in range(4)],
        "pcd": [sequence(count, {"tau": tau, "beta": beta}, PCD(tau=tau, beta=beta, eps=0.0))
                for count, tau, beta in ((2, 0.02, 0.999), (3, 0.3, 0.9), (5, 0.1, 0.5))],
        "gradvac": [gradvac(beta) for beta in (0.5, 0.2)],
    }
    target.write_text(json.dumps(content, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
