"""The same bits everywhere: threads, instruction sets, and what an independent training computed."""

import json
import os
import subprocess
import sys

import data
from harness import ROOT, Failed, Skipped, contents, every_mix, require, same_contents, shorter

THREADS = (1, 2, 3, 5, 8)
MODES = ("joint", "simultaneous", "alternating")
# Augmentation, dropout and shuffling on; 43 of 100 records a batch, the last of 14; everything logged.
RECIPE = ("--epochs", 3, "--batch-size", 43, "--log-every", 1, "--gradients-every", 2,
          "--checkpoint-every", 2, "--keep", 100)


# A few steps, of which the last begin a third epoch, for every mix.
SHORT = ("--steps", 10, "--batch-size", 43, "--log-every", 1, "--gradients-every", 3, "--checkpoint-every", 5,
         "--keep", 9)


def _instruction_sets(bench, experiment):
    """Those of the binary that this processor has."""
    refusal = bench.run(experiment, "train", "--data", bench.work, "--out", bench.work / "none", "--isa",
                        "none").expect(2, "instruction set").stderr
    names = refusal.split("has:")[1].replace(" (not on this processor)", "-").split()
    return [name for name in names if not name.endswith("-")]


def _train(bench, experiment, folder, *options, **how):
    out = bench.folder(folder) / "run"
    bench.run(experiment, "train", "--data", _data(bench, experiment), "--out", out, *RECIPE, *options,
              **how).expect(0)
    return contents(out)


def _data(bench, experiment):
    return (bench.once("everything-data", data.everything) if experiment == "everything" else
            bench.once("digits-data", data.digits))


def _mixed(bench, mix, *options):
    """What a short training with this mix leaves."""
    out = bench.folder("mixes") / "run"
    bench.run("lenet", "train", "--data", bench.once("few-digits", data.few_digits), "--out", out, *SHORT,
              "--mix", mix, *options).expect(0)
    return contents(out)


def any_number_of_threads_gives_the_same_bytes(bench):
    for experiment, *options in (("everything",), *(("lenet", "--steps-mode", mode) for mode in MODES)):
        expected = _train(bench, experiment, "threads", *options, "--threads", 1)
        require(len(expected) > 8, f"{experiment}: only {len(expected)} files to compare")
        for threads in THREADS[1:]:
            same_contents(expected, _train(bench, experiment, "threads", *options, "--threads", threads),
                          f"{experiment} {' '.join(options)} with {threads} threads")
    return (f"everything, and lenet in {len(MODES)} step modes: logs, metrics, confusions and "
            f"{_checkpoints(expected)} or more checkpoints of {len(THREADS)} runs each")


def any_number_of_threads_gives_the_same_bytes_with_every_mix(bench):
    mixes, logs = every_mix(bench, "lenet"), set()
    for mix in mixes:
        expected = _mixed(bench, mix, "--threads", 1)
        logs.add(expected["losses.csv"])
        for threads in (3,) if bench.quick else THREADS[1:]:
            same_contents(expected, _mixed(bench, mix, "--threads", threads), f"{mix} with {threads} threads")
    # (Some are the same for two losses, or without conflicts.)
    require(len(logs) > len(mixes) / 2, f"{len(mixes)} mixes have {len(logs)} different logs only")
    return f"{len(mixes)} mixes and what goes with them, {2 if bench.quick else len(THREADS)} runs each"


def any_number_of_threads_gives_the_same_bytes_for_every_experiment_that_is_built(bench):
    """Two epochs over noise, of 49 records in batches of 20."""
    names = sorted(path.name[len("medley-"):] for path in bench.binaries.glob("medley-*"))
    for name in names:
        folder = bench.folder("noise")
        (folder / "data").mkdir()
        data.noise(folder / "data", json.loads(bench.run(name, "info", "--json").expect(0).stdout))
        runs = {}
        for threads in THREADS:
            out = folder / f"run-{threads}"
            bench.run(name, "train", "--data", folder / "data", "--out", out, "--epochs", 2,
                      "--batch-size", 20, "--log-every", 1, "--threads", threads).expect(0)
            runs[threads] = contents(out)
            same_contents(runs[1], runs[threads], f"{name} with {threads} threads")
    return f"{', '.join(names)}: {len(THREADS)} runs each"


