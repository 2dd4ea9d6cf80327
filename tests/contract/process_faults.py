"""Faults of many processes over MPI: whatever happens to one, all end soon, somebody says why, nothing is lost."""

import os
import random
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import data
import numpy as np
from harness import contents, end_hard, require, same_contents, wait_until, whole_checkpoints
from launching import begin, dataset, end, kinds, launch, processes, rows, train, wait_for_a_row

# What a launcher returns that was asked to stop itself.
STOPPED = {"openmpi": lambda signal: 1, "mpich": lambda signal: 128 + signal}
# Launchers are some seconds in ending processes.
SOON = 15
ENDLESS = ("--steps", 100000, "--batch-size", 29, "--log-every", 1, "--checkpoint-every", 1, "--threads", 1)


def _begin(bench, run, options, *, count=3, kind="openmpi", environment=None, resumes=False):
    records = () if resumes else ("--data", dataset(bench, "everything"))
    return begin(bench, "everything", [(count, ("train", "--out", run, *records, *options))], kind, environment)


def _at_work(bench, run, *, count=3, kind="openmpi", **how):
    """A launcher whose processes train, and their process ids."""
    launcher = _begin(bench, run, ENDLESS, count=count, kind=kind, **how)
    wait_for_a_row(launcher, run)
    require(launcher.poll() is None, "it ended before it trained")
    found = processes(launcher, kind)
    require(sorted(found) == list(range(count)), f"processes {found}")
    return launcher, found


def _all_gone(found, what):
    """Killed ones may be there for a moment."""
    def runs(pid):
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
        except OSError:
            return False

    wait_until(lambda: not any(map(runs, found.values())), 5, f"the end of all: {what}")


def _said(done):
    """Sentences of ours that say why all ended."""
    return [line for line in done.stderr.splitlines() if line.startswith("medley-") and "all processes end" in line]


def a_process_killed_at_any_instant_ends_all_and_nothing_is_lost(bench):
    """The first or another, in the midst of steps and checkpoints, and resumed by another number."""
    found_kinds, chance = kinds(bench, "everything"), random.Random(3)
    steps, wanted = bench.count(30, 400), bench.count(2, 100)
    options = ("--steps", steps, *ENDLESS[2:], "--keep", 3, "--mix", "shapes=upgrad")
    expected = train(bench, "everything", "one", "--data", dataset(bench, "everything"), *options)
    kills = lives = 0
    while kills < wanted:
        run, ended = bench.folder("killed") / "run", False
        while not ended:
            lives += 1
            kind, count = found_kinds[lives % len(found_kinds)], chance.choice((2, 3, 4))
            resumes = (run / "last").is_symlink()
            before = rows(run) if resumes else 0
            launcher = _begin(bench, run, ("--resume",) if resumes else (*options, "--force"), count=count, kind=kind,
                              resumes=resumes)
            pids = {}
            if kills < wanted:
                wait_for_a_row(launcher, run, before)
                pids = processes(launcher, kind)
                time.sleep(chance.uniform(0, 0.2))
            if len(pids) == count:
                rank, start = chance.randrange(count), time.monotonic()
                os.kill(pids[rank], signal.SIGKILL)
                done = end(launcher, SOON)
                what = f"{kind}, process {rank + 1} of {count} killed"
                _all_gone(pids, what)
                if done.code != 0:  # (MPICH may tell of one that has lost it instead)
                    require(kind == "mpich" or f"process rank {rank}" in done.stderr, f"{what}: {done.tail()}")
                    kills += 1
                require(time.monotonic() - start < SOON, f"{what}: all ended after more than {SOON} s")
                whole_checkpoints(run)
            else:
                done = end(launcher)
                done.expect(0)
            ended = done.code == 0
        same_contents(expected, contents(run), f"after {kills} kills")
    return f"{kills} kills in {lives} launches, {' and '.join(found_kinds)}"


def a_process_that_hangs_ends_all_with_one_sentence(bench):
    """SIGSTOP of another, and of the first, which the others notice."""
    tried = 0
    for kind in kinds(bench, "everything")[:bench.count(1, 2)]:
        for rank in (1, 0):
            run = bench.folder("hangs") / "run"
            launcher, pids = _at_work(bench, run, kind=kind, environment={"MEDLEY_PATIENCE": "2"})
            os.kill(pids[rank], signal.SIGSTOP)
            # (Others that wait for it may be named with it.)
            done = end(launcher, 2 + SOON).expect(4, f": process {rank + 1}", "not answered for 2 s", "--resume")
            require(len(_said(done)) == 1, f"{kind}: {len(_said(done))} sentences: {_said(done)}")
            _all_gone(pids, f"process {rank + 1} stopped")
            whole_checkpoints(run)
            tried += 1
    return f"{tried} times"


