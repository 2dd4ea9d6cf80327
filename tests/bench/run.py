"""Times training steps of Medley, and of PyTorch on the same networks where it is installed.

    run.py --binary-dir DIR [--torch-python PYTHON] [--out FILE.csv] [--experiments NAME...]
           [--batches 32 256] [--threads 1 2] [--seconds 4]

For each network, batch size and number of threads, Medley trains on a data set of random pictures and
PyTorch steps on random tensors, one after the other and twice over, so that what disturbs the machine
disturbs both. Prints a table: images a second of both, their ratio, and the largest private memory of
both (pages of mapped data aside). The table is written as CSV too. Absolute numbers say little on a
shared machine; the ratio is what to look at. Exit code 0; 1 if a measurement of Medley failed.
"""

import argparse
import csv
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent


def parse_arguments():
    parser = argparse.ArgumentParser(usage=__doc__, add_help=True)
    parser.add_argument("--binary-dir", type=pathlib.Path, required=True)
    parser.add_argument("--torch-python", default=sys.executable)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--experiments", nargs="+", default=["garments", "clothing", "lenet"])
    parser.add_argument("--batches", nargs="+", type=int, default=[32, 256])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--seconds", type=float, default=4.0, help="of training, about")
    parser.add_argument("--rounds", type=int, default=2)
    return parser.parse_args()


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


def time_medley(binary, data, batch, threads, steps, work):
    run = work / f"run-{time.monotonic_ns()}"
    command = [binary, "train", "--data", data, "--out", run, "--batch-size", str(batch),
               "--threads", str(threads), "--steps", str(steps), "--gradients-every", "0",
               "--log-every", "1000000"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        memory = private_peak(process)
        message = process.stderr.read().decode()
    if process.returncode != 0:
        raise RuntimeError(f"{binary}: {message}")
    with open(run / "timing.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return statistics.median(float(row["records_per_second"]) for row in rows), memory


def time_torch(python, binary, batch, threads):
    done = subprocess.run(
        [python, HERE / "torch_step.py", "--binary", binary, "--batch-size", str(batch),
         "--threads", str(threads), "--repetitions", "8"], capture_output=True, text=True)
    if done.returncode != 0:
        return None
    measured = json.loads(done.stdout)
    return measured["images_per_second"], measured["peak_rss_bytes"]


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
    binary = (arguments.binary_dir / f"medley-{name}").resolve()
    description = describe(binary)
    # Enough records that an epoch is long beside its first step, few enough to be quick.
    flops = 3 * sum(layer["flops"] for layer in description["layers"])
    records = int(np.clip(arguments.seconds * 1e11 / flops, 512, 16384)) // 256 * 256
    data = work / f"data-{name}"
    write_random_data(data, description, records)
    for batch in arguments.batches:
        for threads in arguments.threads:
            steps = 2 * records // batch
            ours, theirs = [], []
            for _ in range(arguments.rounds):
                ours.append(time_medley(binary, data, batch, threads, steps, work))
                if peer:
                    theirs.append(time_torch(arguments.torch_python, binary, batch, threads))
            yield row(name, batch, threads, ours, [t for t in theirs if t])


def row(name, batch, threads, ours, theirs):
    rate = statistics.median(r for r, _ in ours)
    result = {"network": name, "batch": batch, "threads": threads, "medley_images_per_second": round(rate),
              "medley_private_MiB": round(max(m for _, m in ours) / 2**20, 1)}
    spread = (max(r for r, _ in ours) - min(r for r, _ in ours)) / rate
    result["medley_spread"] = f"{spread:.0%}"
    if theirs:
        peer_rate = statistics.median(r for r, _ in theirs)
        peer_memory = max(m for _, m in theirs)
        result |= {"torch_images_per_second": round(peer_rate), "ratio": f"{rate / peer_rate:.2f}",
                   "torch_MiB": round(peer_memory / 2**20, 1),
                   "memory_ratio": f"{max(m for _, m in ours) / peer_memory:.3f}"}
    return result


def main():
    arguments = parse_arguments()
    peer = torch_version(arguments.torch_python)
    print(f"# {processor()}, {os.cpu_count()} processors; peer: "
          f"{'PyTorch ' + peer if peer else 'none installed (TORCH_PYTHON names a Python that has PyTorch)'}")
    rows = []
    with tempfile.TemporaryDirectory() as work:
        for name in arguments.experiments:
            for result in measure(arguments, name, pathlib.Path(work), peer):
                if not rows:
                    print(",".join(result))
                rows.append(result)
                print(",".join(str(v) for v in result.values()), flush=True)
    if arguments.out:
        with open(arguments.out, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
