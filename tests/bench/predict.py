"""Times what a trained network is used for, beside ONNX Runtime on the exported model and PyTorch.

    predict.py --binary-dir DIR [--onnx-python PYTHON] [--torch-python PYTHON] [--out FILE.csv]
               [--experiments NAME...] [--threads 1 2] [--seconds 0.5] [--rounds 3]

For each network and number of threads:

    evaluate  `eval` over a split of a data set, losses and metrics included, without the intervals
    eval      the same with them, which are a bootstrap of a thousand samples
    predict   `predict` of the same records to CSV
    pipe      pictures one by one: a name goes into `predict --stream`, and the next one after its answer

beside a Python loop that gets the same records 32 at a time from memory, or the same pictures' names through
a pipe and reads them with Pillow. Of a split of a data set, what the command takes for a split of few records
is subtracted, so that starting does not count; the peers have started long before. One thread is timed by
processor time, which other programs hardly disturb, more by the clock.

All of a round follows one upon the other; ratios are of rounds, their median, least and largest. Prints a
table, which is written as CSV too. Exit code 0; 1 if a measurement failed.
"""

import argparse
import os
import pathlib
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
from run import describe, print_columns, processor, write_random_data, write_rows

HERE = pathlib.Path(__file__).resolve().parent
EXPERIMENTS = ("lenet", "clothing", "garments", "resnet")
BATCH, FEW, PICTURES = 32, 32, 64
WIDTHS = (10, 9, 7, 6, 10, 15, 12, 11, 6, 6, 7, 11, 6, 6, 7)


def parse_arguments():
    parser = argparse.ArgumentParser(usage=__doc__, add_help=True)
    parser.add_argument("--binary-dir", type=pathlib.Path, required=True)
    parser.add_argument("--onnx-python", default=sys.executable)
    parser.add_argument("--torch-python", default=sys.executable)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--experiments", nargs="+", default=list(EXPERIMENTS))
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--seconds", type=float, default=0.5, help="of a measurement, about")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


class Asked:
    """A process that answers lines with lines, as fast as it can."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True, bufsize=1)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        return self.answer()

    def answer(self):
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{' '.join(map(str, self.process.args))}: ended without an answer")
        return answer.strip()

    def processor_seconds(self):
        """Of all its threads so far."""
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) * 1e-9

    def time_pictures(self, names):
        """Processor and clock seconds that one takes; the first few are not counted."""
        for name in names[:8]:
            self.ask(name)
        before, started = self.processor_seconds(), time.perf_counter()
        for name in names:
            self.ask(name)
        return np.array([self.processor_seconds() - before, time.perf_counter() - started]) / len(names)

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def peer_or_none(arguments):
    """A peer that answers, or nothing where its packages are not installed."""
    try:
        peer = Asked(arguments)
        peer.version = peer.ask("version")
        return peer
    except (OSError, RuntimeError):
        return None


def time_command(command):
    """Processor and clock seconds of a command."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    elapsed, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return np.array([after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, elapsed])


class Network:
    """An experiment with some noise to learn from, and the files that its peers read."""

    def __init__(self, options, name, work):
        self.binary = (options.binary_dir / f"medley-{name}").resolve()
        self.name, self.folder = name, work / name
        self.description = describe(self.binary)
        flops = sum(layer["flops"] for layer in self.description["layers"])
        self.records = int(np.clip(options.seconds * 5e10 / flops, 256, 65536)) // BATCH * BATCH
        self.data = self.folder / "data"
        write_random_data(self.data, self.description, self.records + FEW)
        split = np.zeros(self.records + FEW, np.uint8)
        split[self.records:] = 1
        np.save(self.data / "split.npy", split)
        np.save(self.folder / "images.npy", np.load(self.data / "images.npy")[:self.records])
        self.run = self.folder / "run"
        self.medley("train", "--data", self.data, "--out", self.run, "--steps", 2, "--quiet")
        self.model = self.folder / "model.onnx"
        self.medley("export", "--checkpoint", self.run, "--onnx", self.model)

    def command(self, *arguments):
        return [str(self.binary), *map(str, arguments)]

    def medley(self, *arguments):
        subprocess.run(self.command(*arguments), check=True, stdout=subprocess.DEVNULL)

    def time_split(self, threads, what, *more):
        """Seconds a record of a command over a split."""
        base = self.command(what, "--checkpoint", self.run, "--data", self.data, "--threads", threads, *more)
        few = time_command([*base, "--split", "validation"])
        return (time_command([*base, "--split", "train"]) - few) / (self.records - FEW)

    def classes_target(self):
        """One that has a confusion matrix: with it `eval` computes no intervals."""
        return next(t["name"] for t in self.description["targets"] if t["kind"] != "values")

    def stream(self, threads):
        asked = Asked(self.command("predict", "--checkpoint", self.run, "--threads", threads, "--stream"))
        asked.answer()  # the names of columns
        return asked


