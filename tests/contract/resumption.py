"""A run goes on from what its folder still has, wherever that was copied, and never from something else."""

import json
import os
import shutil
import signal
import subprocess

import data
import numpy as np
from harness import contents, every_mix, file_size, read_until, require, same_contents, wait_until
from nothing_lost import SHORT, _resume, _train, _trap, _uninterrupted


def _stopped(bench, name, options):
    """A run that was stopped between its planned checkpoints."""
    run = bench.folder(name) / "run"
    process = bench.start("everything", "train", "--data", bench.once("everything-data", data.everything),
                          "--out", run, *options)
    wait_until(lambda: process.poll() is not None or (run / "best").is_symlink() and
               file_size(run / "losses.csv") > 9000, 60, "some steps")
    bench.end(process, signal.SIGTERM).expect(143)
    return run


def what_a_mix_keeps_is_resumed(bench):
    """Every mix: killed at an operation on a file, in a quick run one amid the run, and resumed."""
    described = json.loads(bench.run("lenet", "info", "--json").expect(0).stdout)
    kept = {mix["type"]: mix.get("state", []) for mix in described["mixes"]}
    mixes, kills = every_mix(bench, "lenet"), 0
    for mix in mixes:
        options = ("--data", bench.once("few-digits", data.few_digits), "--mix", mix, "--steps", 14,
                   "--batch-size", 43, "--log-every", 1, "--checkpoint-every", 3, "--keep", 3)
        log, run = bench.folder("mix-whole") / "operations", bench.work / "mix-whole/run"
        bench.run("lenet", "train", "--out", run, *options,
                  environment={**_trap(bench, "count"), "FILE_TRAP_LOG": str(log)}).expect(0)
        expected, count = contents(run), len(log.read_text())
        checkpoint = (run / "last").read_bytes()
        for name in kept[mix.partition(":")[0]]:
            require(f'"mix.all.{name}":{{"dtype":"F64"'.encode() in checkpoint,
                    f"{mix}: {name} is not in checkpoints")
        for number in [count * sixths // 6 for sixths in bench.count((3,), (2, 3, 4, 5))]:
            run = bench.folder("mix-parts") / "run"
            done = bench.run("lenet", "train", "--out", run, *options, "--threads", 1,
                             environment=_trap(bench, f"kill {number}"))
            require(done.code == -signal.SIGKILL, f"{mix}: exit {done.code}: {done.tail()}")
            bench.run("lenet", "train", "--out", run, "--resume", "--threads", 2).expect(
                0, "resuming after step")
            same_contents(expected, contents(run), f"{mix}, killed at operation {number} of {count}")
            kills += 1
    return f"{len(mixes)} mixes and what goes with them, {kills} kills"


def a_run_that_lost_its_links_is_resumed(bench):
    """After a copy that follows links, without them, with links to nothing, and with half a checkpoint."""
    options = ("--steps", 100, "--batch-size", 13, "--log-every", 1, "--checkpoint-every", 7, "--threads", 1)
    expected = _uninterrupted(bench, options)
    stopped = _stopped(bench, "original", options)
    step = int((stopped / "last").resolve().name[5:13])

    def follow(run):
        shutil.rmtree(run)
        shutil.copytree(stopped, run)  # follows links

    def follow_without_checkpoints(run):
        follow(run)
        for path in (run / "checkpoints").iterdir():
            path.unlink()

    def lose(run):
        for name in ("last", "best"):
            (run / name).unlink()

    def dangle(run):
        for name in ("last", "best"):
            (run / name).unlink()
            (run / name).symlink_to("elsewhere/step-00000001.safetensors")

    def halve(run):
        lose(run)
        newest = max((run / "checkpoints").iterdir())
        newest.write_bytes(newest.read_bytes()[:1000])

    def cut(run):
        # The rows of the newest checkpoint are missing: as if the log had been copied earlier.
        log = run / "losses.csv"
        rows = log.read_bytes().splitlines(keepends=True)
        log.write_bytes(b"".join(rows[:-1]))

    for change in (follow, follow_without_checkpoints, lose, dangle, halve, cut):
        run = bench.folder("lost") / "run"
        shutil.copytree(stopped, run, symlinks=True)
        change(run)
        process = bench.start("everything", "train", "--out", run, "--resume")
        said = read_until(process, "resuming after step")
        resumed = int(said.split("resuming after step")[1].split()[0])
        require(0 < resumed <= step, f"{change.__name__}: resumed after step {resumed} of {step}")
        require(change in (halve, cut) or resumed == step,
                f"{change.__name__}: resumed after step {resumed}, not {step}")
        bench.end(process).expect(0)
        same_contents(expected, contents(run), change.__name__)
    return "6 ways"


def nothing_is_begun_over_checkpoints_that_are_damaged(bench):
    run = bench.folder("all-damaged") / "run"
    _train(bench, run, *SHORT).expect(0)
    for name in ("last", "best"):
        (run / name).unlink()
    for path in (run / "checkpoints").iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    before = contents(run)
    _resume(bench, run).expect(3, "no checkpoint of", "step-00000009")
    same_contents(before, contents(run), "refused")
    return "1 run"


def a_poor_file_system_loses_nothing(bench):
    """One without links, one that cannot sync folders, one without locks; interrupted in between."""
    options = ("--steps", 100, "--batch-size", 13, "--log-every", 1, "--checkpoint-every", 7, "--keep", 2,
               "--threads", 1)
    expected = _uninterrupted(bench, options)
    for lacking in ("links", "syncing", "locks"):
        trap = _trap(bench, f"without {lacking}")
        run = bench.folder("poor") / "run"
        process = subprocess.Popen(
            bench.command("everything", ("train", "--data", bench.once("everything-data", data.everything),
                                         "--out", run, *options)),
            text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, **trap})
        wait_until(lambda: process.poll() is not None or file_size(run / "losses.csv") > 9000, 60,
                   "some steps")
        stopped = bench.end(process, signal.SIGTERM).expect(143)
        done = _resume(bench, run, environment=trap).expect(0, "resuming after step")
        for said in (stopped, done):
            require(("has no locks" in said.stderr) == (lacking == "locks"), f"{lacking}: {said.tail()}")
        found = contents(run)
        for name in ("last", "best"):
            if lacking == "links":
                require(not (run / name).is_symlink(), f"{name} is a link")
                found[name] = b"-> " + found[name].rstrip(b"\n")
            rows = bench.run("everything", "eval", "--checkpoint", run / name, "--data", bench.once(
                "everything-data", data.everything)).expect(0).rows()
            require(len(rows) > 5, f"{name}: {len(rows)} rows")
        same_contents(expected, found, f"without {lacking}")
    return "3 kinds"