def _checkpoints(files):
    return sum(name.startswith("checkpoints/") for name in files)


def every_instruction_set_gives_the_same_bytes(bench):
    names = _instruction_sets(bench, "everything")
    require(names, "the binary names no instruction set")
    if len(names) < 2:
        raise Skipped(f"binary and processor have {names[0]} alone in common")
    for experiment in ("everything", "lenet"):
        expected = _train(bench, experiment, "isa", "--threads", 2, "--isa", names[0])
        for name in names[1:]:
            for threads in (1, 3):
                same_contents(expected,
                              _train(bench, experiment, "isa", "--threads", threads, "--isa", name),
                              f"{experiment} with {name}")
            same_contents(expected,
                          _train(bench, experiment, "isa", environment={"MEDLEY_ISA": name}),
                          f"{experiment} with MEDLEY_ISA={name}")
    return f"{' and '.join(names)}, by option and by environment, {len(names) * 3 - 2} runs each"


def every_instruction_set_gives_the_same_bytes_with_every_mix(bench):
    names = _instruction_sets(bench, "lenet")
    if len(names) < 2:
        raise Skipped(f"binary and processor have {names[0]} alone in common")
    mixes = every_mix(bench, "lenet")
    for mix in mixes:
        expected = _mixed(bench, mix, "--isa", names[0])
        for name in names[1:]:
            same_contents(expected, _mixed(bench, mix, "--isa", name), f"{mix} with {name}")
    return f"{' and '.join(names)}, {len(mixes)} mixes and what goes with them"


def another_seed_gives_other_bytes(bench):
    """What the comparisons above would not notice if they compared nothing."""
    runs = [_train(bench, "everything", "seeds", "--seed", seed) for seed in (1, 2)]
    for name in ("losses.csv", "metrics.csv", "checkpoints/step-00000002.safetensors"):
        require(runs[0][name] != runs[1][name], f"{name} is the same with seeds 1 and 2")
    return "2 runs"


def augmentation_and_shuffling_do_something(bench):
    """The runs compared above have them on."""
    first = _train(bench, "everything", "plain")
    for option in ("--augment", "--shuffle"):
        other = _train(bench, "everything", "plain", option, "off")
        require(first["losses.csv"] != other["losses.csv"], f"{option} off changes nothing")
    return "3 runs"


def steps_agree_with_an_independent_framework(bench):
    """Golden trajectories of PyTorch, committed; losses and parameters within the tolerance."""
    tried = []
    for path in sorted((ROOT / "tests/golden").glob("*.json")):
        try:
            experiment = json.loads(path.read_text())["experiment"]
        except KeyError:  # golden values of single losses or optimizers
            continue
        binary = bench.binaries / f"medley-{experiment}"
        if not binary.exists():
            continue
        _agree("check_golden.py", binary, path)
        tried.append(path.stem)
    if not tried:
        raise Skipped("tests/golden has no trajectory of these binaries")
    return ", ".join(tried)


def trainings_with_every_mix_agree_with_an_independent_framework(bench):
    """Losses and weights of every step beside the mixes' formulas, applied to gradients of PyTorch."""
    binary, path = bench.binaries / "medley-three-losses", ROOT / "tests/golden/mixes_training.json"
    if not binary.exists():
        raise Skipped("no medley-three-losses in the folder")
    runs = [(mix, training["steps"]) for training in json.loads(path.read_text())["trainings"]
            for mix in training["mixes"]]
    described = json.loads(bench.run("three-losses", "info", "--json").expect(0).stdout)
    untried = {mix["type"] for mix in described["mixes"]} - {mix.partition(":")[0] for mix, _ in runs}
    require(not untried, f"no training with {', '.join(sorted(untried))}")
    for option in described["with_any_mix"]:
        require(any(f"{option}=" in mix for mix, _ in runs), f"no training with {option}")
    _agree("check_mixes.py", binary, path)
    return (f"{len(runs)} trainings with {len(described['mixes'])} mixes, "
            f"{min(n for _, n in runs)} steps or more each")


def _agree(script, binary, golden):
    """A comparison of the oracle's, in a process of its own."""
    command = [sys.executable, ROOT / "tests/oracle" / script, "--binary", binary, "--golden", golden]
    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    if done.returncode != 0:
        raise Failed(f"{shorter(command)}: {done.stdout}{done.stderr}")
