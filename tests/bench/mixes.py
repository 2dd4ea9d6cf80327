"""What a step of each mix costs: beside the joint step with fixed weights, and beside other libraries.

    mixes.py --binary-dir DIR [--torch-python PYTHON] [--libmtl DIR] [--out FILE.csv] [--rounds 5] [--steps 16]
             [--batch 32] [--experiments lenet clothing garments] [--mixes NAME...] [--isa avx2]

Each network has its joint steps on random pictures, with the numbers that a mix has by default; Gramian
mixes also with refresh=8 and with gradients=output. A pair is a step of the mix and one with fixed weights,
measured right after each other; the ratio is the median over the rounds, with the least and the largest. A
step's time is processor time of one thread: of a training less that of a training of one step, over the
steps in between (--steps is a multiple of 8, so that refreshes are counted as often as they come).

`at most` is the ratio that the mix should not exceed, K losses being what it mixes:

    one backward pass   1.03
    Gramian, exact      1.1 (1 + 2K) / 3: K backward passes of the trunk in place of one
    refresh=8           1.1 (1 + (2K - 2) / 24)
    gradients=output    1.45

(None for gradnorm and auto_lambda, which need K passes and more.) Beside a peer the ratio is its step's
processor time over ours, pair by pair as well: TorchJD where PYTHON has it, LibMTL where DIR is a copy of its
repository; peer_mixes.py says how they are called. Each pair is on a batch of the same size, ours with
staging and augmentation, theirs lying ready.

Prints the table and writes it as CSV. Exit code 0; 1 if a training failed.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

from mix_prices import FIXED, GRAMIAN, Bench, ratios
from run import HELD_TO, processor, write_rows

HERE = pathlib.Path(__file__).resolve().parent
PEERS = ("torchjd", "libmtl")
# Those that each has under some name; CAGrad with c=0.4.
SHARED = (FIXED, "uncertainty", "mgda", "cagrad", "upgrad", "pcgrad")
REFRESHED, OUTPUT = "refresh=8", "gradients=output"
WIDTHS = (9, 32, 14, 8, 8, 6, 7, 7, 8)


def parse_arguments():
    parser = argparse.ArgumentParser(usage=__doc__, add_help=True)
    parser.add_argument("--binary-dir", type=pathlib.Path, required=True)
    parser.add_argument("--torch-python", default=sys.executable)
    parser.add_argument("--libmtl", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--experiments", nargs="+", default=("lenet", "clothing", "garments"))
    parser.add_argument("--mixes", nargs="+", help="all that an experiment lists without it")
    parser.add_argument("--isa", choices=[name for name in HELD_TO if name])
    return parser.parse_args()


def bound(mix, losses):
    """Of the ratio to fixed weights, or None."""
    name, _, how = mix.partition(":")
    if name in ("gradnorm", "auto_lambda"):
        return None
    if name not in GRAMIAN:
        return 1.03
    return {"": 1.1 * (1 + 2 * losses) / 3, REFRESHED: 1.1 * (1 + (2 * losses - 2) / 24), OUTPUT: 1.45}[how]


def variants(description, wanted):
    """The mixes of an experiment, each as --mix takes it."""
    for name in (mix["type"] for mix in description["mixes"]):
        if name != FIXED and (not wanted or name in wanted):
            yield name
            if name in GRAMIAN:
                yield from (f"{name}:{how}" for how in (REFRESHED, OUTPUT))


class Peer:
    """Another library's steps of an experiment, each measurement in a process of its own."""

    def __init__(self, arguments, name):
        self.name = name
        self.command = [arguments.torch_python, HERE / "peer_mixes.py", "--peer", name, "--batch-size",
                        str(arguments.batch)]
        self.command += ["--libmtl", arguments.libmtl] if arguments.libmtl else []
        self.environment = os.environ | HELD_TO[arguments.isa]

    def installed(self):
        """The library's name and version, or nothing."""
        done = subprocess.run([*self.command, "--version"], capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else None

    def step_seconds(self, binary, mix):
        done = subprocess.run([*self.command, "--binary", binary, "--mix", mix], capture_output=True,
                              text=True, env=self.environment, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(map(str, self.command))} --mix {mix}: {done.stderr}")
        return float(done.stdout)


def row(experiment, mix, beside, pairs, at_most):
    """`pairs`: seconds; the ratio is of the first to the second."""
    ratio, least, largest = ratios(pairs)
    first, second = ([1e3 * seconds for seconds in side] for side in zip(*pairs))
    return {"network": experiment, "mix": mix, "beside": beside, "ms": f"{min(first):.3f}",
            "beside_ms": f"{min(second):.3f}", "ratio": f"{ratio:.2f}", "least": f"{least:.2f}",
            "largest": f"{largest:.2f}", "at_most": f"{at_most:.2f}" if at_most else ""}


def compare(arguments, experiment, peers, work):
    bench = Bench(arguments, experiment, work)
    losses = sum(not term["penalty"] for term in bench.description["terms"])
    for mix in variants(bench.description, arguments.mixes):
        yield row(experiment, mix, FIXED, bench.pairs(mix, arguments.rounds), bound(mix, losses))
    for peer in peers:
        for mix in (mix for mix in SHARED if not arguments.mixes or mix in arguments.mixes):
            for ours in [mix] + ([f"{mix}:{how}" for how in (REFRESHED, OUTPUT)] if mix in GRAMIAN else []):
                pairs = [(peer.step_seconds(bench.binary, mix), bench.step_seconds(ours))
                         for _ in range(arguments.rounds)]
                # Here the first is theirs: how many times as long it takes.
                yield row(experiment, f"{peer.name} {mix}", ours.partition(":")[2] or "ours", pairs, None)


def print_row(values):
    print(" ".join(f"{value:>{width}}" for value, width in zip(values, WIDTHS)), flush=True)


def main():
    arguments = parse_arguments()
    found = {peer: version for peer in (Peer(arguments, name) for name in PEERS)
             if (version := peer.installed())}
    print(f"# {processor()}; one thread, batch {arguments.batch}; instruction set: "
          f"{arguments.isa or 'the best'}; peers: {', '.join(found.values()) or 'none'}")
    rows = []
    with tempfile.TemporaryDirectory() as work:
        for experiment in arguments.experiments:
            for result in compare(arguments, experiment, found, pathlib.Path(work)):
                if not rows:
                    print_row(result)
                rows.append(result)
                print_row(result.values())
    if arguments.out:
        write_rows(arguments.out, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