def measure(network, threads, peers, rounds):
    """{what: {who: [seconds a record, one a round]}} of this network."""
    column = 0 if threads == 1 else 1
    found = {what: {} for what in ("evaluate", "eval", "predict", "pipe")}

    def add(what, who, seconds):
        found[what].setdefault(who, []).append(float(seconds[column]))

    names = [str(network.folder / f"{i}.jpg") for i in range(PICTURES)] * 8
    stream = network.stream(threads)
    for _ in range(rounds):
        add("evaluate", "medley", network.time_split(threads, "eval", "--confusion", network.classes_target()))
        add("predict", "medley", network.time_split(threads, "predict"))
        add("eval", "medley", network.time_split(threads, "eval"))
        for who, peer in peers.items():
            seconds = np.array(peer.ask(f"images {network.folder / 'images.npy'} {BATCH}").split(), float)
            for what in ("evaluate", "eval", "predict"):
                add(what, who, seconds / network.records)
        for who, asked in {"medley": stream, **peers}.items():
            add("pipe", who, asked.time_pictures(names))
    stream.end()
    return found


def rows(network, threads, found, peers):
    for what, seconds in found.items():
        ours = seconds["medley"]
        row = {"network": network.name, "what": what, "threads": threads, "batch": 1 if what == "pipe" else BATCH,
               "timed_by": "processor" if threads == 1 else "clock",
               "medley_us": round(statistics.median(ours) * 1e6, 1)}
        for who in peers:
            ratios = [their / our for our, their in zip(ours, seconds[who])]
            row |= {f"{who}_us": round(statistics.median(seconds[who]) * 1e6, 1),
                    f"{who}_ratio": f"{statistics.median(ratios):.2f}",
                    f"{who}_least": f"{min(ratios):.2f}", f"{who}_most": f"{max(ratios):.2f}"}
        yield row


def start_peers(options, network, threads):
    script = HERE / "predict_peer.py"
    checkpoint = (network.run / "last").resolve()
    peers = {"onnx": peer_or_none([options.onnx_python, script, "onnx", network.model, str(threads)]),
             "torch": peer_or_none([options.torch_python, script, "torch", network.binary, checkpoint, str(threads)])}
    return {who: peer for who, peer in peers.items() if peer}


def main():
    options = parse_arguments()
    print(f"# {processor()}, {os.cpu_count()} processors, {platform.system()} {platform.release()}")
    table = []
    with tempfile.TemporaryDirectory() as work:
        for name in options.experiments:
            network = Network(options, name, pathlib.Path(work))
            for threads in options.threads:
                peers = start_peers(options, network, threads)
                if not peers:
                    print("neither ONNX Runtime (make peer-packages) nor PyTorch (TORCH_PYTHON) is there")
                    return 1
                if not table:
                    print("# " + ", ".join(peer.version for peer in peers.values()))
                next(iter(peers.values())).ask(f"pictures {network.folder} {PICTURES}")
                for row in rows(network, threads, measure(network, threads, peers, options.rounds), peers):
                    if not table:
                        print_columns(row, WIDTHS)
                    table.append(row)
                    print_columns(row.values(), WIDTHS)
                for peer in peers.values():
                    peer.end()
    if options.out:
        write_rows(options.out, table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
