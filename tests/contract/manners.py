"""Manners: exit codes, what goes to stdout and what to stderr, and messages that name the cause."""

import csv
import fcntl
import os
import pty
import re
import shutil
import struct
import subprocess
import termios

import data
import numpy as np
from damaged_files import _file
from harness import Failed, contents, require, shorter


def _dataset(bench):
    return bench.once("everything-data", data.everything)


def wrong_usage_is_exit_2_with_a_message_and_nothing_on_stdout(bench):
    dataset, out = _dataset(bench), bench.folder("usage") / "run"
    train = ("train", "--data", dataset, "--out", out)
    cases = [((), "subcommand is missing"), (("fly",), "no subcommand 'fly'"),
             (("train",), "--out"), ((*train, "--epoch", "3"), "epoch"), ((*train, "surplus"), "surplus"),
             ((*train, "--epochs"), "epochs"), ((*train, "--out", out), "out"),
             ((*train, "--epochs", "three"), "three"), ((*train, "--epochs", "-1"), "epochs"),
             ((*train, "--epochs", "3x"), "3x"), ((*train, "--epochs", "1e2"), "1e2"),
             ((*train, "--batch-size", "0"), "batch-size"), ((*train, "--threads", "0"), "threads"),
             ((*train, "--lr", "nan"), "lr"), ((*train, "--lr", "-1"), "lr"),
             ((*train, "--lr", "inf"), "lr"), ((*train, "--lr", "nobody=1"), "nobody"),
             ((*train, "--epochs", "0"), "epochs"), ((*train, "--clip", "nan"), "clip"),
             ((*train, "--clip", "-1"), "clip"), ((*train, "--warm-up", "nan"), "warm-up"),
             ((*train, "--weight", "kind=nan"), "'nan' is not a finite number"), ((*train, "--weight", "kind=-inf"), "'-inf' is not a finite number"),
             ((*train, "--schedule", "step:inf@0.5"), "step:inf@0.5"),
             ((*train, "--schedule", "one-cycle:0.3,inf,10"), "inf"),
             ((*train, "--weight", "kind"), "kind"),
             ((*train, "--weight", "colour=1"), "colour"), ((*train, "--seed", "18446744073709551616"), "seed"),
             ((*train, "--schedule", "sometimes"), "sometimes"), ((*train, "--shuffle", "yes"), "yes"),
             ((*train, "--warm-up", "1"), "warm-up"), ((*train, "--isa", "mmx"), "mmx"),
             ((*train, "--mix", "a=1"), "a"), (("train", "--out", out), "--data"),
             (("train", "--out", out, "--resume", "--lr", "1"), "lr"),
             (("eval", "--data", dataset), "--checkpoint"), (("predict",), "predict"),
             (("info", "--memory", "--json"), "--json"), (("import", "--out", out), "--csv")]
    for arguments, text in cases:
        bench.run("everything", *arguments).expect(2, text)
    require(not out.exists(), "a refused command made its run folder")
    bench.run("everything", *train, environment={"MEDLEY_ISA": "mmx"}).expect(2, "mmx")
    return f"{len(cases) + 1} commands"


def missing_files_are_told(bench):
    folder = bench.folder("missing")
    dataset, out = _dataset(bench), folder / "run"
    for arguments in (("train", "--data", folder / "nowhere", "--out", out),
                      ("train", "--out", folder / "nowhere", "--resume"),
                      ("train", "--data", dataset, "--out", out, "--config", folder / "nowhere"),
                      ("train", "--data", dataset, "--out", folder / "w", "--init", folder / "nowhere"),
                      ("eval", "--checkpoint", folder / "nowhere", "--data", dataset),
                      ("predict", "--checkpoint", folder / "nowhere", "--data", dataset)):
        done = bench.run("everything", *arguments)
        require(done.code in (3, 4), f"{done.command}: exit {done.code}: {done.tail()}")
        require("nowhere" in done.stderr, f"{done.command}: does not name the file: {done.tail()}")
        require(done.stdout == "", f"{done.command}: wrote to stdout")
    return "6 commands"


