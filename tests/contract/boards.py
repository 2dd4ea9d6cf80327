"""Runs in TensorBoard: what its own reader finds in the event files is what the run folder says."""

import csv
import json
import signal
import subprocess

import data
import numpy as np
from damaged_files import _file
from harness import HERE, peer_python, require, wait_until

GROUPS = {".value": "loss/", ".weight": "weight/", ".gradient_norm": "gradient_norm/"}


def _read(board):
    done = subprocess.run([peer_python(), HERE / "board_peer.py", board], capture_output=True, text=True, check=False,
                          timeout=120)
    require(done.returncode == 0, f"TensorBoard's reader: {done.stderr.strip()[-400:]}")
    return json.loads(done.stdout)


def _loss_tag(column):
    end = next((end for end in GROUPS if column.endswith(end)), "")
    if column.startswith("cosine."):
        return "cosine/" + column[len("cosine."):]
    return GROUPS.get(end, "loss/") + column.removesuffix(end)


def _scalars_of(run):
    """{(split, tag): [[step, value]]} of the CSV files, values as F32 hold them."""
    found = {}
    tags = {"losses": _loss_tag, "metrics": lambda name: f"metric/{name}", "timing": lambda name: f"time/{name}",
            "diagnostics": lambda name: f"diagnostics/{name}"}
    for file, tag in tags.items():
        if not (run / f"{file}.csv").exists():
            continue
        with open(run / f"{file}.csv", newline="", encoding="utf-8") as text:
            for row in csv.DictReader(text):
                for name, cell in row.items():
                    if name not in ("epoch", "step", "split") and cell:
                        place = (row.get("split") or "train", tag(name))
                        found.setdefault(place, []).append([int(row["step"]), float(np.float32(cell))])
    return found


def _same_scalars(expected, found, rates=()):
    told = {(split, tag): points for split, run in found.items() for tag, points in run["scalars"].items()}
    for place, points in expected.items():
        require(told.get(place) == points, f"{place}: {told.get(place)}, in the CSV {points}")
    more = set(told) - set(expected) - {("train", f"learning_rate/{group}") for group in rates}
    require(not more, f"nobody logged {more}")
    return sum(len(points) for points in told.values())


def _same_histograms(run, found):
    """Counts as numpy.histogram has them between the same borders."""
    count = 0
    for path in sorted((run / "checkpoints").iterdir()):
        _, tensors = _file(path.read_bytes())
        step = int(path.name[5:13])
        for name, values in tensors.items():
            if not name.startswith(("trunk.", "heads.")):
                continue
            h = dict(found["train"]["histograms"][f"weights/{name}"])[step]
            values = values.astype(float)
            expected = [values.min(), values.max(), values.size]
            require([h[n] for n in ("min", "max", "num")] == expected, f"{name}: {h}, not {expected}")
            require(np.allclose([h["sum"], h["sum_squares"]], [values.sum(), (values**2).sum()], rtol=1e-9, atol=1e-12),
                    f"{name}: sums {h['sum']}, {h['sum_squares']}")
            borders = [h["min"], *h["limits"]]
            counts = np.histogram(values, borders)[0] if h["min"] < h["max"] else [values.size]
            require(h["counts"] == list(counts), f"{name}: {h['counts']}, of NumPy {counts}")
            count += 1
    return count


def tensorboard_shows_what_a_run_has_logged(bench):
    """A run with a mask, several heads, groups of their own, and records without labels."""
    peer_python()
    folder = bench.folder("board")
    dataset = bench.once("everything-data", data.everything)
    bench.run("everything", "train", "--data", dataset, "--out", folder / "run", "--epochs", 2, "--log-every", 1,
              "--diagnose", 2).expect(0)
    export = ("export", "--checkpoint", folder / "run", "--tensorboard", folder / "board", "--samples", 5)
    bench.run("everything", *export).expect(0)
    found = _read(folder / "board/run")
    described = json.loads(bench.run("everything", "info", "--json").expect(0).stdout)
    groups = [group["name"] for group in described["steps"][0]["groups"]]
    points = _same_scalars(_scalars_of(folder / "run"), found, groups)
    for group in groups:
        require(f"learning_rate/{group}" in found["train"]["scalars"], f"no rate of {group}")
    histograms = _same_histograms(folder / "run", found)

    pictures = found["validation"]["images"]
    records = {tag.split()[1] for tag in pictures if tag.startswith("samples/")}
    split, images = np.load(dataset / "split.npy"), np.load(dataset / "images.npy")
    for record in records:
        (_, mode, width, height, total, title, _), = pictures[f"samples/record {record}"]
        require((mode, width, height) == ("RGB", 16, 16), f"sample {record} is {mode}, {width} x {height}")
        require(split[int(record)] == 1, f"record {record} is not of validation")
        require(total == int(images[int(record)].sum()) + 255 * 256, f"sample {record} is another picture")
        require("kind: " in title and ", true " in title, f"sample {record} has the title {title}")
        require(f"samples/record {record} outline prediction" in pictures, f"no mask of {record}")
    require(len(records) == 5, f"{len(records)} samples")
    for path in (folder / "run").glob("confusion-*.csv"):
        target, name = path.stem.split("-")[1:]
        (step, mode, *_, description), = found[name]["images"][f"confusion/{target}"]
        with open(path, newline="", encoding="utf-8") as text:
            counts = [[float(cell) for cell in row[1:]] for row in list(csv.reader(text))[1:]]
        told = [[float(cell) for cell in line.strip("| ").split(" | ")[1:]] for line in description.splitlines()[2:]]
        require(mode == "RGB" and told == counts, f"{path.name}: {told}, not {counts}")
    options = found["."]["hparams"]
    require(options["seed"] == 1 and options["log-every"] == 1 and options["ended"] == 1, f"options: {options}")
    require("| `log-every` | `1` |" in found["."]["text"]["options"], "options as a text")
    again = dict(bench.run("everything", *export).expect(0).rows())
    require(again["tensorboard.files_begun"] == again["tensorboard.files_appended_to"] == "0", f"again: {again}")
    return f"{points} points, {histograms} histograms, {sum(len(run['images']) for run in found.values())} pictures"


