"""Times training steps of Medley, and of PyTorch on the same networks where it is installed.

    run.py --binary-dir DIR [--torch-python PYTHON] [--out FILE.csv] [--experiments NAME[:MODE]...]
           [--batches 32 256] [--threads 1 2] [--isa avx2] [--seconds 4] [--rounds 3]

For each network, batch size and number of threads, Medley trains on a data set of random pictures,
augmentation and all, and PyTorch steps on random tensors that lie ready, in the memory format that is
the faster one for it; one after the other and several times over, so that what disturbs the machine
disturbs both. MODE is a step mode of the experiment. One thread is timed by processor time, which other programs hardly disturb, more by the
clock. --isa avx2 holds both to AVX2.

Prints a table: images a second of both (medians), their ratio (median of the rounds' ratios, least
and largest), and the largest private memory of both (pages of mapped files aside); the table is
written as CSV too. Absolute numbers say little on a shared machine; the ratio is what to look at.
Exit code 0; 1 if a measurement of Medley failed.
"""

import argparse
import csv
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
BATCHES = {"clothing": (32, 256), "clothing:alternating": (32, 256), "garments": (32, 256),
           "lenet": (32, 64, 256), "lenet:alternating": (64, 256), "resnet": (32, 64, 256),
           "wide": (1, 8, 32, 256)}
FORMATS = ("default", "channels_last")
# How PyTorch and the oneDNN inside of it are held to an instruction set.
HELD_TO = {"avx2": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}, "avx512": {}, None: {}}


