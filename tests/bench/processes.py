"""Times training steps of several processes beside one with as many threads, and PyTorch's
DistributedDataParallel on the same networks where it is installed.

    processes.py --binary-dir DIR --out FILE [--launcher mpirun] [--torch-python PYTHON] [--experiments NAME...]
                 [--batches 64 256] [--processes 2] [--transports shm tcp] [--rounds 3] [--seconds 5]

DIR has the binaries medley-NAME-mpi, and bench-messages. In each round, right after each other: one process of
P threads; P of one thread that MPI brings together, by shared memory and by TCP over the loopback device; P
processes of PyTorch (peer_processes.py), in the memory format that the first round finds faster. Medley trains on
a data set of random pictures, augmentation and all.

Prints a row a network and batch: steps a second of each (medians), and ratios (median, least and largest of the
rounds): of processes to threads, and to PyTorch. FILE.csv has the same; FILE.json what processes_model.py reads:
the steps' seconds, what messages take, and what a shard and the rest of a step take of a single process, with as
many of them side by side as there are processors. Exit code 0; 1 if a measurement of Medley failed.
"""

import argparse
import csv
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from run import describe, processor, torch_version, write_random_data, write_rows

HERE = pathlib.Path(__file__).resolve().parent
BATCHES = {"clothing": (64, 256), "lenet": (64, 256), "resnet": (64, 256)}
# Of those without factored gradients, which alone the model describes.
MODELLED = ("clothing", "resnet")
FORMATS = ("channels_last", "default")
TRANSPORTS = {"shm": [], "tcp": ["--mca", "pml", "ob1", "--mca", "btl", "tcp,self"]}
ENVIRONMENT = os.environ | {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
                            "OMP_NUM_THREADS": "1"}
# What is taken for a guess of how long a step takes.
FLOPS_A_SECOND = 3e11


def parse_arguments():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--binary-dir", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--launcher", default="mpirun")
    parser.add_argument("--torch-python", default=sys.executable)
    parser.add_argument("--experiments", nargs="+", default=list(BATCHES))
    parser.add_argument("--batches", nargs="+", type=int)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--transports", nargs="+", choices=list(TRANSPORTS), default=list(TRANSPORTS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="of a training, about")
    return parser.parse_args()


class Launcher:
    """How MPI starts processes."""

    def __init__(self, arguments):
        self.program, self.processes = arguments.launcher, arguments.processes
        version = subprocess.run([self.program, "--version"], capture_output=True, text=True, check=True).stdout
        is_open = "Open" in version
        self.transports = arguments.transports if is_open else ["shm"]
        self.crowded = ["--oversubscribe"] if is_open and self.processes > os.cpu_count() else []

    def command(self, transport, program):
        return [self.program, "-np", str(self.processes), *self.crowded, *TRANSPORTS[transport], *program]

    def messages(self, program, transport):
        done = subprocess.run(self.command(transport, [program]), check=True, capture_output=True, text=True,
                              env=ENVIRONMENT)
        return json.loads(done.stdout)


class Network:
    """An experiment's binary, its data, and the runs that are timed."""

    def __init__(self, arguments, name, work):
        self.name, self.work, self.seconds = name, work, arguments.seconds
        self.binary = (arguments.binary_dir / f"medley-{name}-mpi").resolve()
        self.description = describe(self.binary)
        self.flops = 3 * sum(layer["flops"] for layer in self.description["layers"])
        self.data = work / f"data-{name}"
        self.of_shards = {1: [], self.description["memory"]["slots"]: []}  # seconds of steps
        write_random_data(self.data, self.description, 2048)

    def steps(self, batch):
        return max(8, round(self.seconds * FLOPS_A_SECOND / (self.flops * batch)))

    def training(self, batch, threads):
        """A command, and the folder where the run will be."""
        out = self.work / f"run-{time.monotonic_ns()}"
        return [self.binary, "train", "--data", self.data, "--out", out, "--batch-size", str(batch), "--threads",
                str(threads), "--steps", str(self.steps(batch)), "--gradients-every", "0", "--log-every",
                "1000000"], out

    def time(self, batch, threads, launch=lambda program: program):
        return self.time_side_by_side(batch, threads, 1, launch)

    def time_side_by_side(self, batch, threads, copies, launch=lambda program: program):
        """Seconds of a step: the mean of so many trainings at once, each on processors of its own."""
        runs = [self.training(batch, threads) for _ in range(copies)]
        processors = sorted(os.sched_getaffinity(0))
        started = [subprocess.Popen(launch(command), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                    env=ENVIRONMENT,
                                    preexec_fn=(lambda i=i: os.sched_setaffinity(0, {processors[i]}))
                                    if copies > 1 else None)
                   for i, (command, _) in enumerate(runs)]
        for process, (command, _) in zip(started, runs):
            _, errors = process.communicate()
            if process.returncode != 0:
                raise RuntimeError(f"{' '.join(map(str, command))}: {errors}")
        return statistics.mean(seconds_of_a_step(out) for _, out in runs)

    def take_constants(self):
        """Times what constants() are made of: a batch of one shard, and one of a shard a slot."""
        copies = len(os.sched_getaffinity(0))
        for shards, taken in self.of_shards.items():
            taken.append(self.time_side_by_side(shards * self.description["memory"]["shard"], 1, copies))

    def constants(self):
        """What the model needs to know: seconds of a shard, and of a step beside its shards."""
        shard, slots = self.description["memory"]["shard"], self.description["memory"]["slots"]
        one, all_slots = map(statistics.median, self.of_shards.values())
        seconds = (all_slots - one) / (slots - 1)
        floats = sum(math.prod(parameter["dims"]) for parameter in self.description["parameters"])
        return {"shard": shard, "slots": slots, "floats": floats, "shard_seconds": seconds,
                "rest_seconds": max(one - seconds, 0.0)}


