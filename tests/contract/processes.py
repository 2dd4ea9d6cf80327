"""Many processes over MPI: the bytes of one, whatever is trained and however many there are."""

import json
import os
import re
import signal

import data
import numpy as np
from harness import Skipped, contents, every_mix, require, same_contents
from launching import (SHORT, begin, dataset, end, kinds, launch, processes, rows, train, train_together,
                       wait_for_a_row)

COUNTS = (1, 2, 3, 4, 5, 8)
# Augmentation, dropout and shuffling on; batches of 43 of 100 records, the last of 14; everything logged.
EVERYTHING = ("--epochs", 2, "--batch-size", 43, "--log-every", 1, "--gradients-every", 2, "--diagnose", 3,
              "--lookahead", "on", "--checkpoint-every", 2, "--keep", 100)
MODES = ("joint", "simultaneous", "alternating")
# A combination of gradients, of their outputs' gradients; weights from values, from a look ahead, from norms.
MIXES = ("upgrad", "famo", "auto_lambda", "gradnorm", "mgda:gradients=output", "constrained:limit.digit=0.5")


def _compare(bench, experiment, counts, what, *options, kind="openmpi"):
    expected = train(bench, experiment, "one", *options)
    for count in counts:
        same_contents(expected, train_together(bench, experiment, count, "many", *options, kind=kind),
                      f"{experiment}, {what}, with {count} processes")
    return expected


def any_number_of_processes_gives_the_bytes_of_one(bench):
    """Checkpoints, logs, metrics, diagnostics, confusions of `everything`, with every MPI."""
    found = kinds(bench, "everything")
    for kind in found:
        counts = COUNTS if not bench.quick else (2, 3) if kind == found[0] else (3,)
        files = _compare(bench, "everything", counts, kind, "--data", dataset(bench, "everything"), *EVERYTHING,
                         kind=kind)
        for name in ("losses.csv", "metrics.csv", "test.csv", "diagnostics.csv"):
            require(name in files, f"no {name}")
    return f"{' and '.join(found)}: {', '.join(map(str, counts))} processes, {len(files)} files each"


def processes_of_other_instruction_sets_give_the_same_bytes(bench):
    kinds(bench, "everything")
    said = bench.run("everything", "train", "--data", bench.work, "--out", bench.work / "none", "--isa", "none").stderr
    if "avx2" not in said or re.search(r"(avx512|avx2) \(not", said) or "avx512" not in said:
        raise Skipped("AVX2 and AVX-512 are not both in this binary and processor")
    options = ("--data", dataset(bench, "everything"), *SHORT)
    expected = train(bench, "everything", "one", *options)
    run = bench.folder("many") / "run"
    arguments = ("train", "--out", run, *options)
    launch(bench, "everything", [(1, (*arguments, "--isa", "avx512")), (1, arguments, {"MEDLEY_ISA": "avx2"}),
                                 (1, (*arguments, "--isa=avx2", "--threads", 2))]).expect(0)
    same_contents(expected, contents(run), "AVX-512 and AVX2 together")
    return "AVX-512, AVX2 by environment and AVX2 by option in one run"


def every_step_mode_and_mix_gives_the_bytes_of_one(bench):
    kinds(bench, "lenet")
    mixes = MIXES if bench.quick else every_mix(bench, "lenet")
    ways = [(MODES[i % 3], mix) for i, mix in enumerate(mixes)] if bench.quick else [
        (mode, mix) for mode in MODES for mix in (mixes if mode == "joint" else MIXES)]
    logs = set()
    for i, (mode, mix) in enumerate(ways):
        if mode != "joint":  # in a group of one loss there are no limits of another's
            mix = mix.partition(":limit")[0]
        files = _compare(bench, "lenet", (2 + i % 2,) if bench.quick else (2, 5), f"{mode}, {mix}", "--data",
                         dataset(bench, "lenet"), *SHORT, "--steps-mode", mode, "--mix", mix)
        logs.add(files["losses.csv"])
    require(len(logs) > len(ways) / 3, f"{len(ways)} ways have {len(logs)} different logs only")
    return f"{len(ways)} ways, with {'2 or 3' if bench.quick else '2 and 5'} processes"