def help_and_version_go_to_stdout(bench):
    for arguments in (("--help",), ("--version",), *(
            (c, "--help") for c in ("train", "eval", "predict", "info", "export", "import"))):
        done = bench.run("everything", *arguments).expect(0)
        require(done.stdout.strip() and not done.stderr, f"{done.command}: stderr {done.stderr!r}")
    return "8 commands"


def results_on_stdout_are_csv_and_people_read_stderr(bench):
    folder = bench.folder("results")
    dataset, run = _dataset(bench), folder / "run"
    done = bench.run("everything", "train", "--data", dataset, "--out", run, "--steps", 3).expect(0)
    facts = dict(done.rows())
    require({"run", "steps", "digest", "validation.total", "test.total"} <= facts.keys(),
            f"train printed {sorted(facts)}")
    require(facts["steps"] == "3", f"steps are {facts['steps']}")
    require("\r" not in done.stderr and "\x1b" not in done.stderr, "progress without a terminal")

    rows = bench.run("everything", "eval", "--checkpoint", run, "--data", dataset, "--split",
                     "validation", "--split", "test").expect(0).rows()
    require(rows[0] == ["split", "records", "name", "value", "standard_error", "low", "high"], f"eval printed {rows[0]}")
    total = next(float(row[3]) for row in rows if row[0] == "validation" and row[2] == "total")
    require(total == float(facts["validation.total"]), "eval and train disagree on validation.total")
    rows = bench.run("everything", "eval", "--checkpoint", run, "--data", dataset, "--confusion",
                     "kind").expect(0).rows()
    require(len(rows) == 6, f"a confusion matrix of {len(rows)} rows")
    rows = bench.run("everything", "predict", "--checkpoint", run, "--data", dataset, "--split",
                     "all").expect(0).rows()
    require(len(rows) == data.RECORDS + 1, f"{len(rows) - 1} predictions")
    for file in ("losses.csv", "metrics.csv", "timing.csv"):
        with open(run / file, newline="") as text:
            table = list(csv.reader(text, strict=True))
        require(len({len(row) for row in table}) == 1 and len(table) > 1, f"{file} is no table")
    return "train, eval, predict and 3 logs"


def losses_csv_reads_back_and_adds_up(bench):
    """Values are those of the terms: total is the weighted sum, cosines are cosines."""
    run = bench.folder("losses") / "run"
    bench.run("everything", "train", "--data", _dataset(bench), "--out", run, "--steps", 6, "--log-every",
              1, "--gradients-every", 2).expect(0)
    with open(run / "losses.csv", newline="") as text:
        rows = list(csv.DictReader(text))
    terms = [name.removesuffix(".value") for name in rows[0] if name.endswith(".value")]
    require(len(terms) == 11, f"{len(terms)} terms")
    measured = 0
    for row in rows:
        total = sum(float(row[f"{t}.value"] or 0) * float(row[f"{t}.weight"]) for t in terms)
        require(abs(total - float(row["total"])) <= 1e-6 * abs(total), f"total {row['total']}, not {total}")
        cosines = [float(v) for k, v in row.items() if k.startswith("cosine.") and v]
        require(all(abs(c) <= 1 + 1e-6 for c in cosines), "a cosine beyond 1")
        measured += bool(cosines)
    require(measured == 3, f"gradients of {measured} steps instead of 3")
    require([r["split"] for r in rows].count("train") == 6, "not a row for each step")
    return f"{len(rows)} rows"


def _on_terminal(bench, out, *options, columns):
    """What a training shows on a terminal of so many columns."""
    master, terminal = pty.openpty()
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    command = bench.command("everything", ("train", "--data", _dataset(bench), "--out", out, *options))
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=terminal)
    os.close(terminal)
    shown = b""
    try:
        while part := os.read(master, 65536):
            shown += part
    except OSError:  # the other end was closed
        pass
    os.close(master)
    require(process.wait() == 0, f"exit {process.returncode}")
    return shown.decode()


def progress_is_shown_on_a_terminal_only(bench):
    out = bench.folder("terminal") / "run"
    shown = _on_terminal(bench, out, "--steps", 3, columns=200)
    require("step 3/3" in shown and "\x1b[K" in shown, f"no progress on a terminal: {shown[-300:]!r}")
    return "1 run"


