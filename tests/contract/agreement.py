"""Options reach the training, and what the commands tell of a run is what its predictions show, counted
here once more."""

import csv
import json
import shutil

import data
import numpy as np
from harness import kept_steps, require

# (The experiment says 43 records a batch: three steps an epoch.)
STEPS = ("--log-every", 1, "--threads", 1)


def _data(bench):
    return bench.once("everything-data", data.everything)


def _train(bench, run, *options):
    done = bench.run("everything", "train", "--data", _data(bench), "--out", run, *STEPS, *options)
    return dict(done.expect(0).rows())


def _digest(bench, *options):
    return _train(bench, bench.folder("digest") / "run", *options)["digest"]


def options_reach_the_training(bench):
    """Each changes what comes out of five steps; gradients cut to next to nothing change next to nothing."""
    plain = _digest(bench, "--steps", 5)
    changes = (("--clip", 0.01), ("--weight", "kind=3"), ("--lr", "shapes=0.1"), ("--seed", 2),
               ("--shuffle", "off"), ("--augment", "off"), ("--batch-size", 20),
               ("--schedule", "constant"), ("--warm-up", 0.5))
    for change in changes:
        require(_digest(bench, "--steps", 5, *change) != plain, f"{change} changes nothing")
    require(_digest(bench, "--steps", 5, "--lr", "0", "--clip", 1e-9) ==
            _digest(bench, "--steps", 5, "--lr", "0"), "at a learning rate of 0 clipping matters")
    folder = bench.folder("weights")
    _train(bench, folder / "run", "--steps", 2, "--weight", "kind=3", "--weight", "place=0.125")
    with open(folder / "run/losses.csv", newline="") as file:
        row = next(csv.DictReader(file))
    require(float(row["kind.weight"]) == 3 and float(row["place.weight"]) == 0.125, f"weights of {row}")
    return f"{len(changes)} options"


def the_command_line_has_the_last_word(bench):
    """Over a configuration file, for options that may be repeated too."""
    folder = bench.folder("words")
    _train(bench, folder / "first", "--steps", 1, "--lr", "labels=0.25", "--weight", "kind=3", "--seed", 5)
    bench.run("everything", "train", "--config", folder / "first/config.ini", "--out", folder / "second",
              "--lr", "labels=0.5", "--weight", "kind=4", "--seed", 6).expect(0)
    lines = (folder / "second/config.ini").read_text().splitlines()
    for line in ("lr = labels=0.5", "weight = kind=4", "seed = 6", "steps = 1"):
        require(line in lines, f"config.ini does not say '{line}'")
    return "4 options"


def the_schedule_of_a_run_begins_with_its_first_factor(bench):
    """A cosine begins at 1, and a milestone at half of four steps comes before the third."""
    constant = [_digest(bench, "--schedule", "constant", "--steps", n, "--clip", 0) for n in (1, 2, 3)]
    require(_digest(bench, "--schedule", "cosine", "--steps", 1, "--clip", 0) == constant[0],
            "the first step of a cosine is not at the full rate")
    run = bench.folder("milestone") / "run"
    _train(bench, run, "--schedule", "step:0.1@0.5", "--steps", 4, "--clip", 0, "--checkpoint-every", 1,
           "--keep", 9)
    found = []
    for n in (1, 2, 3):
        facts = bench.run("everything", "train", "--data", _data(bench), "--out",
                          bench.folder("digest") / "run", "--steps", 0, "--init",
                          run / f"checkpoints/step-{n:08}.safetensors").expect(0).rows()
        found.append(dict(facts)["digest"])
    require(found[:2] == constant[:2], "the rate falls before the milestone")
    require(found[2] != constant[2], "the rate does not fall at the milestone")
    return "2 schedules"


def initial_weights_are_those_of_the_file(bench):
    """A run of no steps from a checkpoint is worth what `eval` says of it."""
    folder = bench.folder("init")
    _train(bench, folder / "run", "--steps", 4)
    facts = _train(bench, folder / "again", "--steps", 0, "--init", folder / "run/last")
    rows = bench.run("everything", "eval", "--checkpoint", folder / "run", "--data", _data(bench), "--split",
                     "validation").expect(0).rows()
    total = next(row[3] for row in rows if row[2] == "total")
    require(facts["validation.total"] == total, f"validation total {facts['validation.total']}, not {total}")
    return "1 run"


