"""Times the same study in Medley and as PyTorch's users would write it, from the start to the table.

    study.py --binary build/g++-O2/avx512/medley-lenet --python PYTHON [--settings 12] [--seeds 3]
             [--epochs 5] [--records 8000] [--jobs 2] [--work DIR]

PYTHON is one with PyTorch, and with Optuna if that is to lead the study there. The experiment is tests/experiments/lenet.hpp on
pictures of tests/oracle/make_digits.py, half of them of the training split; the study searches the learning
rate and the weight of one loss, with validation after each epoch. PyTorch trains the settings that Medley has
tried, --jobs processes of one thread each, in two ways: with a DataLoader over a TensorDataset, as tutorials
have it, and with batches indexed from tensors that are normalized once, which is about as fast as it gets.

Prints a row a way: seconds by the clock and of processor, and ratios to Medley's. Both tell the mean validation
accuracies of the best setting, which are to be alike. Exit code 0; 1 where a command fails.
"""

import argparse
import csv
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def parse_arguments():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--binary", type=pathlib.Path, required=True)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--settings", type=int, default=12)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--records", type=int, default=8000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--work", type=pathlib.Path)
    return parser.parse_args()


def timed(command):
    """Seconds by the clock and of processor, children included, and stdout."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True, check=True,
                          env={**os.environ, "OMP_NUM_THREADS": "1"})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (time.monotonic() - start, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
            done.stdout)


def table(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def main():
    a = parse_arguments()
    work = a.work or pathlib.Path(tempfile.mkdtemp(prefix="medley-study-"))
    work.mkdir(parents=True, exist_ok=True)
    data, study = work / "data", work / "study"
    if not data.exists():
        subprocess.run([sys.executable, ROOT / "tests/oracle/make_digits.py", "--out", data, "--records",
                        str(a.records)], check=True)
    if study.exists():
        raise SystemExit(f"study.py: {study} is there already; --work names another folder")
    ours = timed([a.binary.resolve(), "tune", "--study", study, "--data", data, "--search",
                  "lr=0.0003..0.01,log", "--search", "weight.side=0.1..2,log", "--trials", a.settings,
                  "--no-default", "--seeds", a.seeds, "--epochs", a.epochs, "--batch-size", 64, "--weight",
                  "decay=0", "--objective", "digit.accuracy", "--jobs", a.jobs, "--threads", 1,
                  "--gradients-every", 0])
    settings = table(study / "settings.csv")
    best = max(settings, key=lambda row: float(row["digit.accuracy.mean"]))
    print("way,seconds,processor_seconds,ratio,processor_ratio,best_setting,best_digit_accuracy")
    print(f"medley,{ours[0]:.2f},{ours[1]:.2f},1,1,{best['setting']},{float(best['digit.accuracy.mean']):.4f}",
          flush=True)
    (work / "settings.json").write_text(json.dumps(
        [{"lr": float(row["lr"]), "side": float(row["weight.side"])} for row in settings]))
    for way in ("loader", "tensors"):
        peer = timed([a.python, ROOT / "tests/bench/peer_study.py", way, data, work / "settings.json", a.seeds,
                      a.epochs, a.jobs])
        result = json.loads(peer[2].splitlines()[-1])
        print(f"pytorch_{way}{'_optuna' if result['optuna'] else ''},{peer[0]:.2f},{peer[1]:.2f},"
              f"{peer[0] / ours[0]:.2f},{peer[1] / ours[1]:.2f},{result['best']},{result['accuracy']:.4f}",
              flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