def epochs_are_counted_from_1_in_lines_that_fit(bench):
    """Alike in the progress line, which a narrow terminal does not wrap, and in log.txt; CSV from 0."""
    folder = bench.folder("epochs")
    options = ("--epochs", 2, "--batch-size", 43)
    for columns in (30, 80, 1000):
        shown = _on_terminal(bench, folder / f"run{columns}", *options, columns=columns)
        lines = [line for part in re.findall("\r\x1b\\[K([^\r\n]*)", shown) if (line := part.strip("\n"))]
        progress = [line for line in lines if line.startswith("epoch") and "step" in line]
        require(progress and progress[-1].startswith("epoch 2 of 2  step 6/6"), f"progress is {progress}")
        require(all(len(line) < columns for line in progress), f"{columns} columns: {progress}")
    log = (folder / "run80/log.txt").read_text().splitlines()
    epochs = [line for line in log if re.match(r"epoch \d+ of 2: \d+ records/s; validation: total ", line)]
    require([line[:12] for line in epochs] == ["epoch 1 of 2", "epoch 2 of 2"], f"log.txt says {log}")
    require(all(len(line) < 250 and line.count("kind.") == 1 for line in epochs), f"long lines: {epochs}")
    for file in ("losses.csv", "metrics.csv", "timing.csv"):
        with open(folder / "run80" / file, newline="") as text:
            found = {row["epoch"] for row in csv.DictReader(text)}
        require(found == {"0", "1"}, f"{file} has epochs {found}")
    return "3 widths, 3 logs"


def a_closed_or_full_stdout_is_exit_4(bench):
    run = bench.folder("stdout") / "run"
    bench.run("everything", "train", "--data", _dataset(bench), "--out", run, "--steps", 1).expect(0)
    for arguments in (("info",), ("eval", "--checkpoint", run, "--data", _dataset(bench))):
        with open("/dev/full", "w") as full:
            done = subprocess.run(bench.command("everything", arguments), stdout=full,
                                  stderr=subprocess.PIPE, text=True, check=False)
        require(done.returncode == 4 and done.stderr,
                f"{arguments[0]} > /dev/full: exit {done.returncode}: {done.stderr[-200:]}")
    return "2 commands"


def an_existing_run_folder_is_refused_without_force(bench):
    folder = bench.folder("existing")
    train = ("train", "--data", _dataset(bench), "--steps", 1, "--out")
    bench.run("everything", *train, folder / "run").expect(0)
    before = contents(folder / "run")
    bench.run("everything", *train, folder / "run").expect(2, "not empty", "--force")
    require(contents(folder / "run") == before, "the refused command changed the run folder")
    bench.run("everything", *train, folder / "run", "--force").expect(0)
    for name in (".git/config", ".ssh/id", "confusion-notes.txt", "checkpoints/mine.bin", "letter.txt"):
        path = folder / "run" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
        before = contents(folder / "run")
        shown = name if name.startswith("checkpoints") else name.split("/")[0]
        bench.run("everything", *train, folder / "run", "--force").expect(2, shown, "no run writes")
        require(contents(folder / "run") == before, f"--force changed a folder with {name}")
        shutil.rmtree(path.parent) if name.startswith(".") else path.unlink()
    # What is wrong besides is found before anything is removed.
    before = contents(folder / "run")
    for options, code in ((("--data", folder / "none"), 4), (("--init", folder / "none"), 4),
                          (("--mix", "a=1"), 2), (("--lr", "x"), 2)):
        done = bench.run("everything", "train", "--data", _dataset(bench), "--out", folder / "run", "--force",
                         *options) if options[0] != "--data" else bench.run(
                             "everything", "train", "--out", folder / "run", "--force", *options)
        require(done.code in (code, 3), f"{options}: exit {done.code}: {done.tail()}")
        require(contents(folder / "run") == before, f"a wrong {options[0]} cost the old run")
    (folder / "mine").mkdir()
    (folder / "mine/letter.txt").write_text("dear")
    bench.run("everything", *train, folder / "mine", "--force").expect(2, "letter.txt")
    require([p.name for p in (folder / "mine").iterdir()] == ["letter.txt"],
            "a refused --force changed the folder")
    (folder / "file").write_text("x")
    bench.run("everything", *train, folder / "file").expect(2, "not a folder")
    (folder / "empty").mkdir()
    bench.run("everything", *train, folder / "empty").expect(0)
    bench.run("everything", *train, folder / "new", "--init", folder / "typo").expect(4, "typo")
    require(not (folder / "new").exists(), "a wrong --init left a folder")
    bench.run("everything", *train, folder / "new", "--init", folder / "run").expect(0)
    return "17 commands"