def weights_of_another_shape_are_not_taken(bench):
    """As many numbers in another order of dimensions are other weights."""
    folder = bench.folder("shape")
    _train(bench, folder / "run", "--steps", 1)
    content = (folder / "run/last").read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8:8 + length])
    del header["__metadata__"]  # with its checksum
    header["heads.kind.5.weight"]["shape"].reverse()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (folder / "turned").write_bytes(len(text).to_bytes(8, "little") + text + content[8 + length:])
    bench.run("everything", "train", "--data", _data(bench), "--out", folder / "again", "--steps", 0, "--init",
              folder / "turned").expect(0, "of another shape: heads.kind.5.weight")
    return "1 tensor"


def logs_have_the_rows_that_were_asked_for(bench):
    """Eight steps of three an epoch: a row every third step, gradients every fourth, and at the ends."""
    run = bench.folder("rows") / "run"
    done = bench.run("everything", "train", "--data", _data(bench), "--out", run, "--threads", 1, "--steps",
                     8, "--log-every", 3, "--gradients-every", 4).expect(0)
    with open(run / "losses.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    expected = [("train", 1, 0), ("validation", 3, 0), ("train", 4, 1), ("train", 5, 1),
                ("validation", 6, 1), ("train", 7, 2), ("train", 8, 2), ("validation", 8, 2), ("test", 8, 2),
                ("best.test", 8, 2)]
    found = [(row["split"], int(row["step"]), int(row["epoch"])) for row in rows]
    require(found == expected, f"losses.csv has {found}, not {expected}")
    measured = [int(row["step"]) for row in rows if row["kind.gradient_norm"]]
    require(measured == [1, 5], f"gradients of steps {measured}")
    with open(run / "metrics.csv", newline="") as file:
        found = [(row["split"], int(row["step"])) for row in csv.DictReader(file)]
    require(found == [("validation", 3), ("validation", 6), ("validation", 8), ("test", 8), ("best.test", 8)],
            f"metrics.csv has {found}")
    with open(run / "timing.csv", newline="") as file:
        found = [(int(row["step"]), int(row["records"])) for row in csv.DictReader(file)]
    require(found == [(3, 100), (6, 100), (8, 86)], f"timing.csv has {found}")
    facts = dict(done.rows())
    for name, row in (("test", rows[-2]), ("best.test", rows[-1])):
        require(facts[f"{name}.total"] == row["total"], f"stdout has {facts[f'{name}.total']} for {name}")
    every = bench.folder("every-row") / "run"
    bench.run("everything", "train", "--data", _data(bench), "--out", every, "--steps", 6, "--log-every",
              1).expect(0)
    with open(every / "losses.csv", newline="") as file:
        found = [int(row["epoch"]) for row in csv.DictReader(file) if row["split"] == "train"]
    require(found == [0, 0, 0, 1, 1, 1], f"steps of the epochs {found}")
    return f"{len(rows) + len(found)} rows"


def planned_checkpoints_are_written_and_no_others(bench):
    """After each epoch of three steps, every N steps and at the end."""
    for options, expected in (((), [3, 6, 7]), (("--checkpoint-every", 2), [2, 3, 4, 6, 7]),
                              (("--checkpoint-every", 5), [3, 5, 6, 7])):
        run = bench.folder("planned") / "run"
        _train(bench, run, "--steps", 7, "--keep", 9, *options)
        require(kept_steps(run) == expected, f"{options}: steps {kept_steps(run)}, not {expected}")
    return "3 plans"


def metrics_are_those_of_the_predictions(bench):
    """Accuracy, errors and overlaps from the rows and masks of `predict`, beside metrics.csv and `eval`."""
    folder = bench.folder("metrics")
    run, masks = folder / "run", folder / "masks"
    _train(bench, run, "--epochs", 4, "--weight", "kind=2")
    with open(run / "metrics.csv", newline="") as file:
        logged = [row for row in csv.DictReader(file) if row["split"] == "test"][-1]
    split = np.load(_data(bench) / "split.npy")
    targets = {name: np.load(_data(bench) / f"{name}.npy")[split == 2]
               for name in ("kind", "grade", "answer", "place", "parts")}
    rows = bench.run("everything", "predict", "--checkpoint", run, "--data", _data(bench), "--masks",
                     masks).expect(0).rows()
    columns = dict(zip(rows[0], zip(*rows[1:])))
    require([int(r) for r in columns["record"]] == list(np.flatnonzero(split == 2)), "other records")

    def compare(name, value):
        require(abs(float(logged[name]) - value) < 1e-6, f"{name} is {logged[name]}, not {value}")

    for name in ("kind", "grade", "answer"):
        label, known = targets[name], targets[name] >= 0
        hits = np.array([int(c) for c in columns[name]]) == label
        compare(f"{name}.accuracy", hits[known].mean())
        compare(f"{name}.balanced_accuracy",
                np.mean([hits[label == c].mean() for c in np.unique(label[known])]))
    place = np.array([columns["place.0"], columns["place.1"]], np.float64).T
    known = ~np.isnan(targets["place"]).any(axis=1)
    compare("place.mean_absolute_error", abs(place - targets["place"])[known].mean())
    _eval_agrees(bench, run, logged)
    return f"{len(rows) - 1} records"