def tensorboard_follows_a_run_and_says_nothing_twice(bench):
    """Exported while it runs, when it was stopped, and resumed and ended; then begun anew with fewer steps."""
    peer_python()
    folder = bench.folder("board-running")
    dataset, run, board = bench.once("digits-data", data.digits), folder / "run", folder / "board"
    train = ("train", "--data", dataset, "--out", run, "--checkpoint-every", 5, "--log-every", 1)
    export = ("export", "--folder", run, "--tensorboard", board, "--samples", 2)
    process = bench.start("lenet", *train, "--epochs", 5000)
    for exports, steps in enumerate((5, 15, 25), 1):
        wait_until(lambda: steps <= _last(run), 60, f"step {steps}")
        bench.run("lenet", *export).expect(0)
    bench.end(process, signal.SIGTERM)
    bench.run("lenet", *export).expect(0)
    last = _last(run)
    found = _read(board / "run")
    _same_scalars(_scalars_of(run), found, ("all",))
    for content in found.values():
        for kind in ("scalars", "histograms", "images"):
            for tag, points in content[kind].items():
                steps = [point[0] for point in points]
                require(len(steps) == len(set(steps)), f"{tag} has a step twice: {steps}")
    kept = {int(path.name[5:13]) for path in (run / "checkpoints").iterdir()}
    histograms = {point[0] for point in found["train"]["histograms"]["weights/trunk.0.weight"]}
    require(kept <= histograms and len(histograms) > len(kept), f"histograms of {histograms}, checkpoints of {kept}")

    bench.run("lenet", *train, "--force", "--steps", 3).expect(0)
    rows = dict(bench.run("lenet", *export).expect(0).rows())
    require(int(rows["tensorboard.files_begun"]) > 0, f"the curves of another run go on: {rows}")
    _same_scalars(_scalars_of(run), _read(board / "run"), ("all",))
    bench.run("lenet", "train", "--out", run, "--resume", "--steps", 6).expect(0)  # whose test is another one
    rows = dict(bench.run("lenet", *export).expect(0).rows())
    require(int(rows["tensorboard.files_appended_to"]) > 0, f"the curves of a longer run do not go on: {rows}")
    file = board / "run/train/events.out.tfevents.medley"
    file.write_bytes(file.read_bytes()[:-7])  # as a full disk leaves it
    rows = dict(bench.run("lenet", *export).expect(0).rows())
    require(rows["tensorboard.files_begun"] == "1", f"a damaged file was not written anew: {rows}")
    _same_scalars(_scalars_of(run), _read(board / "run"), ("all",))
    return f"{exports + 5} exports, {last} steps"


def tensorboard_takes_several_runs_and_studies(bench):
    peer_python()
    folder = bench.folder("board-several")
    dataset = bench.once("digits-data", data.digits)
    for name in ("a/run", "b/run"):
        (folder / name).parent.mkdir()
        bench.run("lenet", "train", "--data", dataset, "--out", folder / name, "--steps", 2).expect(0)
    bench.run("lenet", "tune", "--study", folder / "study", "--data", dataset, "--search", "lr=1e-4..1e-2,log",
              "--trials", 1, "--steps", 2).expect(0)
    folders = [f"--folder={folder / name}" for name in ("a/run", "b/run", "study")]
    rows = dict(bench.run("lenet", "export", *folders, "--tensorboard", folder / "board").expect(0).rows())
    trials = sorted(path.name for path in (folder / "study/runs").iterdir() if (path / "config.ini").exists())
    names = {"a/run", "b/run", *(f"study/{trial}" for trial in trials)}
    require(len(trials) == 2 and rows["tensorboard.runs"] == "4", f"{trials}, {rows}")
    found = _read(folder / "board")
    for name in names:
        source = folder / (name if name.endswith("run") else f"study/runs/{name.split('/')[1]}")
        _same_scalars(_scalars_of(source), {run[len(name) + 1:]: content for run, content in found.items()
                                            if run.startswith(name + "/")}, ("all",))
        require(found[name]["hparams"]["seed"] == 1, f"options of {name}")

    (folder / "file").write_text("")
    run, to = ("--folder", folder / "a/run"), ("--tensorboard", folder / "other")
    cases = [(to, 2, "--folder RUN"), ((*to, "--checkpoint", folder / "a/run/last"), 2, "not a checkpoint"),
             ((*to, "--folder", folder / "nowhere"), 3, "nowhere"), ((*to, *run, *run), 2, "would both be"),
             ((*run, "--tensorboard", folder / "file"), 4, "file"), ((*to, *run, "--samples", "x"), 2, "--samples"),
             ((*to, *run, "--probabilities"), 2, "--probabilities"), ((*to, *run, "--split", "x"), 2, "--split")]
    for arguments, code, text in cases:
        bench.run("lenet", "export", *arguments).expect(code, text)
    require(not (folder / "other").exists(), "what failed left a folder")
    bench.run("lenet", "export", *to, *run, "--data", folder / "nowhere").expect(0, "no samples")
    return f"{len(names)} runs, {len(cases)} wrong commands"


def _last(run):
    kept = [int(path.name[5:13]) for path in (run / "checkpoints").glob("step-*")]
    return max(kept, default=0)
