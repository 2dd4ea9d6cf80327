"""Times a joint step of TorchJD or of LibMTL with one of their ways to mix losses, on the network that a Medley
binary describes.

    peer_mixes.py --peer torchjd --binary build/medley-lenet --mix upgrad [--batch-size 32] [--repetitions 12]
    peer_mixes.py --peer libmtl --libmtl DIR ...        DIR holds the folder LibMTL of its repository
    peer_mixes.py --peer torchjd --version

A step is forward, losses, the peer's backward and a fused Adam, on one thread and a batch that lies ready.
Both formats of memory are tried, each in a process of its own, and the faster one counts: LibMTL flattens
gradients by `view`, which channels-last ones refuse.

    torchjd   mtl_backward(parallel_chunk_size=1), which is its fastest on a CPU, and jac_to_grad; scalarizers
              where the mix is none of gradients. Parameters and features are given, so that no graph is
              searched for them
    libmtl    the class of `LibMTL.weighting` on a model with `encoder` and `decoders`, called as its trainer
              calls it; the trainer itself runs on a GPU alone. Arguments are those of its command line by default

Penalties are added to the gradients afterwards. Prints the seconds of processor time of the median step. Exit
code 0; 1 where a library is missing or a step failed; 2 for wrong usage.
"""

import argparse
import importlib
import statistics
import subprocess
import sys
import time
import types
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "oracle"))
FORMATS = {"default": torch.contiguous_format, "channels_last": torch.channels_last}


class Network:
    """The network, its losses and a batch, shared by both peers."""

    def __init__(self, options):
        from torch_step import describe, synthetic_batch
        from torch_training import Training

        torch.manual_seed(1)
        training = Training(describe(options), shard=0, fused=True)
        memory_format = FORMATS[options.memory_format]
        self.net = training.network.to(memory_format=memory_format)
        self.rate = training.groups[0].rate
        self.losses = [term for term in training.terms.values() if not term.penalty]
        self.decayed = [(term, term.weights) for term in training.terms.values() if term.penalty]
        self.images, self.targets = synthetic_batch(describe(options), options.batch_size, memory_format)
        self.shared = [p for n, p in self.net.named_parameters() if n.startswith("trunk.")]
        self.own = [[p for n, p in self.net.named_parameters() if n.startswith(f"heads.{term.head}.")]
                    for term in self.losses]
        trunk = [layer["path"] for layer in self.net.layers if layer["path"].startswith("trunk")]
        self.net.calls[trunk[-1]].register_forward_hook(self.keep_features)
        self.net.train()

    def keep_features(self, module, inputs, output):
        self.features = output

    def forward(self):
        """The losses times their own weights."""
        outputs = self.net(self.images)
        return [term.weight * term.rule(outputs[term.head], self.targets[term.target], term.options, term.over)
                for term in self.losses]

    def add_penalties(self):
        for term, weights in self.decayed:
            torch._foreach_add_([w.grad for w in weights], [w.detach() for w in weights],
                                alpha=2 * term.weight)

    def optimizer(self, more=()):
        return torch.optim.Adam([*self.net.parameters(), *more], lr=self.rate, fused=True)


def torchjd_step(network, options):
    from torchjd import aggregation, scalarization
    from torchjd.autojac import jac_to_grad, mtl_backward

    count = len(network.losses)
    aggregators = {"mgda": aggregation.MGDA, "cagrad": lambda: aggregation.CAGrad(c=0.4),
                   "upgrad": aggregation.UPGrad, "pcgrad": aggregation.PCGrad}
    if options.mix in aggregators:
        aggregator, optimizer = aggregators[options.mix](), network.optimizer()

        def mixed(losses):
            mtl_backward(losses, features=network.features, tasks_params=network.own,
                         shared_params=network.shared, parallel_chunk_size=1)
            jac_to_grad(network.shared, aggregator)
    else:
        scalarizer = {"weighted_sum": scalarization.Sum,
                      "uncertainty": lambda: scalarization.UW(count)}[options.mix]()
        optimizer = network.optimizer(scalarizer.parameters())

        def mixed(losses):
            scalarizer(torch.stack(losses)).backward()

    def step():
        mixed(network.forward())
        network.add_penalties()
        optimizer.step()
        optimizer.zero_grad()
    return step


