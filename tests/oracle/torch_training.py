"""Training of a Network as its description says: terms, groups, optimizers, and of the mixes and the
step modes the first."""

import torch
from torch_losses import LOSSES, PENALTIES
from torch_network import Network

# Names of the moments in checkpoints, and in the state of PyTorch's optimizers.
MOMENTS = {
    "sgd": {"momentum": "momentum_buffer"},
    "adam": {"first_moment": "exp_avg", "second_moment": "exp_avg_sq"},
    "adamw": {"first_moment": "exp_avg", "second_moment": "exp_avg_sq"},
}


def make_optimizer(kind, options, decaying, spared, extra):
    """Weight decay acts on the first list of parameters alone."""
    groups = [{"params": decaying},
              {"params": spared, "weight_decay": 0.0}]
    shared = {"lr": options["learning_rate"], "weight_decay": options["weight_decay"], **extra}
    if kind == "sgd":
        return torch.optim.SGD(groups, momentum=options["momentum"],
                               nesterov=bool(options["nesterov"]), **shared)
    maker = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[kind]
    return maker(groups, betas=(options["beta1"], options["beta2"]), eps=options["epsilon"],
                 **shared)


class Term:
    """A named loss: `value(outputs, targets)`, and the head that it needs (None for penalties)."""

    def __init__(self, entry, weights):
        self.name, self.weight = entry["name"], entry["weight"]
        self.options, self.over = entry["options"], entry["over"]
        self.penalty = entry["penalty"]
        self.head = None if self.penalty else entry["head"]
        self.target = None if self.penalty else entry["target"]
        self.rule = (PENALTIES if self.penalty else LOSSES)[entry["type"]]
        self.weights = weights  # the parameters that penalties act on

    def value(self, outputs, targets):
        if self.penalty:
            return self.rule(self.weights)
        return self.rule(outputs[self.head], targets[self.target], self.options, self.over)


def mixed_weights(mix, terms):
    """What each term of a group is multiplied with."""
    weights = [term.weight for term in terms]
    if mix["type"] == "weighted_sum":
        return weights
    if mix["type"] == "blend":
        a = mix["options"]["a"]
        losses = [i for i, term in enumerate(terms) if not term.penalty]
        weights[losses[0]] *= a
        weights[losses[1]] *= 1 - a
        return weights
    raise ValueError(f"no mix of type '{mix['type']}' is known here")


class Group:
    """Terms, the parameters that they reach, and the optimizer of these."""

    def __init__(self, entry, terms, mix, network, decays, extra):
        self.name, self.kind = entry["name"], entry["optimizer"]
        self.times, self.next_batch = entry.get("times", 1), entry.get("next_batch", False)
        self.terms = [terms[name] for name in entry["terms"]]
        self.weights = mixed_weights(mix, self.terms)
        self.heads = sorted({t.head for t in self.terms if t.head is not None})
        reached = set(network.parameters_of(self.heads))
        if any(term.penalty for term in self.terms):
            reached |= decays
        self.parameters = {n: p for n, p in network.named_parameters() if n in reached}
        self.rate = entry["options"]["learning_rate"]
        self.optimizer = make_optimizer(
            entry["optimizer"], entry["options"],
            [p for n, p in self.parameters.items() if n in decays],
            [p for n, p in self.parameters.items() if n not in decays], extra)

    def loss(self, outputs, targets, values):
        """The group's mix of its terms; notes their values."""
        total = 0
        for term, weight in zip(self.terms, self.weights):
            value = term.value(outputs, targets)
            values[term.name] = value.item()
            total = total + weight * value
        return total

    def take_gradients(self, loss, clip_norm, keep_graph):
        """Leaves the gradients in the parameters."""
        gradients = torch.autograd.grad(loss, list(self.parameters.values()),
                                        retain_graph=keep_graph, allow_unused=True)
        gradients = [torch.zeros_like(p) if g is None else g
                     for p, g in zip(self.parameters.values(), gradients)]
        if clip_norm > 0:
            norm = torch.stack([g.norm() for g in gradients]).norm().item()
            if norm > clip_norm:
                gradients = [g * (clip_norm / norm) for g in gradients]
        for parameter, gradient in zip(self.parameters.values(), gradients):
            parameter.grad = gradient

    def update(self, rate_factor):
        for parameters in self.optimizer.param_groups:
            parameters["lr"] = self.rate * rate_factor
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    def moments(self):
        """State under the names that checkpoints have: optimizer.<group>.<moment>.<parameter>."""
        return {f"optimizer.{self.name}.{moment}.{name}": state[key].detach().numpy()
                for name, parameter in self.parameters.items()
                if (state := self.optimizer.state.get(parameter))
                for moment, key in MOMENTS[self.kind].items() if state.get(key) is not None}

    def load_moments(self, tensors, updates):
        """The opposite, after so many updates."""
        if updates == 0:
            self.optimizer.state.clear()
            return
        for name, parameter in self.parameters.items():
            self.optimizer.state[parameter] = {"step": torch.tensor(float(updates))} | {
                key: torch.tensor(tensors[tensor], dtype=parameter.dtype)
                for moment, key in MOMENTS[self.kind].items()
                if (tensor := f"optimizer.{self.name}.{moment}.{name}") in tensors}


