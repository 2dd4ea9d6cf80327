"""Trainings with every mix in double precision: gradients from autograd, weights from
mix_scalarizations.py and mix_combinations.py.

    torch_mixes.py --binary build/medley-three-losses [--mix upgrad ...] [--save-golden FILE]

Each mix trains on the scenes of make_scenes.py from Medley's initial weights, and Medley the same; losses
of all steps must agree within 1e-5, weights within 1e-4 (relative). --save-golden writes what came out,
for check_mixes.py, which has the comparison. Exit code 0; 1 beyond the tolerance.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import medley
import numpy as np
import torch
from check_mixes import compare, make_data, train
from dataset import Dataset
from golden import probes
from mix_combinations import COMBINATIONS
from mix_rules import TINY
from mix_scalarizations import SCALARIZATIONS
from steps import load_records, make_batches
from torch_training import Training

RULES = {**SCALARIZATIONS, **COMBINATIONS}
# What goes with any mix, with the values that hold without --mix saying more.
COMPOSITION = {"map": "none", "bound": 0.0, "smoothing": 0.0, "length": "paper", "refresh": 1.0,
               "values": "last", "gradients": "trunk"}
ON_LOGITS = {"softmax_cross_entropy", "binary_cross_entropy", "soft_iou", "multiclass_soft_iou"}

# What is trained: every mix, its forms, and what goes with any mix.
MIXES = (
    "weighted_sum", "blend:a=0.3", "probe", "probe:share=0.2", "random", "trained_blend",
    "trained_blend:barrier=0.3", "raw_blend:rate=5", "log_sum", "geometric", "uncertainty",
    "uncertainty:form=revised,rate=0.5", "uw_so", "dwa", "dwa:T=0.2", "tchebycheff",
    "tchebycheff:warm_up=1,mu=0.5", "tchebycheff:scale=none", "constrained:limit.outline=0.4,rate=0.1",
    "famo", "gradnorm", "auto_lambda", "auto_lambda:initial=0.5,rate=0.01", "mgda", "mgda:normalize=l2",
    "mgda:normalize=loss", "mgda:normalize=loss+", "equal_angles", "equal_angles:form=imtl", "nash",
    "fairgrad:alpha=2", "cagrad", "cagrad:c=0.8,rescale=none", "upgrad", "dual_projection", "pcd",
    "pcd:tau=0.2,beta=0.9", "pcgrad", "gradvac", "aligned_mtl", "aligned_mtl:scale=median",
    "aligned_mtl:scale=mean", "db_mtl", "sdmgrad", "sdmgrad:lambda=2",
    "weighted_sum:map=log", "upgrad:map=log", "db_mtl:map=log,bound=-0.5", "random:smoothing=0.9",
    "mgda:smoothing=0.9", "log_sum:length=match", "nash:length=match", "upgrad:length=unit",
    "upgrad:refresh=4", "mgda:refresh=4,map=log", "upgrad:gradients=output",
    "equal_angles:gradients=output,length=match", "mgda:gradients=output,map=log,smoothing=0.5",
    "log_sum:values=batch", "famo:values=batch", "weighted_sum:map=log,values=batch",
)

# The same where one of the losses is often absent, so that its state rests.
ABSENT = (
    "weighted_sum", "probe:share=0.2", "random", "trained_blend", "raw_blend:rate=5", "log_sum", "geometric",
    "uncertainty", "uw_so", "dwa", "tchebycheff", "constrained:limit.kind=0.5,rate=0.1", "famo", "gradnorm",
    "auto_lambda:initial=0.5,rate=0.01", "mgda", "equal_angles", "nash", "cagrad", "upgrad", "pcd", "pcgrad",
    "gradvac", "aligned_mtl", "db_mtl", "sdmgrad", "upgrad:map=log,smoothing=0.9", "mgda:refresh=3",
    "upgrad:gradients=output,length=match", "log_sum:values=batch,smoothing=0.5",
)
# 7 batches an epoch; and 6 of 3 records, with few labels.
TRAININGS = (
    ({"data": {"records": 200, "missing": 10, "seed": 1}, "steps": 50, "batch_size": 22, "seed": 2}, MIXES),
    ({"data": {"records": 24, "missing": 60, "seed": 3}, "steps": 40, "batch_size": 3, "seed": 4}, ABSENT),
)


def rule_and_composition(text, terms):
    """From what --mix takes; limits of losses by their number."""
    name, _, rest = text.partition(":")
    options, limits = {}, {}
    for part in rest.split(",") if rest else ():
        key, _, value = part.partition("=")
        value = value if value[0].isalpha() else float(value)
        if key.startswith("limit."):
            limits[[term.name for term in terms].index(key.removeprefix("limit."))] = value
        else:
            options[key] = value
    own = {key: value for key, value in options.items() if key not in COMPOSITION}
    if limits:
        own["limits"] = limits
    return (RULES[name](len(terms), **own),
            SimpleNamespace(**{**COMPOSITION, **{k: options[k] for k in options.keys() - own.keys()}}))


class MixedTraining(Training):
    """Joint steps with a mix. `weights` has what each loss was multiplied with, a row a step."""

    def __init__(self, description, mix, seed, steps, ahead):
        super().__init__(description, torch.float64)
        (self.group,) = self.groups
        self.losses = [term for term in self.group.terms if not term.penalty]
        self.rule, self.with_any = rule_and_composition(mix, self.losses)
        self.seed, self.total, self.ahead = seed, steps, ahead
        self.number, self.weights = 0, []
        count = len(self.losses)
        self.own = np.array([term.weight for term in self.losses])
        self.last_weight, self.last_value = self.own.copy(), np.zeros(count)
        self.seen = np.zeros(count, bool)
        paths = [layer["path"] for layer in self.network.layers]
        trunk = [path for path in paths if path.startswith("trunk.")]
        self.network.calls[trunk[-1]].register_forward_hook(
            lambda module, inputs, output: setattr(self, "output", output))
        self.in_trunk = {name: name.startswith("trunk.") for name in self.group.parameters}

    def gradients(self, value, of):
        found = torch.autograd.grad(value, of, retain_graph=True, allow_unused=True)
        return [torch.zeros_like(p) if g is None else g for g, p in zip(found, of)]

    def trunk_rows(self, rows):
        parts = self.in_trunk.values()
        return torch.stack([torch.cat([g.flatten() for g, shared in zip(row, parts) if shared])
                            for row in rows])

    def values_of(self, images, targets):
        outputs = self.network(images, self.group.heads)
        return [term.value(outputs, targets) for term in self.losses]

    def step_of(self, on, values, epoch):
        p = np.zeros(len(self.own))
        p[on] = self.own[on] / self.own[on].sum()
        return SimpleNamespace(
            on=on, own=self.own, p=p, values=values, G=None, after=None, along=None,
            rate=self.group.rate, number=self.number, total=self.total, epoch=epoch, seed=self.seed, group=0,
            logits=np.array([term.rule.__name__ in ON_LOGITS for term in self.losses]))

    # What goes with any mix.

    def slope(self, values):
        bound = self.with_any.bound
        return 1 / (values - bound + TINY) if self.with_any.map == "log" else np.ones(len(values))

    def mapped(self, step):
        """The step as the rule sees it: of the losses' logarithms where they are mapped."""
        if self.with_any.map == "none":
            return step
        slope, bound = self.slope(step.values), self.with_any.bound
        seen = SimpleNamespace(**vars(step))
        seen.values = np.log(step.values - bound + TINY)
        seen.after = None if step.after is None else np.log(step.after - bound + TINY)
        seen.G = None if step.G is None else step.G * np.outer(slope, slope)
        return seen

    def composed(self, step):
        """Weights of the rule, with what goes with it."""
        w, slope = np.zeros(len(self.own)), self.slope(step.values)
        if len(step.on) < 2 and not self.rule.constant:
            w[step.on] = (self.own * slope)[step.on]
            return w
        w[step.on] = (self.rule.weights(self.mapped(step)) * slope)[step.on]
        smoothing = self.with_any.smoothing * self.seen[step.on]
        w[step.on] = smoothing * self.last_weight[step.on] + (1 - smoothing) * w[step.on]
        length = ((lambda x: x[step.on].sum()) if step.G is None else
                  (lambda x: np.sqrt(x @ step.G @ x)))
        if self.with_any.length == "paper":
            return w
        unit = self.with_any.length == "unit" and step.G is not None
        return w * (1.0 if unit else length(self.own)) / length(w)

    def joint(self, batches, rate_factor, noted):
        images, targets = batches.current()
        losses = self.values_of(images, targets)
        batch = np.array([value.item() for value in losses])
        on = np.array([k for k, term in enumerate(self.losses)
                       if bool(targets[term.target].present.any())])
        step = self.step_of(on, batch, self.number // -(-batches.count // batches.size))
        rows = [self.gradients(value, list(self.group.parameters.values())) for value in losses]
        J = self.trunk_rows(rows)
        at_output = torch.stack([self.gradients(v, [self.output])[0].flatten() for v in losses])
        makes, w, head_values = self.weights_of(step, (J @ J.T).numpy())
        in_heads = w if self.rule.weighs_heads else self.slope(head_values)

        mixed = [sum((w[k] if shared else in_heads[k]) * row[i] for k, row in enumerate(rows))
                 for i, shared in enumerate(self.in_trunk.values())]
        if self.rule.wants_ahead:
            step.along = self.look_ahead(J, mixed)
        self.descend(mixed)
        if self.rule.wants_after:
            with torch.no_grad():
                step.after = np.array([v.item() for v in self.values_of(images, targets)])
        noted.update({term.name: batch[k] if k in on else None for k, term in enumerate(self.losses)})
        self.weights.append({term.name: w[k] if k in on else None for k, term in enumerate(self.losses)})
        self.learn(step, makes, w, (at_output @ at_output.T).numpy())

    def weights_of(self, step, G):
        """When weights are made ("now"; "next": for the step after this one; "never": all rests), those of
        this step, and the values of the losses whose slopes heads take."""
        known = self.seen[step.on].all()
        earlier = (step.values if self.with_any.values == "batch" or not known
                   else np.where(self.seen, self.last_value, step.values))
        if self.rule.gramian and self.number % int(self.with_any.refresh) != 0 and known:
            return "never", self.last_weight.copy(), earlier
        if self.rule.wants_gramian(step) and self.with_any.gradients == "output":
            return "next", self.last_weight.copy(), earlier
        if self.rule.wants_gramian(step):
            step.G = G
        if self.rule.wants_gramian(step) or self.rule.wants_ahead:
            return "now", self.composed(step), step.values
        seen = self.step_of(step.on, earlier, step.epoch)
        return "now", self.composed(seen), earlier

    def learn(self, step, makes, w, G_at_output):
        """What is kept for the steps to come."""
        if makes == "next":
            step.G = G_at_output
            w = self.composed(step)
        informed = step.G is not None or not self.rule.gramian
        if makes != "never" and informed and len(step.on) > 1:
            self.rule.update(self.mapped(step))
        self.last_weight[step.on], self.last_value[step.on] = w[step.on], step.values[step.on]
        self.seen[step.on] = True
        self.number += 1

    def descend(self, gradients):
        """Along the mixed gradient and those of penalties."""
        parameters = list(self.group.parameters.values())
        for term in self.group.terms:
            if term.penalty:
                more = self.gradients(term.value(None, None), parameters)
                gradients = [g + term.weight * m for g, m in zip(gradients, more)]
        for parameter, gradient in zip(parameters, gradients):
            parameter.grad = gradient
        self.group.update(1.0)

    def look_ahead(self, J, mixed):
        """Products of the losses' gradients with that of a validation batch after a plain step."""
        parameters = list(self.group.parameters.values())
        before = [p.detach().clone() for p in parameters]
        with torch.no_grad():
            for p, g in zip(parameters, mixed):
                p -= self.group.rate * g
        images, targets = self.ahead(self.number)
        loss = sum(a * v for a, v in zip(self.own, self.values_of(images, targets)))
        row = self.trunk_rows([self.gradients(loss, parameters)])[0]
        with torch.no_grad():
            for p, old in zip(parameters, before):
                p.copy_(old)
        return (J @ row).numpy()


def twin(description, start, training, mix):
    """Losses and weights of a training with this mix, a row a step."""
    dataset = Dataset(training["folder"])
    size, steps = training["batch_size"], training["steps"]
    validation = dataset.rows("validation")

    def ahead(number):
        first = number * size % len(validation)
        return load_records(dataset, description, validation[first:first + size], torch.float64)

    mixed = MixedTraining(description, mix, training["seed"], steps, ahead)
    mixed.network.load(start)
    batches = make_batches(dataset, description, size, torch.float64)
    losses = [mixed.round(batches) for _ in range(steps)]
    return {"losses": columns(losses, 7), "weights": columns(mixed.weights, 6)}


def columns(rows, digits):
    """Lists by name; None where a loss takes no part."""
    return {name: [None if row[name] is None else float(f"{row[name]:.{digits}g}") for row in rows]
            for name in rows[0]}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, help="medley-three-losses")
    parser.add_argument("--mix", nargs="+", help="these alone")
    parser.add_argument("--save-golden", metavar="FILE")
    options = parser.parse_args()
    torch.set_num_threads(1)
    binary, passed, kept = medley.Binary(options.binary), True, []
    description = binary.info()
    for training, mixes in TRAININGS:
        with tempfile.TemporaryDirectory() as work:
            here = {**training, "folder": make_data(training, Path(work))}
            start = medley.parameters(train(binary, here, "weighted_sum", Path(work), 0).checkpoint())
            runs = {}
            for mix in options.mix or mixes:
                runs[mix] = twin(description, start, here, mix)
                passed &= compare(train(binary, here, mix, Path(work)), runs[mix], mix)
            kept.append({**training, "initial": probes(start), "mixes": runs})
    if options.save_golden:
        made_by = f"PyTorch {torch.__version__.split('+')[0]}"
        with open(options.save_golden, "w") as file:
            json.dump({"made_by": made_by, "trainings": kept}, file, separators=(",", ":"))
            file.write("\n")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
