"""Tables as spreadsheets write them, records that count more or less, and what is told of suspicious data."""

import csv
import json
import math
import shutil

import data
import numpy as np
from harness import require

CELLS = [["image", "side", "digit", "worth"],
         *([f"p{i}", ("right", "left")[i % 2], f"{i % 10}.0", f"{i % 4 / 2}"] for i in range(40))]


def _text(separator, mark):
    return "".join(separator.join(cell.replace(".", mark) for cell in row) + "\r\n" for row in CELLS)


# Files of the same table: what a plain CSV file says, as Excel saves it in Germany, and as "Unicode text".
WRITTEN = {"plain.csv": _text(",", ".").encode(), "german.csv": b"\xef\xbb\xbf" + _text(";", ",").encode(),
           "blanks.csv": _text(" | ", ".").encode() + b" | | | \r\n",
           "unicode.txt": b"\xff\xfe" + _text("\t", ",").encode("utf-16-le")}


def _import(bench, folder, name, *options):
    return bench.run("lenet", "import", "--csv", folder / name, "--images", folder / "pictures", "--out",
                     folder / (name + ".data"), "--weight-column", "worth", "--positive", "side=left", *options)


def spreadsheets_become_the_data_that_a_plain_table_becomes(bench):
    folder = bench.folder("spreadsheets")
    (folder / "pictures").mkdir()
    data.pictures(folder / "pictures", 40)
    for name, content in WRITTEN.items():
        (folder / name).write_bytes(content)
        _import(bench, folder, name).expect(0, "40 written")
        for file in ("images", "split", "digit", "side", "weight"):
            require((folder / (name + ".data") / f"{file}.npy").read_bytes() ==
                    (folder / f"plain.csv.data/{file}.npy").read_bytes(), f"{name}: another {file}.npy")
    require(np.array_equal(np.load(folder / "german.csv.data/weight.npy"), np.arange(40) % 4 / 2), "other weights")
    told = json.loads((folder / "german.csv.data/dataset.json").read_text())
    require(told["targets"]["side"]["classes"] == ["right", "left"], "the positive class is not 1")
    (folder / "two.csv").write_text("image;side, of two;digit;worth\np0;left, left;1;1\n")
    _import(bench, folder, "two.csv").expect(3, "two.csv", "--separator")
    _import(bench, folder, "two.csv", "--separator", ",").expect(3, "no column 'image'")
    _import(bench, folder, "plain.csv", "--force", "--separator", "a").expect(2, "--separator", "'a'")
    return f"{len(WRITTEN)} ways to write a table"


def _weighted(bench, name, weights):
    """The digits with these weights of their records."""
    folder = bench.folder(name) / "data"
    shutil.copytree(bench.once("weighted-digits", lambda f: data.digits(f, 300)), folder)
    (folder / "dataset.json").unlink()
    if weights is not None:
        np.save(folder / "weight.npy", np.asarray(weights, np.float32))
    return folder


def _train(bench, folder, *options):
    done = bench.run("lenet", "train", "--data", folder, "--out", folder.parent / "run", "--steps", 9, "--force",
                     *options).expect(0)
    return dict(done.rows())["digest"]


def weights_of_records_are_those_of_the_losses(bench):
    """Of one: the same bits as without; else weighted means, whatever the number of threads."""
    weights = np.random.RandomState(4).randint(0, 5, 300) / 2
    plain = _train(bench, _weighted(bench, "none", None), "--threads", 1)
    require(_train(bench, _weighted(bench, "ones", np.ones(300)), "--threads", 2) == plain, "weights of 1 matter")
    folder = _weighted(bench, "some", weights)
    first = _train(bench, folder, "--threads", 1)
    require(first == _train(bench, folder, "--threads", 2), "threads matter")
    require(first != plain, "weights do not matter")
    # What eval says of the second target, from the probabilities that predict tells.
    common = ("--checkpoint", folder.parent / "run/last", "--data", folder, "--split", "validation")
    terms = {row[2]: row for row in bench.run("lenet", "eval", *common).expect(0).rows()}
    rows = list(csv.DictReader(bench.run("lenet", "predict", *common).expect(0).stdout.splitlines()))
    side, total, weight, right, known = np.load(folder / "side.npy"), 0.0, 0.0, 0, 0
    for row in rows:
        record, told = int(row["record"]), float(row["side.probability"])
        if side[record] < 0 or weights[record] == 0:
            continue
        agrees = int(row["side"]) == side[record]
        total -= weights[record] * math.log(told if agrees else 1 - told)
        weight += weights[record]
        right += agrees
        known += 1
    require(abs(float(terms["term.side"][3]) - total / weight) < 1e-5,
            f"side is {terms['term.side'][3]}, not {total / weight}")
    require(abs(float(terms["side.accuracy"][3]) - right / known) < 1e-9, "weights of 0 count in the accuracy")
    # They are of the data that a run is resumed with.
    np.save(folder / "weight.npy", np.ones(300, np.float32))
    bench.run("lenet", "train", "--out", folder.parent / "run", "--resume", "--steps", 12).expect(3, "data")
    np.save(folder / "weight.npy", np.where(np.arange(300) == 7, np.nan, 1).astype(np.float32))
    bench.run("lenet", "train", "--data", folder, "--out", folder.parent / "bad").expect(3, "weight.npy", "record 7")
    return "6 trainings"


def suspicious_data_are_told_before_training_and_kept(bench):
    """Equal pictures in two splits, few groups, unequal classes, each once, in log.txt too; nothing of the others."""
    folder = _weighted(bench, "suspicious", None)
    images, split, digit = (np.load(folder / f"{name}.npy") for name in ("images", "split", "digit"))
    rows = [np.flatnonzero(split == s) for s in range(3)]
    images[rows[2][:5]] = images[rows[0][:5]]
    np.save(folder / "images.npy", images)
    group = np.arange(300)
    group[rows[1]] = 1000 + np.arange(len(rows[1])) % 2
    np.save(folder / "group.npy", group)
    side = np.zeros(300, np.int32)
    side[rows[0][0]] = 1
    np.save(folder / "side.npy", side)
    done = bench.run("lenet", "train", "--data", folder, "--out", folder.parent / "run", "--steps", 1).expect(0)
    log = (folder.parent / "run/log.txt").read_text()
    expected = (f"5 of the {len(rows[2])} pictures of the test split are in the training split too",
                f"the {len(rows[1])} records of the validation split are of 2 groups",
                "target 'side': the training split has 1 record of class 1", "SoftmaxCrossEntropy{.class_weights = {")
    for text in expected:
        require(done.stderr.count(text) == 1 and log.count(text) == 1, f"'{text}' is not told once: {done.stderr}")
    require(log.count("warning: ") == 3, f"log.txt has other warnings: {log}")
    sound = _weighted(bench, "sound", None)
    done = bench.run("lenet", "train", "--data", sound, "--out", sound.parent / "run", "--steps", 1).expect(0)
    require("warning" not in done.stderr, f"a warning of sound data: {done.stderr}")
    return f"{len(expected)} sentences"