class Batches:
    """The training records in file order, cut into batches, epoch after epoch."""

    def __init__(self, count, size, load):
        self.count, self.size, self.load, self.index = count, size, load, 0

    def current(self):
        first = self.index % -(-self.count // self.size) * self.size
        return self.load(slice(first, min(first + self.size, self.count)))

    def advance(self):
        self.index += 1

    def end_round(self):
        """A round that ran past the last batch does not shorten the next epoch."""
        self.advance()
        if self.index >= -(-self.count // self.size):
            self.index = 0


class Training:
    """A network and its groups. `round` is one step as the design defines it for each mode."""

    def __init__(self, description, dtype=torch.float32, shard=None, **optimizer_options):
        self.network = Network(description, shard).to(dtype)
        steps = description["steps"][0]
        self.mode = steps["mode"]
        self.clip_norm = description["recipe"].get("clip_norm", 0.0)
        decays = {p["name"] for p in description["parameters"] if p["decays"]}
        weights = [p for n, p in self.network.named_parameters() if n in decays]
        self.terms = {entry["name"]: Term(entry, weights) for entry in description["terms"]}
        self.groups = [Group(entry, self.terms, entry.get("mixes", description["mixes"])[0],
                             self.network, decays, optimizer_options) for entry in steps["groups"]]

    def round(self, batches, rate_factor=1.0):
        """One round; returns the terms' values."""
        self.network.train()
        values = {}
        {"joint": self.joint, "simultaneous": self.simultaneous,
         "alternating": self.alternating}[self.mode](batches, rate_factor, values)
        batches.end_round()
        return values

    def joint(self, batches, rate_factor, values):
        (group,) = self.groups
        images, targets = batches.current()
        loss = group.loss(self.network(images, group.heads), targets, values)
        group.take_gradients(loss, self.clip_norm, keep_graph=False)
        group.update(rate_factor)

    def simultaneous(self, batches, rate_factor, values):
        """All gradients at θ, then θ + Δ_1 + … + Δ_m, each Δ as if it were alone."""
        images, targets = batches.current()
        heads = sorted({head for group in self.groups for head in group.heads})
        outputs = self.network(images, heads)
        losses = [group.loss(outputs, targets, values) for group in self.groups]
        gradients = []
        for group, loss in zip(self.groups, losses):
            group.take_gradients(loss, self.clip_norm, keep_graph=group is not self.groups[-1])
            gradients.append([p.grad for p in group.parameters.values()])
        with torch.no_grad():
            before = {n: p.clone() for n, p in self.network.named_parameters()}
            after = {n: p.clone() for n, p in self.network.named_parameters()}
            for group, own in zip(self.groups, gradients):
                for (name, parameter), gradient in zip(group.parameters.items(), own):
                    parameter.copy_(before[name])
                    parameter.grad = gradient
                group.update(rate_factor)
                for name, parameter in group.parameters.items():
                    after[name] += parameter - before[name]
            for name, parameter in self.network.named_parameters():
                parameter.copy_(after[name])

    def alternating(self, batches, rate_factor, values):
        """Groups in turn, each from the θ that the last one left, on the round's batch or their own."""
        first, of_round = True, batches.current()
        for group in self.groups:
            for _ in range(group.times):
                if group.next_batch and not first:
                    batches.advance()
                first = False
                images, targets = batches.current() if group.next_batch else of_round
                outputs = self.network(images, group.heads) if group.heads else {}
                loss = group.loss(outputs, targets, values)
                group.take_gradients(loss, self.clip_norm, keep_graph=False)
                group.update(rate_factor)

    def load(self, tensors, rounds):
        """Parameters and moments of a checkpoint after so many rounds."""
        self.network.load(tensors)
        for group in self.groups:
            group.load_moments(tensors, rounds * group.times)

    def parameters(self):
        return {name: value.detach().numpy() for name, value in self.network.state_dict().items()}

    def moments(self):
        return {name: value for group in self.groups for name, value in group.moments().items()}
