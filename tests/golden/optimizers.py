#!/usr/bin/env python3
"""Writes optimizers.json: 50 steps of PyTorch's optimizers, and the factors of its schedules.

Run it where PyTorch is installed: python3 tests/golden/optimizers.py
The gradient follows a formula that the test repeats; all is computed in double:
    g_i(t) = stiffness_i · (θ_i - goal_i) + push_i · (t mod 5 - 2),  t = 1, 2, ...
Weight decay acts on the first 12 parameters only.
"""

import json
import pathlib
import warnings

import torch

STEPS = 50
PARAMETERS = 20
DECAYING = 12
SHOWN = (1, 2, 10, 50)

random = torch.Generator().manual_seed(20230818)


def single(low, high):
    uniform = torch.rand(PARAMETERS, generator=random, dtype=torch.float32)
    return (low + (high - low) * uniform).float().double()


START, GOAL, STIFFNESS, PUSH = single(-2, 2), single(-1, 1), single(0.1, 1.5), single(-0.3, 0.3)


def trajectory(name, options, make):
    decays = torch.nn.Parameter(START[:DECAYING].clone())
    spared = torch.nn.Parameter(START[DECAYING:].clone())
    optimizer = make([{"params": [decays]}, {"params": [spared], "weight_decay": 0.0}])
    shown = {}
    for step in range(1, STEPS + 1):
        theta = torch.cat([decays.detach(), spared.detach()])
        gradient = STIFFNESS * (theta - GOAL) + PUSH * (step % 5 - 2)
        decays.grad, spared.grad = gradient[:DECAYING].clone(), gradient[DECAYING:].clone()
        optimizer.step()
        if step in SHOWN:
            shown[str(step)] = torch.cat([decays.detach(), spared.detach()]).tolist()
    return {"optimizer": name, "options": options, "parameters": shown}


def sgd(rate, **options):
    return trajectory("sgd", {"learning_rate": rate, **options},
                      lambda groups: torch.optim.SGD(groups, lr=rate, **options))


def adam(name, kind, rate, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0):
    options = {"learning_rate": rate, "beta1": beta1, "beta2": beta2, "epsilon": eps,
               "weight_decay": weight_decay}
    return trajectory(name, options, lambda groups: kind(
        groups, lr=rate, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay))


def factors(text, warm_up, steps, make):
    """Learning rates of a run, the highest being 1."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = make(optimizer)
    rates = [optimizer.param_groups[0]["lr"]]
    for _ in range(steps - 1):
        optimizer.step()
        schedule.step()
        rates.append(optimizer.param_groups[0]["lr"])
    return {"schedule": text, "warm_up": warm_up, "steps": steps, "factors": rates}


def after_ramp(ramp, make):
    """The schedule that `make` gives after a linear ramp of so many steps."""
    rates = torch.optim.lr_scheduler
    return lambda optimizer: rates.SequentialLR(
        optimizer,
        [rates.LinearLR(optimizer, start_factor=1 / (ramp + 1), total_iters=ramp), make(optimizer)],
        milestones=[ramp])


def schedules():
    rates = torch.optim.lr_scheduler
    cosine = lambda steps: lambda o: rates.CosineAnnealingLR(o, T_max=steps)
    step = lambda milestones, gamma: lambda o: rates.MultiStepLR(o, milestones, gamma)
    cycle = lambda steps, **options: lambda o: rates.OneCycleLR(
        o, max_lr=1.0, total_steps=steps, cycle_momentum=False, **options)
    return [
        factors("cosine", 0.0, 30, cosine(30)),
        factors("cosine", 0.2, 30, after_ramp(6, cosine(24))),
        factors("step:0.1@0.3,0.6", 0.0, 20, step([6, 12], 0.1)),
        factors("step:0.5@0.25,0.5,0.75", 0.1, 30, after_ramp(3, step([7, 14, 20], 0.5))),
        factors("constant", 0.25, 16, after_ramp(4, step([99], 1.0))),
        factors("one-cycle", 0.0, 10, cycle(10)),
        factors("one-cycle", 0.0, 47, cycle(47)),
        factors("one-cycle:0.4,10,100", 0.0, 25,
                cycle(25, pct_start=0.4, div_factor=10.0, final_div_factor=100.0)),
        factors("exponential:1,0.01", 0.0, 21,
                lambda o: rates.ExponentialLR(o, 0.01 ** (1 / 20))),
        factors("exponential:1,1000", 0.25, 20,
                after_ramp(5, lambda o: rates.ExponentialLR(o, 1000 ** (1 / 14)))),
    ]


def main():
    warnings.simplefilter("ignore")  # SequentialLR calls deprecated forms of its own parts
    content = {
        "made_by": f"tests/golden/optimizers.py, PyTorch {torch.__version__.split('+')[0]}",
        "decaying": DECAYING, "start": START.tolist(), "goal": GOAL.tolist(),
        "stiffness": STIFFNESS.tolist(), "push": PUSH.tolist(),
        "trajectories": [
            sgd(0.1),
            sgd(0.05, momentum=0.9),
            sgd(0.05, momentum=0.9, nesterov=True, weight_decay=0.02),
            sgd(0.1, weight_decay=0.1),
            adam("adam", torch.optim.Adam, 0.01),
            adam("adam", torch.optim.Adam, 0.05, beta1=0.8, beta2=0.99, eps=1e-4,
                 weight_decay=0.05),
            adam("adamw", torch.optim.AdamW, 0.02, weight_decay=0.1),
        ],
        "schedules": schedules(),
    }
    target = pathlib.Path(__file__).with_name("optimizers.json")
    target.write_text(json.dumps(content, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
