"""A torch.nn.Module from the description that `medley-<experiment> info --json` prints.

Its state_dict has the names and shapes of a checkpoint's parameters: a checkpoint loads with
load_state_dict(strict=True), and what it saves loads into Medley.
"""

import medley
import torch
from torch import nn
from torch_layers import Dense, GhostBatchNorm


def make_layer(layer, inputs, shard):
    """The callable of one layer; `inputs` are the shapes [c, h, w] of what it reads."""
    kind, options, channels = layer["type"], layer["options"], inputs[0][0]

    def whole(name):
        return int(options[name])

    def windows():
        return whole("kernel"), whole("stride"), whole("padding")

    makers = {
        "conv": lambda: nn.Conv2d(channels, whole("outputs"), *windows(),
                                  bias=bool(options["bias"])),
        "dense": lambda: Dense(channels * inputs[0][1] * inputs[0][2], whole("outputs")),
        "relu": nn.ReLU,
        "leaky_relu": lambda: nn.LeakyReLU(options["slope"]),
        "sigmoid": nn.Sigmoid,
        "tanh": nn.Tanh,
        "max_pool": lambda: nn.MaxPool2d(*windows()),
        "average_pool": lambda: nn.AvgPool2d(*windows()),
        "global_average_pool": lambda: nn.AdaptiveAvgPool2d(1),
        "upsample_nearest": lambda: nn.Upsample(scale_factor=whole("factor"), mode="nearest"),
        "upsample_bilinear": lambda: nn.Upsample(scale_factor=whole("factor"), mode="bilinear",
                                                 align_corners=False),
        "ghost_batch_norm": lambda: GhostBatchNorm(channels, shard, options["epsilon"],
                                                   options["momentum"]),
        "group_norm": lambda: nn.GroupNorm(whole("groups"), channels, options["epsilon"]),
        "dropout": lambda: nn.Dropout(options["probability"]),
        # The dense layer behind it flattens.
        "flatten": nn.Identity,
        "add": lambda: torch.add,
        "concat": lambda: lambda *parts: torch.cat(parts, dim=1),
    }
    if kind not in makers:
        raise ValueError(f"{layer['path']}: no layer of type '{kind}' is known here")
    return makers[kind]()


def draw(tensor, said):
    """Fills a parameter as its entry in the description says (include/medley/base/initial.hpp)."""
    initial, fan_in, fan_out = said["initial"], said["fan_in"], said["fan_out"]
    variances = {"lecun": 1 / fan_in, "glorot": 2 / (fan_in + fan_out), "he": 2 / fan_in,
                 "pytorch": 1 / (3 * fan_in)}
    scheme, _, law = initial.partition("_")
    if initial in ("zero", "one"):
        tensor.fill_(initial == "one")
    elif initial == "prior":
        tensor.copy_(torch.tensor(said["prior"]))
    elif initial == "orthogonal":
        nn.init.orthogonal_(tensor)
    elif law == "normal":
        tensor.normal_(0, variances[scheme] ** 0.5)
    else:
        bound = (3 * variances[scheme]) ** 0.5
        tensor.uniform_(-bound, bound)
    tensor.mul_(said["scale"])


class Network(nn.Module):
    """Trunk and heads. Tensors are N x C x H x W everywhere.

    `shard` is what ghost batch norm normalizes over; without it, the experiment's own. 0 stands for
    the whole batch.
    """

    def __init__(self, description, shard=None):
        super().__init__()
        shard = description["memory"]["shard"] if shard is None else shard
        size = description["input"]
        shapes = {"input": [size["channels"], size["height"], size["width"]]}
        self.layers = description["layers"]
        self.calls = {}
        self.output_of = {head["name"]: head["output"] for head in description["heads"]}
        for layer in self.layers:
            path = layer["path"]
            self.calls[path] = make_layer(layer, [shapes[i] for i in layer["inputs"]], shard)
            shapes[path] = layer["output"]
            if isinstance(self.calls[path], nn.Module):
                self.place(path, self.calls[path])
        self.shapes = shapes
        self.needed = {name: self.ancestors([name]) for name in self.output_of}
        self.initialize(description["parameters"])

    def place(self, path, module):
        """Registers a layer under its path, so that parameters are named after it."""
        *parents, name = path.split(".")
        at = self
        for parent in parents:
            if parent not in at._modules:
                at.add_module(parent, nn.Module())
            at = at._modules[parent]
        at.add_module(name, module)

    def ancestors(self, heads):
        """Paths of the layers that these heads need."""
        wanted = {self.output_of[head] for head in heads}
        for layer in reversed(self.layers):
            if layer["path"] in wanted:
                wanted.update(layer["inputs"])
        return wanted

    @torch.no_grad()
    def initialize(self, parameters):
        """What the description says of each parameter, from PyTorch's generator."""
        said = {parameter["name"]: parameter for parameter in parameters}
        for name, tensor in self.named_parameters():
            draw(tensor, said[name])

    def forward(self, x, heads=None):
        """Outputs of the heads (of all, or of those named), by name."""
        heads = list(self.output_of) if heads is None else heads
        needed = set().union(*(self.needed[head] for head in heads))
        values = {"input": x}
        for layer in self.layers:
            path = layer["path"]
            if path not in needed:
                continue
            y = self.calls[path](*(values[i] for i in layer["inputs"]))
            if list(y.shape[1:]) != self.shapes[path]:
                raise ValueError(f"{path}: shape {list(y.shape[1:])}, not {self.shapes[path]} as "
                                 "the description says")
            values[path] = y
        return {head: values[self.output_of[head]] for head in heads}

    def parameters_of(self, heads):
        """Names of the trainable parameters that these heads depend on."""
        needed = self.ancestors(heads)
        return [name for name, _ in self.named_parameters() if name.rpartition(".")[0] in needed]

    def load(self, tensors):
        """Takes a checkpoint's parameters: all of them, with these names and shapes, or an error.

        Tensors of the optimizer and of the input's normalization are left aside.
        """
        self.load_state_dict({name: torch.as_tensor(value) for name, value in tensors.items()
                              if medley.is_parameter(name)}, strict=True)


def normalize(images, mean, deviation, dtype=torch.float32):
    """uint8 N x C x H x W to mean 0 and deviation 1 a channel."""
    column = (-1, 1, 1)
    mean, deviation = (torch.as_tensor(v).to(dtype).reshape(column) for v in (mean, deviation))
    return (torch.as_tensor(images).to(dtype) - mean) / deviation
