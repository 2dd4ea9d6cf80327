"""A study: what it answers, and that it is the same study however often and by how many it is gone on with."""

import csv
import random
import shutil
import signal
import subprocess
import time

import data
from harness import contents, file_size, require, same_contents, wait_until

# Of small trainings; what is best is beyond doubt, and the largest rate diverges.
SEARCH = ("--search", "lr=0.000001,0.002,1e29", "--seeds", 2, "--epochs", 3, "--batch-size", 50,
          "--objective", "digit.accuracy", "--no-default", "--method", "grid")
# Two of three go on from the first rung, and one from the second.
HALVING = ("--search", "lr=1e-5..1e-1,log", "--search", "mix=weighted_sum|upgrad:length=match", "--trials", 4,
           "--seeds", 2, "--epochs", 4, "--halving", 2, "--schedule", "cosine", "--batch-size", 50, "--objective",
           "digit.accuracy", "--objective", "side.accuracy", "--threads", 1)
ANSWERS = ("study.ini", "trials.csv", "settings.csv", "answer.txt", "chosen.ini")


def _digits(bench):
    return bench.once("digits-data", data.digits)


def _tune(bench, study, *options, **how):
    return bench.run("lenet", "tune", "--study", study, *options, **how)


def _table(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _answers(study):
    return {name: (study / name).read_bytes() for name in ANSWERS}


def a_study_tells_the_best_setting_and_one_that_diverges_is_a_row(bench):
    folder = bench.folder("study")
    study = folder / "study"
    done = _tune(bench, study, "--data", _digits(bench), *SEARCH).expect(0, "Chosen: setting 1 (lr 0.002)")
    rows = _table(study / "trials.csv")
    require([row["status"] for row in rows] == ["complete"] * 4 + ["diverged"] * 2, f"trials: {rows}")
    require([(row["trial"], row["seed"]) for row in rows] ==
            [(str(n), str(n % 2 + 1)) for n in range(6)], "trials.csv is not in order")
    settings = _table(study / "settings.csv")
    require([row["chosen"] for row in settings] == ["0", "1", "0"], f"settings: {settings}")
    values = [float(row["digit.accuracy"]) for row in rows[2:4]]
    require(float(settings[1]["digit.accuracy.mean"]) == sum(values) / 2, "the mean is another")
    require(list(csv.DictReader(done.stdout.splitlines())) == settings[1:2], "stdout has other rows")
    require("2 trainings diverged" in (study / "answer.txt").read_text(), "answer.txt tells of no divergence")
    # What was chosen can be trained again, to the same figures, and a trial is a run like any other.
    bench.run("lenet", "train", "--config", study / "chosen.ini", "--test", "off", "--keep", 1, "--out",
              folder / "again").expect(0)
    same_contents(contents(study / "runs/2"), {name: text for name, text in contents(folder / "again").items()
                                               if not name.startswith("confusion-")}, "trained again")
    require("test" not in {row["split"] for row in _table(study / "runs/2/metrics.csv")},
            "the test split was measured")
    status = _tune(bench, study, "--status").expect(0, "6 of 6 trainings")
    require(list(csv.DictReader(status.stdout.splitlines())) == settings, "--status has another table")
    before = _answers(study)
    _tune(bench, study, "--data", _digits(bench), *SEARCH, "--halving", 2).expect(
        2, "is a study with other options: it does not have 'halving = 2,1'")
    _tune(bench, study, "--jobs", 2).expect(0)
    require(_answers(study) == before, "asked again, it answers otherwise")
    return "6 trainings"


def wrong_studies_are_refused_before_anything_is_made(bench):
    study = bench.folder("wrong") / "study"
    wrong = {("--search", "lr=2..1"): "the range ends where it begins",
             ("--search", "rate=1,2"): "unrecognised option '--rate'",
             ("--search", "mix=weighted_sum,upgrade"): "--search mix: --mix",
             ("--search", "weight.side=1,2", "--objective", "total"): "totals are sums with different weights",
             ("--search", "lr=1,2", "--objective", "colour.accuracy"): "there is no 'colour.accuracy'",
             ("--search", "epochs=1..4", "--halving", "2"): "but epochs is searched",
             ("--search", "lr=1,2", "--lr-scale", "roof=1"): "roof",
             ("--search", "lr=1,2", "--out", "x"): "--out belongs to a trial",
             ("--search", "epochs=1,2", "--epochs", "3"): "is given for all trials, and searched",
             ("--search", "lr=1,2", "--method", "grid", "--trials", "4"): "--trials: a grid has all its points"}
    for options, text in wrong.items():
        _tune(bench, study, "--data", _digits(bench), *options).expect(2, text)
    _tune(bench, study, "--search", "lr=1,2").expect(2, "has no data of its own")
    _tune(bench, study, "--data", study / "none", "--search", "lr=1,2").expect(4)
    _tune(bench, study).expect(2, "there is no study")
    require(not study.exists(), "a folder was made")
    return f"{len(wrong) + 3} commands"


def killed_at_random_many_processes_make_the_same_study_as_one(bench):
    """Four at a time, each ended by SIGKILL after a while of its own, until one ends by itself."""
    folder = bench.folder("killed")
    alone, study = folder / "alone", folder / "many"
    options = ("--data", _digits(bench), *HALVING)
    _tune(bench, alone, *options).expect(0)
    expected, chance = _answers(alone), random.Random(3)
    wanted, kills, studies = bench.count(4, 25), 0, 0
    while kills < wanted:
        shutil.rmtree(study, ignore_errors=True)
        studies += 1
        while not (study / "answer.txt").exists():
            kills += _side_by_side(bench, study, options, chance if kills < wanted else None)
        for name, text in _answers(study).items():
            require(text == expected[name], f"after {kills} kills {name} is another")
        require(not (study / "log.txt").exists(), "trials failed")
        for trial in sorted((alone / "runs").iterdir()):
            same_contents(contents(trial), contents(study / "runs" / trial.name), f"trial {trial.name}")
    return f"{kills} kills, {studies} {'study' if studies == 1 else 'studies'}"


def _side_by_side(bench, study, options, chance):
    """Four processes on one study, until all have ended, or were ended after a while. How many were."""
    kills = 0
    workers = {bench.start("lenet", "tune", "--study", study, *options):
               time.monotonic() + (chance.uniform(0.05, 0.5) if chance else 300) for _ in range(4)}
    while workers:
        for process, at in list(workers.items()):
            if process.poll() is None and time.monotonic() < at:
                continue
            kills += process.poll() is None
            process.kill()
            _, said = process.communicate()
            require(process.returncode in (0, -signal.SIGKILL), f"exit {process.returncode}: {said[-300:]}")
            del workers[process]
        time.sleep(0.005)
    return kills


def asked_to_stop_a_study_saves_and_goes_on(bench):
    folder = bench.folder("stopped")
    alone, study = folder / "alone", folder / "study"
    options = ("--data", _digits(bench), "--search", "lr=0.001,0.003", "--epochs", 8, "--threads", 1,
               "--objective", "side.accuracy")
    _tune(bench, alone, *options).expect(0)
    for with_signal, code, jobs in ((signal.SIGTERM, 143, 1), (signal.SIGINT, 130, 2)):
        process = bench.start("lenet", "tune", "--study", study, *options, "--jobs", jobs)
        before = file_size(study / "runs/1/losses.csv")
        wait_until(lambda: process.poll() is not None or file_size(study / "runs/1/losses.csv") > before,
                   60, "a step")
        done = bench.end(process, with_signal)
        done.expect(code, "stopped, and saved; tune --study goes on from there")
        require(not _orphans(study), "a training goes on")
    _tune(bench, study).expect(0)
    require({**_answers(study), "study.ini": b""} == {**_answers(alone), "study.ini": b""},
            "the study is another one")
    same_contents(contents(alone / "runs/1"), contents(study / "runs/1"), "trial 1")
    return "2 signals"


def _orphans(study):
    """Processes that train in this folder."""
    found = subprocess.run(["pgrep", "-f", f"tune --study {study}"], capture_output=True, text=True, check=False)
    return found.stdout.split()


def a_study_over_folds_measures_the_test_split_once(bench):
    study = bench.folder("folds") / "study"
    options = ("--data", _digits(bench), "--search", "lr=0.0001,0.002", "--method", "grid", "--epochs", 2, "--folds",
               3, "--no-default", "--objective", "side.accuracy", "--final")
    done = _tune(bench, study, *options).expect(0, "Trained on training and validation records together")
    rows = _table(study / "trials.csv")
    require([(row["setting"], row["fold"]) for row in rows] == [(s, f) for s in "01" for f in "123"], "other trials")
    for row in rows:
        run = study / "runs" / row["trial"]
        require(f"fold = {row['fold']}/3" in (run / "config.ini").read_text(), f"{run.name}: another fold")
        require("test" not in {line["split"] for line in _table(run / "metrics.csv")}, f"{run.name} measured test")
    require("fold = all" in (study / "final/config.ini").read_text(), "the final training has splits of its own")
    require((study / "test.csv").read_bytes() == (study / "final/test.csv").read_bytes(), "test.csv is another's")
    accuracy = next(row for row in _table(study / "test.csv") if row["name"] == "test.side.accuracy")
    require(float(accuracy["standard_error"]) >= 0, "no standard error")
    require(f"side.accuracy {float(accuracy['value']):.4g} ±" in done.stderr, "answered with another figure")
    before = (study / "final/last").resolve().stat().st_mtime_ns
    _tune(bench, study).expect(0)
    require((study / "final/last").resolve().stat().st_mtime_ns == before, "trained again")
    _tune(bench, bench.folder("many-folds") / "study", "--data", _digits(bench), "--folds", 999).expect(3, "folds")
    return f"{len(rows) + 1} trainings"


def an_adaptive_search_is_the_same_by_one_process_and_by_two(bench):
    folder = bench.folder("adaptive")
    options = ("--data", _digits(bench), "--search", "lr=1e-5..1e-1,log", "--search", "batch-size=20..100",
               "--method", "adaptive", "--trials", bench.count(11, 30), "--epochs", 1, "--threads", 1)
    for name, jobs in (("one", 1), ("two", 2)):
        _tune(bench, folder / name, *options, "--jobs", jobs).expect(0)
    one, two = _answers(folder / "one"), _answers(folder / "two")
    for name in ANSWERS:
        require(one[name] == two[name], f"{name} differs")
    return f"{len(_table(folder / 'one/trials.csv'))} trainings"