def _weighted(folder):
    data.few_digits(folder)
    count = len(np.load(folder / "split.npy"))
    np.save(folder / "weight.npy", (np.arange(count) % 4 * 0.5).astype(np.float32))


def what_goes_with_a_training_gives_the_bytes_of_one(bench):
    """Weights, norms, parts, folds, how it ends: all of it at once, then each for itself in the long test."""
    kinds(bench, "lenet")
    ways = {"weights": ("--weight", "side=2"), "clipped": ("--clip", 0.05), "frozen": ("--freeze", "trunk.0:1"),
            "rates": ("--lr-scale", "side=3"), "fold": ("--fold", "2/3"), "best": ("--best", "train.digit.accuracy"),
            "patience": ("--patience", 1, "--validate-every", 1, "--lr", 0.05, "--schedule", "constant"),
            "large batch": ("--batch-size", 4096), "small batch": ("--batch-size", 3)}
    together = [o for name in ("weights", "clipped", "frozen", "rates", "fold", "best") for o in ways[name]]
    chosen = {"all together": together, "patience": ways["patience"], "small batch": ways["small batch"]}
    weighted = bench.once("weighted-digits", _weighted)
    for name, options in (chosen if bench.quick else chosen | ways).items():
        base = [o for pair in zip(SHORT[::2], SHORT[1::2]) if pair[0] not in options for o in pair]
        if name == "patience":
            base[base.index("--steps") + 1] = 200
        files = _compare(bench, "lenet", bench.count((3,), (2, 3, 5)), name, "--data", weighted, *base, *options)
        rows = files["losses.csv"].count(b"\n")
        require(name != "patience" or rows < 150, f"patience: {rows} rows, it never ended early")
    return f"{len(chosen) if bench.quick else len(chosen | ways)} ways, with weights of records"


def records_that_are_drawn_and_gradients_in_factors_are_shared_out(bench):
    """An experiment's own records; dense layers whose gradients are added up from factors."""
    tried = []
    for experiment, options in (("drawn", ("--steps", 12)),
                                ("clothing", ("--steps", 3, "--batch-size", 20, "--log-every", 1))):
        try:
            kinds(bench, experiment)
        except Skipped:
            continue
        if experiment == "clothing":
            def noise(folder):
                data.noise(folder, json.loads(bench.run("clothing", "info", "--json").expect(0).stdout))

            options = ("--data", bench.once("clothing-noise", noise), *options)
        _compare(bench, experiment, bench.count((3,), (2, 3, 5, 8)), "", *options)
        tried.append(experiment)
    if not tried:
        raise Skipped("neither drawn nor clothing is built for MPI")
    return ", ".join(tried)


def checkpoints_do_not_depend_on_how_many_wrote_them(bench):
    """Begun with four, stopped, gone on with others, and at the end with one of the plain binary."""
    kinds(bench, "everything")
    options = ("--data", dataset(bench, "everything"), "--steps", bench.count(24, 120), *SHORT[2:], "--mix",
               "shapes=upgrad", "--mix", "labels=gradvac", "--threads", 1)
    expected = train(bench, "everything", "one", *options)
    run = bench.folder("gone-on") / "run"
    counts = bench.count((4, 3), (4, 3, 1, 8, 2))
    for i, count in enumerate(counts):
        launcher = begin(bench, "everything", [(count, ("train", "--out", run, *(("--resume",) if i else options)))])
        wait_for_a_row(launcher, run, rows(run) + 4)
        os.kill(processes(launcher)[0], signal.SIGTERM)
        end(launcher).expect(143, "stopped after step", *(("resuming after step",) if i else ()))
    bench.run("everything", "train", "--out", run, "--resume").expect(0, "resuming after step")
    same_contents(expected, contents(run), f"by {counts} processes and the plain binary")
    return f"{', '.join(map(str, counts))} and the plain binary"