def eval_takes_the_weights_of_the_run(bench):
    """For `total`: those that the run was trained with, unless others are given."""
    run = bench.folder("weights") / "run"
    facts = dict(bench.run("everything", "train", "--data", _dataset(bench), "--out", run, "--steps", 3,
                           "--weight", "kind=7", "--weight", "place=0.01").expect(0).rows())

    def total(*options):
        rows = bench.run("everything", "eval", "--checkpoint", run, "--data", _dataset(bench),
                         *options).expect(0).rows()
        return {row[2]: float(row[3]) for row in rows[1:] if row[3]}

    found = total()
    require(found["total"] == float(facts["test.total"]), f"{found['total']}, not {facts['test.total']}")
    other = total("--weight", "kind=0")
    require(abs(found["total"] - other["total"] - 7 * found["term.kind"]) < 1e-5 * found["total"],
            "--weight does not take the place of the run's")
    return "2 evaluations"


def the_test_split_is_measured_with_the_last_and_the_best(bench):
    """stdout tells both apart, and measures nothing twice where they are one."""
    run = bench.folder("both") / "run"
    train = ("train", "--data", _dataset(bench), "--out", run)
    done = bench.run("everything", *train, "--steps", 6).expect(0)
    facts = dict(done.rows())
    best = int((run / "best").resolve().name[5:13])
    require(int(facts["best.step"]) == best, f"best.step {facts['best.step']}, but best is {best}")
    for name, step in (("last", 6), ("best", best)):
        rows = bench.run("everything", "eval", "--checkpoint", run / name, "--data",
                         _dataset(bench)).expect(0).rows()
        start = "best.test." if name == "best" else "test."
        for row in rows[1:]:
            if row[2].startswith("term."):
                continue
            said = facts[start + row[2]]
            require((said == "") == (row[3] == "") and (not said or abs(float(said) - float(row[3])) < 6e-5),
                    f"{start}{row[2]} is {said}, eval of {name} (step {step}) says {row[3]}")
    # A rate that spoils the end: the best is an earlier one.
    shutil.rmtree(run)
    done = bench.run("everything", *train, "--epochs", 4, "--lr", 0.5, "--schedule", "constant")
    facts = dict(done.expect(0, "best.test.*", "test.*").rows())
    require(int(facts["best.step"]) < int(facts["steps"]), f"the best is the last: {facts['best.step']}")
    require(facts["best.test.total"] != facts["test.total"], "one total for two checkpoints")
    resumed = bench.run("everything", "train", "--out", run, "--resume").expect(0)
    require(resumed.stdout == done.stdout, "the finished run, resumed, prints something else")
    return "2 runs"


def without_labels_in_validation_nothing_is_the_best(bench):
    """A total of penalties alone is no validation."""
    folder = bench.folder("unlabelled")
    (folder / "data").mkdir()
    data.everything(folder / "data")
    validation = np.load(folder / "data/split.npy") == 1
    for name, unknown in (("kind", -1), ("grade", -1), ("place", np.nan), ("outline", 255), ("parts", 255)):
        array = np.load(folder / f"data/{name}.npy")
        array[validation] = unknown
        np.save(folder / f"data/{name}.npy", array)
    answer = np.load(folder / "data/answer.npy").astype(np.int32)
    answer[validation] = -1
    np.save(folder / "data/answer.npy", answer)
    done = bench.run("everything", "train", "--data", folder / "data", "--out", folder / "run",
                     "--epochs", 2).expect(0, "no checkpoint is the best")
    facts = dict(done.rows())
    require(facts["validation.total"] == "" and "best.step" not in facts, f"{facts}")
    require(not (folder / "run/best").exists(), "there is a best checkpoint")
    with open(folder / "run/losses.csv", newline="") as text:
        totals = {row["total"] for row in csv.DictReader(text) if row["split"] == "validation"}
    require(totals == {""}, f"totals of validation are {totals}")
    require(done.stderr.count("no checkpoint is the best") == 1, "said more than once")
    return "1 run"