def options_that_were_changed_in_between_are_refused(bench):
    """config.ini was edited: what decides results must be as it was, the rest may be another."""
    run = bench.folder("edited") / "run"
    _train(bench, run, *SHORT).expect(0)
    text = (run / "config.ini").read_text()
    for old, new, told in (("batch-size = 13", "batch-size = 12", "batch-size 13, but config.ini has 12"),
                           ("weight = grade=0.5", "weight = grade=0.25", "weight.grade 0.5"),
                           ("steps = 9", "steps = 11", "steps 9"), ("seed = 1", "seed = 2", "seed 1")):
        require(old in text, f"config.ini has no '{old}'")
        (run / "config.ini").write_text(text.replace(old, new))
        before = contents(run)
        _resume(bench, run).expect(3, told, "put it back")
        same_contents(before, contents(run), f"refused with {new}")
    (run / "config.ini").write_text(text.replace("keep = 2", "keep = 9"))
    _resume(bench, run).expect(0)
    return "4 changes refused, 1 taken"


def a_data_set_that_was_moved_is_found_by_data(bench):
    folder = bench.folder("moved")
    (folder / "data").mkdir()
    data.everything(folder / "data")
    expected = _uninterrupted(bench, SHORT)
    run = folder / "run"
    process = bench.start("everything", "train", "--data", folder / "data", "--out", run, *SHORT)
    wait_until(lambda: (run / "last").is_symlink() or process.poll() is not None, 60, "a checkpoint")
    bench.end(process, signal.SIGTERM)
    (folder / "data").rename(folder / "new")
    _resume(bench, run).expect(4, "data", "--data DIR")
    answer = np.load(folder / "new/answer.npy")
    np.save(folder / "new/answer.npy", 1 - answer)
    before = (run / "config.ini").read_bytes()
    bench.run("everything", "train", "--out", run, "--resume", "--data", folder / "new").expect(
        3, "not those that this run was trained on")
    require((run / "config.ini").read_bytes() == before, "other data were written into config.ini")
    np.save(folder / "new/answer.npy", answer)
    bench.run("everything", "train", "--out", run, "--resume", "--data", folder / "new").expect(0)
    same_contents(expected, contents(run), "resumed with data that were moved")
    _resume(bench, run).expect(0)  # config.ini knows the new place
    return "1 data set"