def a_process_that_was_asleep_does_not_blame_the_others(bench):
    """All are stopped for longer than their patience, as with a machine, and go on."""
    kinds(bench, "everything")
    run = bench.folder("asleep") / "run"
    launcher, pids = _at_work(bench, run, environment={"MEDLEY_PATIENCE": "2"})
    for pid in pids.values():
        os.kill(pid, signal.SIGSTOP)
    time.sleep(3)
    for pid in pids.values():
        os.kill(pid, signal.SIGCONT)
    wait_for_a_row(launcher, run, rows(run))
    time.sleep(1)
    require(launcher.poll() is None, "it ended")
    os.kill(pids[0], signal.SIGTERM)
    end(launcher).expect(143, "stopped after step")
    return "1 time"


def the_first_process_may_be_idle_for_as_long_as_it_likes(bench):
    """The others wait longer than their patience for somebody who types."""
    found_kinds, folder = kinds(bench, "everything"), bench.folder("idle")
    bench.run("everything", "train", "--data", dataset(bench, "everything"), "--out", folder / "run", "--steps", 2).expect(0)
    data.pictures(folder, 1)
    launcher = begin(bench, "everything", [(2, ("predict", "--checkpoint", folder / "run", "--stream"))], found_kinds[0],
                     {"MEDLEY_PATIENCE": "1"}, stdin=subprocess.PIPE)
    launcher.stdin.write(f"{folder}/p0.png\n")
    launcher.stdin.flush()
    answers = [launcher.stdout.readline(), launcher.stdout.readline()]  # columns, and the first
    time.sleep(7)  # the second process speaks after five
    launcher.stdin.write(f"{folder}/p0.png\n")
    launcher.stdin.flush()
    done = end(launcher).expect(0)
    require(answers[1] and done.stdout == answers[1], f"another answer after a while: {answers}, {done.stdout!r}")
    return "7 s"


def asked_to_stop_processes_save_and_resume_to_the_same_bytes(bench):
    """SIGTERM and SIGINT to the launcher, which has an exit code of its own, and to the first process."""
    found_kinds = kinds(bench, "everything")
    options = ("--steps", bench.count(50, 80), *ENDLESS[2:4], "--log-every", 1, "--checkpoint-every", 7, "--threads", 1)
    expected = train(bench, "everything", "one", "--data", dataset(bench, "everything"), *options)
    stops = 0
    for kind in found_kinds[:bench.count(1, 2)]:
        # (Open MPI waits so long before SIGTERM, and between that and SIGKILL: some runs are at their end before.)
        patient = {"OMPI_MCA_odls_base_sigkill_timeout": "2"}
        for name in (signal.SIGTERM, signal.SIGINT):
            for to_launcher in (name == signal.SIGTERM,) if bench.quick else (True, False):
                run = bench.folder("stopped") / "run"
                launcher = _begin(bench, run, options, kind=kind, environment=patient)
                wait_for_a_row(launcher, run)
                pids = processes(launcher, kind)
                if launcher.poll() is None and 0 in pids:
                    os.kill(launcher.pid if to_launcher else pids[0], name)
                done = end(launcher)
                code = STOPPED[kind](name) if to_launcher else 128 + name
                require(done.code in (0, code), f"{kind}, {name.name}: exit {done.code}: {done.tail()}")
                require(done.code == 0 or to_launcher or "stopped after step" in done.stderr,
                        f"{kind}, {name.name}: exit {done.code}: {done.stderr}")
                require(done.stderr.count("stopping after") < 2, f"{kind}, {name.name}: {done.stderr}")
                if "stopped after step" in done.stderr:
                    step = int(done.stderr.split("stopped after step")[1].split()[0])
                    require((run / "last").resolve().name == f"step-{step:08}.safetensors", f"last is not step {step}")
                    bench.run("everything", "train", "--out", run, "--resume").expect(0, "resuming after step")
                    stops += 1
                same_contents(expected, contents(run), f"{kind}, stopped by {name.name}")
    require(stops > 0, "no stop hit a running training")
    return f"{stops} stops"


def data_that_vanish_beneath_a_process_end_all(bench):
    """A copy of one process's own: its files cut off while it trains."""
    kinds(bench, "everything")
    folder = bench.folder("vanishing")
    shutil.copytree(dataset(bench, "everything"), folder / "copy")
    train_it = ("train", "--out", folder / "run", *ENDLESS)
    launcher = begin(bench, "everything", [(1, (*train_it, "--data", dataset(bench, "everything"))),
                                           (1, (*train_it, "--data", folder / "copy"))])
    wait_for_a_row(launcher, folder / "run")
    pids = processes(launcher)
    os.truncate(folder / "copy/images.npy", 128)
    done = end(launcher, SOON).expect(4, "images.npy", "process 2 of 2")
    said = [line for line in done.stderr.splitlines() if "can no longer be read" in line]
    require(len(said) == 1, f"{said}")
    _all_gone(pids, "data cut off")
    whole_checkpoints(folder / "run")
    return "1 folder"