def divergence_is_exit_5_and_keeps_the_last_good_checkpoint(bench):
    ways = (("--lr", "1e29", "--clip", 0), ("--lr", "answers=1e29"), ("--weight", "place=1e29"),
            ("--lr", "1e25", "--clip", 0, "--checkpoint-every", 1))
    for options in ways:
        run = bench.folder("diverged") / "run"
        done = bench.run("everything", "train", "--data", _dataset(bench), "--out", run, "--epochs", 30,
                         "--batch-size", 43, "--schedule", "constant", *options)
        _check_divergence(done, run, " ".join(map(str, options)))
    return f"{len(ways)} ways"


def _check_divergence(done, run, what):
    done.expect(5, "diverged at step", "diverged.csv")
    require(re.search(r"term '\w+' is not finite|first gradient that is not finite is that of '[\w.]+'",
                      done.stderr), f"{what}: names neither term nor layer: {done.tail()}")
    with open(run / "diverged.csv", newline="") as text:
        rows = list(csv.reader(text))
    records = [int(row[0]) for row in rows[1:]]
    require(rows[0] == ["record"] and len(records) == len(set(records)) and len(records) in (43, 14),
            f"{what}: diverged.csv has {len(records)} records")
    require(all(0 <= r < data.RECORDS for r in records), f"{what}: records {records}")
    step, epoch = map(int, re.search(r"at step (\d+) \(epoch (\d+) of 30\)", done.stderr).groups())
    require(epoch == (step - 1) // 3 + 1, f"{what}: step {step} is not of epoch {epoch}")
    if (run / "last").is_symlink():
        _, tensors = _file((run / "last").read_bytes())
        bad = [name for name, values in tensors.items() if not np.isfinite(values).all()]
        require(not bad, f"{what}: the checkpoint that is kept has values that are not finite in {bad}")


def predictions_need_no_targets(bench):
    """A dataset folder of pictures alone, and pictures by name, and the same answers for both."""
    folder = bench.folder("predict")
    run = folder / "run"
    bench.run("everything", "train", "--data", _dataset(bench), "--out", run, "--steps", 2).expect(0)
    images = np.load(_dataset(bench) / "images.npy")
    (folder / "pictures").mkdir()
    shutil.copy(_dataset(bench) / "images.npy", folder / "pictures")
    rows = bench.run("everything", "predict", "--checkpoint", run, "--data", folder / "pictures").expect(
        0).rows()
    require(len(rows) == len(images) + 1, f"{len(rows) - 1} predictions")
    names = []
    for i in range(5):
        names.append(folder / f"p{i}.png")
        names[-1].write_bytes(data.png(images[i].transpose(1, 2, 0)))
    found = bench.run("everything", "predict", "--checkpoint", run, *names).expect(0).rows()
    require([r[1:] for r in found[1:]] == [r[1:] for r in rows[1:6]], "a picture's file is predicted otherwise")
    names[2].write_bytes(b"no picture")
    done = bench.run("everything", "predict", "--checkpoint", run, *names)
    require(len(done.rows()) == 3, f"{len(done.rows()) - 1} rows before the bad picture")
    require(done.code == 3 and "p2.png" in done.stderr, f"{done.command}: exit {done.code}: {done.tail()}")
    done = bench.run("everything", "predict", "--checkpoint", run, "--skip-bad", *names)
    require("p2.png" in done.stderr, f"{shorter([done.command])} does not name the bad picture")
    if len(done.rows()) != 6:
        raise Failed(f"{len(done.rows()) - 1} rows with --skip-bad")
    return f"{len(images) + 15} records"
