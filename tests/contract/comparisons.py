"""What `compare` says of tasks whose relation is known, and that its figures are those of its runs."""

import csv
import subprocess
import sys

import numpy as np
from harness import ROOT, require, shorter

RELATIONS = ("conflict", "same", "unrelated")
# Each arm takes some hundredths of a second, most of them for its files.
OPTIONS = ("--steps", 120, "--epochs", 100, "--batch-size", 64, "--threads", 1, "--lr", "x3")
FEW = ("--mixes", "none", "--modes", "none", "--equal-time", "off")
# The least difference that matters: tasks that are the same make one of 7%, unrelated ones show that there is none.
EFFECT = {"conflict": 0.1, "same": 0.05, "unrelated": 0.1}
# What must be said, and what must not.
SAID = {
    "conflict": (("In short: several objectives that want a decision. Sharing this trunk hurts",
                  "Sharing hurts first:", "Sharing hurts second:", "The gradients of first and second conflict",
                  "Weights matter for first.mean_absolute_error", "Fixed weights trade one metric for another"),
                 ("Sharing helps", " agree:")),
    "same": (("In short: multi-task learning", "Sharing helps first:", "Sharing helps second:",
              "The gradients of first and second agree:"),
             ("Sharing hurts", " conflict", "Fixed weights trade")),
    "unrelated": (("In short: multi-task learning in which sharing neither helps nor hurts by what matters:",
                   "The gradients of first and second neither conflict nor agree clearly:"),
                  ("Sharing hurts first:", "Sharing helps first:", "Sharing hurts second:", "Sharing helps second:",
                   "Fixed weights trade")),
}


def _make(folder, relation, *options):
    command = [sys.executable, ROOT / "data/make_two_tasks.py", "--relation", relation, "--out", folder, *options]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    require(done.returncode == 0, f"{shorter(list(map(str, command)))}: {done.stderr}")
    return folder


def _data(bench, relation, seed=2):
    return bench.once(f"two-tasks-{relation}-{seed}", lambda folder: _make(folder, relation, "--seed", seed))


def _compare(bench, study, *options):
    return bench.run("two-tasks", "compare", "--study", study, *options)


def _table(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _require_said(relation, text):
    wanted, unwanted = SAID[relation]
    for words in wanted:
        require(words in text, f"of {relation} it does not say '{words}': {text}")
    for words in unwanted:
        require(words not in text, f"of {relation} it says '{words}': {text}")


def compare_finds_how_tasks_are_related(bench):
    """Tasks that are the same, that have nothing in common and that conflict, by construction."""
    seeds, data_sets = bench.count((4, (2,)), (5, (1, 2, 3)))
    for data_set in data_sets:
        for relation in RELATIONS:
            study = bench.folder(f"related-{relation}-{data_set}") / "study"
            _compare(bench, study, "--data", _data(bench, relation, data_set), *OPTIONS, *FEW, "--seeds", seeds,
                     "--effect", EFFECT[relation]).expect(0)
            _require_said(relation, (study / "answer.txt").read_text())
    return f"{', '.join(RELATIONS)}, {len(data_sets)} times"


def compare_has_the_figures_of_its_runs(bench):
    """Each arm is what it says, its figures are those of its runs' test split, and asked again it says the same."""
    study = bench.folder("figures") / "study"
    done = _compare(bench, study, "--data", _data(bench, "conflict"), *OPTIONS, "--seeds", 2, "--mixes", "upgrad",
                    "--modes", "alternating").expect(0, "Sharing")
    settings = _table(study / "settings.csv")
    require(list(csv.DictReader(done.stdout.splitlines())) == [row for row in settings if row["chosen"] == "1"],
            "stdout has other rows")
    names = [row["name"] for row in settings]
    require(names[:9] == ["first alone", "second alone", "sum", "first=0.118 second=1.88", "first=0.4 second=1.6",
                          "first=1.6 second=0.4", "first=1.88 second=0.118", "random", "upgrad"], f"arms: {names}")
    require("alternating steps at equal time" in names, f"no arm at equal time: {names}")
    steps = {row["name"]: int(row["steps"]) for row in settings}
    require(steps["sum"] == 120 > steps["alternating steps at equal time"], f"steps: {steps}")
    for row in settings:
        trials = [2 * int(row["setting"]) + seed for seed in range(2)]
        tests = [next(r for r in _table(study / f"runs/{trial}/metrics.csv") if r["split"] == "test") for trial in trials]
        for name in ("first.mean_absolute_error", "second.mean_absolute_error"):
            if row["name"].endswith(" alone") and not name.startswith(row["name"].split()[0]):
                require(row[name + ".mean"] == "", f"{row['name']} has figures of a task that it was not trained for")
                continue
            values = [float(test[name]) for test in tests]
            require(np.isclose(float(row[name + ".mean"]), np.mean(values), rtol=1e-12), f"{row['name']}: {name}")
    config = (study / "runs/0/config.ini").read_text()
    require("weight = second=0\n" in config and "weight = first=1\n" in config, "the first arm is not first alone")
    before = {name: (study / name).read_bytes() for name in ("trials.csv", "settings.csv", "answer.txt", "study.ini")}
    _compare(bench, study).expect(0)
    require({name: (study / name).read_bytes() for name in before} == before, "asked again, it answers otherwise")
    return f"{len(settings)} arms"


def wrong_comparisons_are_refused_before_anything_is_made(bench):
    study = bench.folder("wrong-comparison") / "study"
    data = _data(bench, "conflict")
    wrong = {("--mixes", "upgrade"): "upgrade",
             ("--modes", "serial"): "does not list 'serial'",
             ("--lr", "2..1"): "is no range",
             ("--lr", "0"): "is not above 0",
             ("--mix", "upgrad"): "see --mixes and --modes",
             ("--search", "lr=1,2"): "is an option of tune",
             ("--effect", "0"): "it must be above 0",
             ("--objective", "digit.accuracy"): "there is no 'digit.accuracy'",
             ("--equal-time", "maybe"): "maybe",
             ("--rate", "3"): "unrecognised option '--rate'"}
    for options, text in wrong.items():
        _compare(bench, study, "--data", data, *options).expect(2, text)
    _compare(bench, study).expect(2, "has no data of its own")
    _compare(bench, study, "--data", study / "none").expect(4)
    bench.run("two-tasks", "compare", "--data", data).expect(2, "--study S is missing")
    require(not study.exists(), "a folder was made")
    return f"{len(wrong) + 3} commands"