def processes_that_do_not_fit_together_are_refused(bench):
    """Before the first step, by name: other options, data, experiments; a copy that is the same is taken."""
    kinds(bench, "everything", "lenet")
    folder, records = bench.folder("unfit"), dataset(bench, "everything")
    for name in ("same", "other-byte", "other-label", "short"):
        shutil.copytree(records, folder / name)
    pixels = np.load(folder / "other-byte/images.npy")
    pixels[0, 0, 0, 0] ^= 1
    np.save(folder / "other-byte/images.npy", pixels)
    answer = np.load(folder / "other-label/answer.npy")
    answer[-1] ^= 1
    np.save(folder / "other-label/answer.npy", answer)
    (folder / "short/images.npy").write_bytes((folder / "short/images.npy").read_bytes()[:-1])

    def refused(experiments, first, second, code, *texts):
        run = folder / "run"
        done = launch(bench, experiments, [(2, ("train", "--out", run, *first)), (1, ("train", "--out", run, *second))])
        done = re.sub(r"-{20,}.*?-{20,}\n", "", done.stderr, flags=re.S), done.code
        require(done[1] == code, f"exit {done[1]}, not {code}: {done[0][-300:]}")
        for text in ("process 3 of 3", *texts):
            require(text in done[0], f"stderr does not say '{text}': {done[0][-300:]}")
        require(len(done[0].strip().splitlines()) == 1, f"more than a sentence: {done[0]}")
        require(not (run / "losses.csv").exists() or b"\n1," not in (run / "losses.csv").read_bytes(), "it trained")
        shutil.rmtree(run, ignore_errors=True)

    given = ("--data", records)
    refused("everything", (*given, "--steps", 6), (*given, "--steps", 7), 2, "its options say 7", "say 6")
    refused("everything", given, (*given, "--seed", 2), 2, "its options say --seed", "nothing")
    refused(("everything", "lenet"), given, given, 2, "it trains the experiment lenet", "everything")
    refused("everything", given, ("--data", folder / "other-byte"), 3, "its copy of the data set is not that")
    refused("everything", given, ("--data", folder / "other-label"), 3, "its copy of the data set is not that")
    refused("everything", given, ("--data", folder / "short"), 3, "images.npy")
    refused("everything", given, ("--data", folder / "nowhere"), 4, "nowhere")
    options = ("--steps", 2, "--log-every", 1)
    expected = train(bench, "everything", "one", *given, *options)
    own = [(1, ("train", "--out", folder / "own", *given, *options)),
           (2, ("train", "--out", folder / "own", "--data", folder / "same", *options, "--threads=2"))]
    launch(bench, "everything", own).expect(0)
    same_contents(expected, contents(folder / "own"), "with a copy of the data set")
    return "7 refusals, 1 copy"


def a_second_launch_on_the_run_folder_is_refused(bench):
    kinds(bench, "everything")
    run = bench.folder("two-launches") / "run"
    launcher, pids = _at_work(bench, run, count=2)
    for arguments in (("--resume",), ("--data", dataset(bench, "everything"), "--force")):
        launch(bench, "everything", 2, "train", "--out", run, *arguments).expect(4, "in use by process", str(pids[0]))
    require(launcher.poll() is None, "the first launch ended")
    end_hard(launcher)
    _all_gone(pids, "the launcher killed")
    return "2 refusals; processes end with a launcher that is killed"


def one_process_speaks_and_exit_codes_are_those_of_one(bench):
    """Whatever comes out of the plain binary comes out of three processes, once."""
    kinds(bench, "everything")
    records, out = dataset(bench, "everything"), bench.folder("manners")
    cases = [(("--help",), 0), (("train", "--help"), 0), (("info",), 0), (("fly",), 2),
             (("train", "--data", records, "--out", out / "a", "--epochs", "x"), 2),
             (("train", "--data", records, "--out", out / "b", "--epochs", 30, "--schedule",
               "constant", "--lr", "1e29", "--clip", 0, "--quiet"), 5)]
    if not bench.quick:
        (out / "text").write_text("no checkpoint")
        cases += [(("--version",), 0), ((), 2), (("eval", "--checkpoint", out / "none", "--data", records), 4),
                  (("train", "--data", out, "--out", out / "c"), 4),
                  (("eval", "--checkpoint", out / "text", "--data", records), 3)]
    for arguments, code in cases:
        plain = bench.run("everything", *arguments)
        shutil.rmtree(out / "b", ignore_errors=True)
        found = launch(bench, "everything", 3, *arguments)
        require(plain.code == found.code == code, f"{arguments}: exit {plain.code} and {found.code}, not {code}")
        require(found.stdout == plain.stdout, f"{arguments}: stdout {found.stdout[:200]!r}")
        for line in filter(None, plain.stderr.splitlines()):
            require(found.stderr.count(line) == 1, f"{arguments}: {line!r} comes {found.stderr.count(line)} times")
    return f"{len(cases)} commands"