def seconds_of_a_step(run):
    with open(run / "timing.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return sum(float(row["seconds"]) for row in rows) / int(rows[-1]["step"])


def time_torch(python, network, batch, processes, memory_format):
    description = network.work / f"{network.name}.json"
    description.write_text(json.dumps(network.description))
    steps = max(4, network.steps(batch) // 4)
    done = subprocess.run(
        [python, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes),
         HERE / "peer_processes.py", "--description", description, "--batch-size", str(batch), "--memory-format",
         memory_format, "--repetitions", str(min(steps, 200))],
        check=True, capture_output=True, text=True, env=ENVIRONMENT)
    return json.loads(done.stdout.splitlines()[-1])["step_seconds"]


def compare(arguments, network, batch, launcher, peer):
    """Seconds of a step of each way, a list of rounds."""
    seconds, formats = {}, FORMATS
    for _ in range(arguments.rounds):
        now = {"threads": network.time(batch, arguments.processes)}
        for transport in launcher.transports:
            now[transport] = network.time(batch, 1, lambda program: launcher.command(transport, program))
        if network.name in MODELLED:
            network.take_constants()
        if peer:
            measured = {f: time_torch(arguments.torch_python, network, batch, arguments.processes, f)
                        for f in formats}
            formats = [min(measured, key=measured.get)]  # the first round chooses
            now["torch"] = measured[formats[0]]
        for way, taken in now.items():
            seconds.setdefault(way, []).append(taken)
    return seconds


def ratios(of, to):
    each = [their / our for our, their in zip(of, to)]
    return f"{statistics.median(each):.2f} ({min(each):.2f} to {max(each):.2f})"


def row(network, batch, processes, seconds):
    result = {"network": network.name, "batch": batch, "processes": processes}
    for way, taken in seconds.items():
        result[f"{way}_steps_per_second"] = f"{1 / statistics.median(taken):.2f}"
    for transport in filter(seconds.__contains__, TRANSPORTS):
        result[f"{transport}_to_threads"] = ratios(seconds[transport], seconds["threads"])
    if "torch" in seconds and "shm" in seconds:
        result["shm_to_torch"] = ratios(seconds["shm"], seconds["torch"])
    return result


def main():
    arguments = parse_arguments()
    peer = torch_version(arguments.torch_python)
    launcher = Launcher(arguments)
    print(f"# {processor()}, {os.cpu_count()} processors; peer: {'PyTorch ' + peer if peer else 'none installed'}")
    known = {"processor": processor(), "networks": {}, "cases": [],
             "messages": {t: launcher.messages((arguments.binary_dir / "bench-messages").resolve(), t)
                          for t in launcher.transports}}
    rows = []
    with tempfile.TemporaryDirectory() as work:
        for name in arguments.experiments:
            network = Network(arguments, name, pathlib.Path(work))
            for batch in arguments.batches or BATCHES[name]:
                seconds = compare(arguments, network, batch, launcher, peer)
                known["cases"] += [{"network": name, "batch": batch, "processes": arguments.processes,
                                    "transport": t, "seconds": statistics.median(seconds[t])}
                                   for t in launcher.transports]
                rows.append(row(network, batch, arguments.processes, seconds))
                print("  ".join(f"{key} {value}" for key, value in rows[-1].items()), flush=True)
            if name in MODELLED:
                known["networks"][name] = network.constants()
    columns = dict.fromkeys(key for result in rows for key in result)
    write_rows(arguments.out.with_suffix(".csv"), [{key: r.get(key, "") for key in columns} for r in rows])
    arguments.out.with_suffix(".json").write_text(json.dumps(known, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
