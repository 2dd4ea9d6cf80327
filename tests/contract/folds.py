"""Cross-validation: each record is validated on once, groups stay together, and a training sees nothing of
what it is measured on."""

import csv
import shutil

import data
import numpy as np
from harness import require

FOLDS = 3


def _dataset(bench):
    """Records in groups of one to seven."""

    def make(folder):
        data.everything(folder)
        random = np.random.RandomState(2)
        group = np.repeat(np.arange(data.RECORDS), random.randint(1, 8, data.RECORDS))[:data.RECORDS]
        group = random.permutation(group).astype(np.int16)
        np.save(folder / "group.npy", group)
        split = np.load(folder / "split.npy")
        np.save(folder / "split.npy", np.where(group % 5 == 3, 2, np.minimum(split, 1)).astype(np.uint8))

    return bench.once("everything-in-groups", make)


def _train(bench, dataset, run, *options):
    done = bench.run("everything", "train", "--data", dataset, "--out", run, "--epochs", 2, "--batch-size", 16,
                     "--threads", 2, *options).expect(0)
    return dict(done.rows())


def _records(bench, run, dataset, split):
    rows = bench.run("everything", "predict", "--checkpoint", run, "--data", dataset, "--split", split).expect(0)
    return [int(row[0]) for row in rows.rows()[1:]]


def folds_are_validated_on_once(bench):
    """What eval says of a fold's validation split is what its training has logged; records and groups."""
    dataset, folder = _dataset(bench), bench.folder("folds")
    split, group = np.load(dataset / "split.npy"), np.load(dataset / "group.npy")
    validated = []
    for i in range(1, FOLDS + 1):
        run = folder / f"run-{i}"
        _train(bench, dataset, run, "--fold", f"{i}/{FOLDS}")
        rows = bench.run("everything", "eval", "--checkpoint", run, "--data", dataset, "--split",
                         "validation").expect(0, f"fold {i} of {FOLDS}").rows()
        told = {row[2]: row[3] for row in rows[1:]}
        with open(run / "metrics.csv", newline="", encoding="utf-8") as file:
            logged = [row for row in csv.DictReader(file) if row["split"] == "validation"][-1]
        for name in list(logged)[3:]:
            require(told[name] == logged[name], f"fold {i}: {name} is {told[name]}, logged {logged[name]}")
        held = _records(bench, run, dataset, "validation")
        require(len(rows) > 1 and int(rows[1][1]) == len(held), f"fold {i}: eval counts {rows[1][1]} records")
        require(not set(group[held]) & set(group[_records(bench, run, dataset, "train")]),
                f"fold {i}: a group is in training and validation")
        validated += held
    require(sorted(validated) == list(np.flatnonzero(split < 2)), "not every record is validated on once")
    run = folder / "all"
    _train(bench, dataset, run, "--fold", "all")
    require(sorted(_records(bench, run, dataset, "train")) == list(np.flatnonzero(split < 2)),
            "--fold all does not train on all")
    require(not (run / "best").exists(), "--fold all chose a best checkpoint without validation")
    bench.run("everything", "eval", "--checkpoint", run, "--data", dataset, "--split", "validation").expect(3)
    return f"{FOLDS} folds of {len(validated)} records in {len(np.unique(group))} groups, and all"


def nothing_is_learned_from_what_is_held_out(bench):
    """Other pictures and labels for validation and test change no parameter; for training they do."""
    dataset, folder = _dataset(bench), bench.folder("held-out")
    digest = _train(bench, dataset, folder / "run", "--fold", f"2/{FOLDS}")["digest"]
    held = _records(bench, folder / "run", dataset, "validation") + _records(bench, folder / "run", dataset, "test")
    trained = _records(bench, folder / "run", dataset, "train")

    def changed(records):
        other = folder / "data"
        shutil.rmtree(other, ignore_errors=True)
        shutil.copytree(dataset, other)
        for name in ("images", "place", "outline", "parts"):  # folds follow from the labels
            array = np.load(other / f"{name}.npy")
            array[records] = array[records[0]] if name != "images" else 255 - array[records]
            np.save(other / f"{name}.npy", array)
        return _train(bench, other, folder / "other", "--fold", f"2/{FOLDS}", "--force")["digest"]

    require(changed(held) == digest, "the training saw records of validation or test")
    require(changed(trained[:1]) != digest, "the training did not see a record of its own")
    return f"{len(held)} records changed"
