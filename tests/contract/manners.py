"""Manners: exit codes, what goes to stdout and what to stderr, and messages that name the cause."""

import csv
import os
import pty
import re
import shutil
import subprocess

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
             ((*train, "--weight", "kind=nan"), "kind=nan"), ((*train, "--weight", "kind=-inf"), "kind=-inf"),
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
            (c, "--help") for c in ("train", "eval", "predict", "info", "import"))):
        done = bench.run("everything", *arguments).expect(0)
        require(done.stdout.strip() and not done.stderr, f"{done.command}: stderr {done.stderr!r}")
    return "7 commands"


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
    require(rows[0] == ["split", "records", "name", "value", "standard_error"], f"eval printed {rows[0]}")
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


def progress_is_shown_on_a_terminal_only(bench):
    out = bench.folder("terminal") / "run"
    master, terminal = pty.openpty()
    command = bench.command("everything", ("train", "--data", _dataset(bench), "--out", out, "--steps", 3))
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
    require(b"step 3/3" in shown and b"\x1b[K" in shown, f"no progress on a terminal: {shown[-300:]!r}")
    return "1 run"


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
    (folder / "mine").mkdir()
    (folder / "mine/letter.txt").write_text("dear")
    bench.run("everything", *train, folder / "mine", "--force").expect(2, "letter.txt")
    require((folder / "mine/letter.txt").read_text() == "dear", "--force removed a foreign file")
    (folder / "file").write_text("x")
    bench.run("everything", *train, folder / "file").expect(2, "not a folder")
    (folder / "empty").mkdir()
    bench.run("everything", *train, folder / "empty").expect(0)
    return "6 commands"


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
    require(done.code == 3 and "p2.png" in done.stderr, f"{done.command}: exit {done.code}: {done.tail()}")
    done = bench.run("everything", "predict", "--checkpoint", run, "--skip-bad", *names)
    require("p2.png" in done.stderr, f"{shorter([done.command])} does not name the bad picture")
    if len(done.rows()) != 6:
        raise Failed(f"{len(done.rows()) - 1} rows with --skip-bad")
    return f"{len(images) + 15} records"