def libmtl_weighting(folder):
    """Its package without what __init__ imports for graphs and GPUs."""
    package = sys.modules.setdefault("LibMTL", types.ModuleType("LibMTL"))
    package.__path__ = [str(folder / "LibMTL")]
    return importlib.import_module("LibMTL.weighting")


LIBMTL = {"weighted_sum": ("EW", {}), "uncertainty": ("UW", {}), "mgda": ("MGDA", {"mgda_gn": "none"}),
          "cagrad": ("CAGrad", {"calpha": 0.4, "rescale": 1}), "pcgrad": ("PCGrad", {}),
          "upgrad": ("UPGrad", {"UPGrad_norm_eps": 1e-4, "UPGrad_reg_eps": 1e-4})}


def libmtl_step(network, options):
    name, arguments = LIBMTL[options.mix]

    class Model(getattr(libmtl_weighting(options.libmtl), name)):
        """What a weighting asks of the model that it is a base of."""

        def __init__(self):
            super().__init__()
            self.task_num, self.device, self.rep_grad = len(network.losses), torch.device("cpu"), False
            self.init_param()

        def get_share_params(self):
            return iter(network.shared)

        def zero_grad_share_params(self):
            for parameter in network.shared:
                parameter.grad.zero_()

    model = Model()
    optimizer = network.optimizer(model.parameters())

    def step():
        losses = torch.zeros(model.task_num)
        for k, loss in enumerate(network.forward()):
            losses[k] = loss
        optimizer.zero_grad(set_to_none=False)
        model.backward(losses, **arguments)
        network.add_penalties()
        optimizer.step()
    return step


STEPS = {"torchjd": torchjd_step, "libmtl": libmtl_step}


def measure(options):
    torch.set_num_threads(1)
    step = STEPS[options.peer](Network(options), options)
    seconds = []
    for index in range(options.warm_up + options.repetitions):
        started = time.process_time()
        step()
        if index >= options.warm_up:
            seconds.append(time.process_time() - started)
    return statistics.median(seconds)


def measure_each():
    """The faster format."""
    fastest, said = None, ""
    for name in FORMATS:
        done = subprocess.run([sys.executable, __file__, *sys.argv[1:], "--memory-format", name],
                              capture_output=True, text=True, check=False)
        said += done.stderr
        if done.returncode == 0:
            fastest = min(float(done.stdout), fastest or float("inf"))
    if fastest is None:
        sys.stderr.write(said)
    return fastest


def version(options):
    if options.peer == "libmtl":
        if not options.libmtl:
            return None
        libmtl_weighting(options.libmtl)
        return "LibMTL"
    from importlib.metadata import version as installed
    return f"TorchJD {installed('torchjd')}"


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", choices=list(STEPS), required=True)
    parser.add_argument("--libmtl", type=Path)
    parser.add_argument("--binary")
    parser.add_argument("--mix", choices=list(LIBMTL), default="weighted_sum")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--warm-up", type=int, default=3, help="steps before the measured ones")
    parser.add_argument("--repetitions", type=int, default=12)
    parser.add_argument("--memory-format", choices=(*FORMATS, "both"), default="both")
    parser.add_argument("--version", action="store_true")
    options = parser.parse_args()
    if options.version:
        print(version(options) or sys.exit(1))
        return 0
    if not options.binary:
        parser.error("--binary is needed")
    options.description, options.steps_mode = None, None
    result = measure_each() if options.memory_format == "both" else measure(options)
    if result is None:
        return 1
    print(result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