def _same_output(bench, experiment, counts, arguments, *, folder=None, stdin=None):
    """stdout, and the files of a folder that the arguments name by {}, of the plain binary and of processes."""
    def outcome(run):
        place = bench.folder("output")
        done = run([str(a).replace("{}", str(place)) for a in arguments])
        done.expect(0)
        return done.stdout.replace(str(place), "{}"), contents(place)

    text, files = outcome(lambda a: bench.run(experiment, *a))
    require(text or files, f"{arguments}: nothing to compare")
    for count in counts:
        found, found_files = outcome(lambda a: launch(bench, experiment, count, *a, "--threads", 1))
        require(found == text, f"{arguments[0]} with {count} processes: {found[:300]!r}, not {text[:300]!r}")
        same_contents(files, found_files, f"{arguments[0]} with {count} processes")


def evaluation_and_prediction_say_what_one_process_says(bench):
    kinds(bench, "everything")
    records = dataset(bench, "everything")

    def make(folder):
        bench.run("everything", "train", "--data", records, "--out", folder / "run", *SHORT).expect(0)
        data.pictures(folder, 5)

    folder = bench.once("trained-everything", make)
    run, pictures = folder / "run", sorted(folder.glob("*.png"))
    model = ("--checkpoint", run)
    commands = [("eval", *model, "--data", records, "--split", "train", "--split", "test", "--confusion-dir", "{}"),
                ("predict", *model, "--data", records, "--split", "all", "--outputs", "--probabilities", "--format",
                 "npy", "--features", "--out", "{}"),
                ("predict", *model, *pictures, "--tile", "--masks", "{}")]
    if not bench.quick:
        commands += [("predict", *model, "--data", records, "--top", 3),
                     ("predict", *model, "--data", records, "--format", "jsonl", "--features", "--layer", "trunk.2"),
                     ("eval", *model, "--data", records, "--confusion", "kind"),
                     ("predict", *model, pictures[0], "--masks", "{}", "--mask-size", "own"),
                     ("verify", run), ("report", run, "--out", "{}/page.html")]
    for arguments in commands:
        _same_output(bench, "everything", bench.count((3,), (1, 2, 3, 5, 8)), arguments)
    return f"{len(commands)} commands"


def processes_do_not_allocate_while_they_train(bench):
    """From the second step's end to the last checkpoint, in each process; what MPI's libraries do is theirs."""
    found = kinds(bench, "everything")
    folder = bench.folder("allocations")
    for kind in found[:bench.count(1, 2)]:
        report = folder / f"report-{kind}"
        stage = folder / f"stage-{kind}"
        stage.write_bytes(bytes(4096))
        trap = {"LD_PRELOAD": str(bench.library("allocation_trap")), "ALLOCATION_TRAP_SHARED": str(stage),
                "ALLOCATION_TRAP_LAST": "step-00000009.safetensors", "ALLOCATION_TRAP_REPORT": str(report)}
        arguments = ("train", "--data", dataset(bench, "everything"), "--out", folder / f"run-{kind}", "--steps", 9,
                     "--batch-size", 43, "--checkpoint-every", 1, "--keep", 2, "--log-every", 1, "--gradients-every", 2,
                     "--diagnose", 3)
        launch(bench, "everything", [(2, (*arguments, "--threads", 1), trap), (1, (*arguments, "--threads", 2), trap)],
               kind=kind).expect(0)
        reports = list(folder.glob(f"{report.name}.*"))
        require(len(reports) == 3, f"{kind}: {len(reports)} processes saw the last checkpoint")
        for path in reports:
            lines = path.read_text().splitlines()
            require(lines[0] == "allocations 0", f"{kind}: {lines[0]}, the first in {' '.join(lines[2:8])}")
    return f"{' and '.join(found[:bench.count(1, 2)])}, 3 processes, 9 steps"