def _eval_agrees(bench, run, logged):
    """The default split is the test split, the weights are those that are given."""
    rows = bench.run("everything", "eval", "--checkpoint", run, "--data", _data(bench), "--weight",
                     "kind=2").expect(0).rows()
    found = {row[2]: row[3] for row in rows[1:]}
    require({row[0] for row in rows[1:]} == {"test"}, f"eval is of {rows[1][0]}")
    for name, value in logged.items():
        if name in found:
            require(found[name] == value, f"eval says {name} is {found[name]}, metrics.csv {value}")
    with open(run / "losses.csv", newline="") as file:
        losses = [row for row in csv.DictReader(file) if row["split"] == "test"][-1]
    require(found["total"] == losses["total"], f"eval's total is {found['total']}, not {losses['total']}")
    for name, value in losses.items():
        if name.endswith(".value"):
            term = "term." + name.removesuffix(".value")
            require(found[term] == value, f"eval says {term} is {found[term]}, losses.csv {value}")


def classes_keep_their_names(bench):
    """Names with commas, percent signs and letters of any kind, from the data set to predictions."""
    names = ["a,b", "100 %", "%2C", "ümläut", 'quoted "e"']
    folder = bench.folder("names")
    shutil.copytree(_data(bench), folder / "data")
    (folder / "data/dataset.json").write_text(json.dumps({"targets": {"kind": {"classes": names}}}))
    bench.run("everything", "train", "--data", folder / "data", "--out", folder / "run", *STEPS, "--steps",
              2).expect(0)
    images = np.load(_data(bench) / "images.npy")
    pictures = []
    for i in range(20):
        pictures.append(folder / f"p{i}.png")
        pictures[-1].write_bytes(data.png(images[i].transpose(1, 2, 0)))
    rows = bench.run("everything", "predict", "--checkpoint", folder / "run", *pictures).expect(0).rows()
    column = rows[0].index("kind")
    found = [row[column] for row in rows[1:]]
    require(set(found) <= set(names), f"predicted {sorted(set(found) - set(names))}")
    table = bench.run("everything", "eval", "--checkpoint", folder / "run", "--data", folder / "data",
                      "--confusion", "kind").expect(0).rows()
    require(table[0][1:] == names and [row[0] for row in table[1:]] == names, f"confusion of {table[0]}")
    return f"{len(names)} names"


def skipped_pictures_leave_the_other_rows_alone(bench):
    """With --skip-bad, whatever stands between them."""
    folder = bench.folder("skipped")
    _train(bench, folder / "run", "--steps", 3)
    images = np.load(_data(bench) / "images.npy")
    good = []
    for i in range(6):
        good.append(folder / f"p{i}.png")
        good[-1].write_bytes(data.png(images[i].transpose(1, 2, 0)))
    (folder / "bad.png").write_bytes(b"no picture")
    mixed = [folder / "bad.png", *good[:3], folder / "bad.png", *good[3:]]

    def rows(names):
        done = bench.run("everything", "predict", "--checkpoint", folder / "run", "--skip-bad", *names)
        return {row[0]: row[1:] for row in done.rows()[1:] if not row[0].endswith("bad.png")}

    require(len({tuple(row) for row in rows(good).values()}) > 1, "all pictures are predicted alike")
    require(rows(mixed) == rows(good), "a picture beside a bad one is predicted otherwise")
    return f"{len(good)} pictures"


def unmeasured_terms_have_no_value(bench):
    """Batches of one record: the cell of a term is empty where the record lacks its target."""
    run = bench.folder("unmeasured") / "run"
    _train(bench, run, "--batch-size", 1, "--shuffle", "off", "--steps", 100)
    train = np.load(_data(bench) / "split.npy") == 0
    missing = {"kind": np.load(_data(bench) / "kind.npy")[train] < 0,
               "place": np.isnan(np.load(_data(bench) / "place.npy")[train]).any(axis=1)}
    with open(run / "losses.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "train"]
    for term, absent in missing.items():
        require(absent.any() and not absent.all(), f"{term}: nothing is tried")
        found = [row[f"{term}.value"] == "" for row in rows]
        require(found == list(absent), f"{term}: empty cells are not those of records without it")
    return f"{len(rows)} records"