def parse_arguments():
    parser = argparse.ArgumentParser(usage=__doc__, add_help=True)
    parser.add_argument("--binary-dir", type=pathlib.Path, required=True)
    parser.add_argument("--torch-python", default=sys.executable)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--experiments", nargs="+", default=list(BATCHES))
    parser.add_argument("--batches", nargs="+", type=int)
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--isa", choices=[name for name in HELD_TO if name])
    parser.add_argument("--seconds", type=float, default=4.0, help="of a training, about")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def write_rows(path, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def describe(binary):
    return json.loads(subprocess.run([binary, "info", "--json"], check=True, capture_output=True).stdout)


def write_random_data(folder, description, records):
    """A dataset folder of noise with the targets of the experiment, all of the training split."""
    folder.mkdir(parents=True)
    draw = np.random.default_rng(1)
    shape = description["input"]
    size = (records, shape["channels"], shape["height"], shape["width"])
    np.save(folder / "images.npy", draw.integers(0, 256, size, dtype=np.uint8))
    for target in description["targets"]:
        if target["kind"] == "classes":
            values = draw.integers(0, target["size"], records, dtype=np.int32)
        elif target["kind"] == "mask":
            values = draw.integers(0, target["size"], (records, *size[2:]), dtype=np.uint8)
        else:
            values = draw.random((records, target["size"]), dtype=np.float32)
        np.save(folder / f"{target['name']}.npy", values)
    np.save(folder / "split.npy", np.zeros(records, dtype=np.uint8))


def private_peak(process):
    """Follows a process until it ends; the largest anonymous resident memory seen, in bytes."""
    peak = 0
    while process.poll() is None:
        try:
            for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
                if line.startswith("RssAnon:"):
                    peak = max(peak, int(line.split()[1]) * 1024)
        except OSError:
            break
        time.sleep(0.02)
    return peak


def follow(command, environment=None):
    """Runs a command to its end: its output, seconds of processor time and peak private memory."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        with subprocess.Popen(command, stdout=out, stderr=errors, env=environment) as process:
            before = os.times()
            memory = private_peak(process)
            process.wait()
            after = os.times()
        for file in (out, errors):
            file.seek(0)
        if process.returncode != 0:
            raise RuntimeError(f"{' '.join(map(str, command))}: {errors.read().decode()}")
        seconds = (after.children_user - before.children_user +
                   after.children_system - before.children_system)
        return out.read().decode(), seconds, memory


def time_medley(binary, mode, data, batch, threads, steps, work, isa):
    """Images a second and peak private memory. The processor time of one thread is that of the whole
    command, reading of data and writing of a checkpoint included."""
    run = work / f"run-{time.monotonic_ns()}"
    command = [binary, "train", "--data", data, "--out", run, "--batch-size", str(batch),
               "--threads", str(threads), "--steps", str(steps), "--gradients-every", "0",
               "--log-every", "1000000", *mode] + (["--isa", isa] if isa else [])
    _, processor_seconds, memory = follow(command)
    with open(run / "timing.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    records = sum(float(row["records"]) for row in rows)
    elapsed = sum(float(row["seconds"]) for row in rows)
    return records / (processor_seconds if threads == 1 else elapsed), memory


def time_torch(python, binary, mode, batch, threads, memory_format, isa):
    output, _, memory = follow(
        [python, HERE / "torch_step.py", "--binary", binary, "--batch-size", str(batch),
         "--threads", str(threads), "--repetitions", "8", "--memory-format", memory_format, *mode],
        os.environ | HELD_TO[isa])
    measured = json.loads(output)
    return batch / measured["processor_step_seconds" if threads == 1 else "step_seconds"], memory


def torch_version(python):
    done = subprocess.run([python, "-c", "import torch; print(torch.__version__)"],
                          capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith(("model name", "Model")):
            return line.split(":", 1)[1].strip()
    return "unknown processor"


def measure(arguments, name, work, peer):
    """Rows of the table for one experiment."""
    experiment, _, mode = name.partition(":")
    binary = (arguments.binary_dir / f"medley-{experiment}").resolve()
    description = describe(binary)
    # Enough records that an epoch is long beside its first step, few enough to be quick.
    flops = 3 * sum(layer["flops"] for layer in description["layers"])
    records = int(np.clip(arguments.seconds * 1e11 / flops, 512, 16384)) // 256 * 256
    data = work / f"data-{name}"
    mode = ["--steps-mode", mode] if mode else []
    write_random_data(data, description, records)
    for batch in arguments.batches or BATCHES.get(name, (32, 256)):
        for threads in arguments.threads:
            yield compare(arguments, name, (binary, mode), data, batch, threads, records, work, peer)


def compare(arguments, name, network, data, batch, threads, records, work, peer):
    """One row: both, in turn."""
    formats, ours, theirs = FORMATS, [], []
    for _ in range(arguments.rounds):
        ours.append(time_medley(*network, data, batch, threads, 2 * records // batch, work, arguments.isa))
        if peer:
            measured = {f: time_torch(arguments.torch_python, *network, batch, threads, f, arguments.isa)
                        for f in formats}
            formats = [max(measured, key=measured.get)]  # the first round chooses
            theirs.append(measured[formats[0]])
    return row(name, batch, threads, ours, theirs, formats[0])


def row(name, batch, threads, ours, theirs, memory_format):
    rate, memory = statistics.median(r for r, _ in ours), max(m for _, m in ours)
    result = {"network": name, "batch": batch, "threads": threads,
              "timed_by": "processor" if threads == 1 else "clock",
              "medley_images_per_second": round(rate), "medley_MiB": round(memory / 2**20, 1)}
    if theirs:
        peer_memory = max(m for _, m in theirs)
        ratios = [our / their for (our, _), (their, _) in zip(ours, theirs)]
        result |= {"torch_images_per_second": round(statistics.median(r for r, _ in theirs)),
                   "torch_MiB": round(peer_memory / 2**20, 1), "torch_format": memory_format,
                   "ratio": f"{statistics.median(ratios):.2f}",
                   "least_ratio": f"{min(ratios):.2f}", "largest_ratio": f"{max(ratios):.2f}",
                   "memory_ratio": f"{memory / peer_memory:.3f}"}
    return result


WIDTHS = (20, 5, 7, 9, 24, 10, 23, 9, 13, 6, 11, 13, 12)


def print_columns(values, widths):
    print(" ".join(f"{value!s:>{width}}" for value, width in zip(values, widths)), flush=True)


def main():
    arguments = parse_arguments()
    peer = torch_version(arguments.torch_python)
    print(f"# {processor()}, {os.cpu_count()} processors, {platform.system()} {platform.release()}; "
          f"instruction set: {arguments.isa or 'the best'}; peer: "
          f"{'PyTorch ' + peer if peer else 'none installed (TORCH_PYTHON names a Python that has PyTorch)'}")
    rows = []
    with tempfile.TemporaryDirectory() as work:
        for name in arguments.experiments:
            for result in measure(arguments, name, pathlib.Path(work), peer):
                if not rows:
                    print_columns(result, WIDTHS)
                rows.append(result)
                print_columns(result.values(), WIDTHS)
    if arguments.out:
        write_rows(arguments.out, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
