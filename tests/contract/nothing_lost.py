"""Nothing is lost: interrupted at any instant and resumed, a run ends as if nothing had happened."""

import random
import resource
import shutil
import signal
import subprocess
import time

import data
import numpy as np
from harness import (Failed, contents, end_hard, file_size, require, same_contents, wait_until,
                     whole_checkpoints)

# Nine steps, of eight an epoch; checkpoints fall on ends of epochs and between them, some are removed.
SHORT = ("--steps", 9, "--batch-size", 13, "--log-every", 1, "--checkpoint-every", 3, "--keep", 2,
         "--threads", 1)
# For long runs, a mix of each kind in groups beside each other: one that trains weights, one that keeps what
# gradients were, and one whose weights are those of the step before. (All of them: what_a_mix_keeps_is_resumed.)
MIXES = ("--mix", "labels=uncertainty:rate=5", "--mix", "answers=gradvac", "--mix",
         "shapes=upgrad:gradients=output,smoothing=0.5")


def _train(bench, run, *options, **how):
    return bench.run("everything", "train", "--data", bench.once("everything-data", data.everything),
                     "--out", run, *options, **how)


def _resume(bench, run, **how):
    return bench.run("everything", "train", "--out", run, "--resume", **how)


def _go_on(bench, run, options, **how):
    """As a user would: resume what has begun, be it before its first checkpoint; else begin."""
    if (run / "config.ini").exists():
        return _resume(bench, run, **how)
    return _train(bench, run, *options, **how)


def _uninterrupted(bench, options):
    run = bench.folder("uninterrupted") / "run"
    _train(bench, run, *options).expect(0)
    return contents(run)


def _trap(bench, what):
    return {"LD_PRELOAD": str(bench.library("file_trap")), "FILE_TRAP": what}


def _operations(bench):
    """What a short run does to files: a letter an operation, w for writes."""
    log = bench.folder("count") / "operations"
    _train(bench, log.parent / "run", *SHORT,
           environment={**_trap(bench, "count"), "FILE_TRAP_LOG": str(log)}).expect(0)
    letters = log.read_text()
    require(len(letters) > 100, f"the trap saw {len(letters)} operations only")
    return letters


def _chosen(bench, letters):
    """Numbers of operations from 1: all, but of writes in a row, which go into one file under a name
    that nobody reads, the first and the last. In a quick run every fifth of these."""
    numbers = [i + 1 for i, letter in enumerate(letters)
               if letter != "w" or letters[max(0, i - 1):i + 2] != "www"]
    return numbers[::5] if bench.quick else numbers


def killed_at_every_operation_on_a_file_it_resumes_to_the_same_bytes(bench):
    expected, letters = _uninterrupted(bench, SHORT), _operations(bench)
    kills = 0
    for way in ("kill", "half"):
        for number in _chosen(bench, letters):
            if way == "half" and letters[number - 1] != "w":
                continue  # the same as "kill"
            run = bench.folder("killed") / "run"
            what = f"{way} at operation {number} of {len(letters)}"
            done = _train(bench, run, *SHORT, environment=_trap(bench, f"{way} {number}"))
            require(done.code == -signal.SIGKILL, f"{what}: exit {done.code}: {done.tail()}")
            whole_checkpoints(run)
            done = _go_on(bench, run, SHORT)
            require(done.code == 0, f"{what}, then resumed: exit {done.code}: {done.tail()}")
            same_contents(expected, contents(run), what)
            kills += 1
    return f"{kills} kills, {len(letters)} operations on files in a run"


def a_full_disk_stops_with_exit_4_and_nothing_is_lost(bench):
    expected, letters = _uninterrupted(bench, SHORT), _operations(bench)
    tried = 0
    for number in _chosen(bench, letters):
        run = bench.folder("full") / "run"
        what = f"disk full at operation {number} of {len(letters)}"
        done = _train(bench, run, *SHORT, environment=_trap(bench, f"full {number}"))
        if done.code == 0:  # removing an old checkpoint or a lock's text may fail
            continue
        require(done.code == 4 and "No space left" in done.stderr,
                f"{what}: exit {done.code}: {done.tail()}")
        whole_checkpoints(run)
        done = _go_on(bench, run, SHORT)
        require(done.code == 0, f"{what}, then resumed: exit {done.code}: {done.tail()}")
        same_contents(expected, contents(run), what)
        tried += 1
    require(tried > 10, f"only {tried} operations failed visibly")
    return f"{tried} times"


def killed_at_random_instants_again_and_again_it_ends_with_the_same_bytes(bench):
    """SIGKILL from outside, checkpoints at every step; so many lives that none gets far."""
    steps, wanted = bench.count(60, 400), bench.count(12, 200)
    options = ("--steps", steps, "--batch-size", 13, "--log-every", 1, "--checkpoint-every", 1,
               "--keep", 3, "--threads", 2, *MIXES)
    expected = _uninterrupted(bench, options)
    kills, runs, chance = 0, 0, random.Random(1)
    while kills < wanted:
        run = bench.folder("random") / "run"
        runs += 1
        ended = False
        while not ended:
            arguments = (("train", "--out", run, "--resume") if (run / "last").is_symlink() else
                         ("train", "--data", bench.once("everything-data", data.everything), "--out",
                          run, *options, "--force"))
            process = bench.start("everything", *arguments)
            if kills < wanted:
                before = file_size(run / "losses.csv")
                # Into the loop, then some instant of its next steps.
                wait_until(lambda: process.poll() is not None or
                           file_size(run / "losses.csv") not in (0, before), 60, "the next step")
                time.sleep(chance.uniform(0, 0.02))
            if kills < wanted and process.poll() is None:
                end_hard(process)
                kills += process.returncode == -signal.SIGKILL
                ended = process.returncode == 0
                whole_checkpoints(run)
            else:
                bench.end(process).expect(0)
                ended = True
        same_contents(expected, contents(run), f"after {kills} kills")
    return f"{kills} kills in {runs} run{'s' * (runs > 1)} of {steps} steps"


def killed_before_its_first_checkpoint_a_run_begins_again(bench):
    options = ("--steps", 6, "--batch-size", 43, "--log-every", 1)
    expected = _uninterrupted(bench, options)
    run = bench.folder("early") / "run"
    process = bench.start("everything", "train", "--data",
                          bench.once("everything-data", data.everything), "--out", run, *options)
    wait_until(lambda: process.poll() is not None or file_size(run / "losses.csv") > 0, 60, "a step")
    end_hard(process)
    require(process.returncode == -signal.SIGKILL, "the run ended before it was killed")
    for name in ("checkpoints", "last", "best"):  # whatever it had come to
        path = run / name
        if path.is_symlink():
            path.unlink()
    _resume(bench, run).expect(0)
    same_contents(expected, contents(run), "begun again")
    return "1 kill"


def other_data_are_refused_on_resuming(bench):
    folder = bench.folder("other-data")
    (folder / "data").mkdir()
    data.everything(folder / "data")
    bench.run("everything", "train", "--data", folder / "data", "--out", folder / "run", "--steps",
              3).expect(0)
    answer = np.load(folder / "data/answer.npy")
    np.save(folder / "data/answer.npy", 1 - answer)
    _resume(bench, folder / "run").expect(3, "not those that this run was trained on")
    np.save(folder / "data/answer.npy", answer)
    _resume(bench, folder / "run").expect(0)
    return "1 data set"


def asked_to_stop_it_saves_and_resumes_to_the_same_bytes(bench):
    """SIGINT, SIGTERM and SIGHUP, between planned checkpoints too."""
    options = ("--steps", 80, "--batch-size", 13, "--log-every", 1, "--checkpoint-every", 7, "--keep", 2,
               "--threads", 1, *MIXES)
    expected = _uninterrupted(bench, options)
    stops, chance = 0, random.Random(2)
    for name, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)):
        for _ in range(bench.count(2, 10)):
            run = bench.folder("stopped") / "run"
            arguments = ("--data", bench.once("everything-data", data.everything), *options)
            for _ in range(3):
                before = file_size(run / "losses.csv")
                process = bench.start("everything", "train", "--out", run, *arguments)
                wait_until(lambda: process.poll() is not None or
                           file_size(run / "losses.csv") > before + 2000, 60, "some steps")
                time.sleep(chance.uniform(0, 0.02))
                done = bench.end(process, name)
                if done.code == 0:
                    break
                done.expect(code, "stopped after step", "--resume")
                step = int(done.stderr.split("stopped after step")[1].split()[0])
                require((run / "last").resolve().name == f"step-{step:08}.safetensors",
                        f"stopped after step {step}, but last is {(run / 'last').resolve().name}")
                whole_checkpoints(run)
                stops += 1
                arguments = ("--resume",)
            if done.code != 0:
                _resume(bench, run).expect(0)
            same_contents(expected, contents(run), f"stopped by {name.name}")
    require(stops >= bench.count(4, 20), f"only {stops} stops hit a running training")
    return f"{stops} stops"


def a_second_process_on_the_run_folder_is_refused(bench):
    folder = bench.folder("two")
    run, dataset = folder / "run", bench.once("everything-data", data.everything)
    process = bench.start("everything", "train", "--data", dataset, "--out", run, "--steps", 100000,
                          "--checkpoint-every", 1)
    try:
        wait_until(lambda: (run / "last").is_symlink() or process.poll() is not None, 60,
                   "a checkpoint")
        require(process.poll() is None, "the first process ended")
        for arguments in (("--resume",), ("--data", dataset, "--force")):
            bench.run("everything", "train", "--out", run, *arguments).expect(
                4, "in use by process", str(process.pid))
        bench.run("everything", "train", "--out", run, "--data", dataset).expect(2, "not empty")
        require(process.poll() is None, "the first process ended")
    finally:
        end_hard(process)
    require((run / "lock").exists(), "the killed process left no lock file to be stale")
    process = bench.start("everything", "train", "--out", run, "--resume")
    before = file_size(run / "losses.csv")
    wait_until(lambda: process.poll() is not None or file_size(run / "losses.csv") != before, 60,
               "the resumed run")
    bench.end(process, signal.SIGTERM).expect(143)
    return "3 refusals; the lock of the killed process did not block"


def a_finished_run_resumes_to_itself(bench):
    expected = _uninterrupted(bench, SHORT)
    run = bench.work / "uninterrupted/run"
    for _ in range(2):
        done = _resume(bench, run).expect(0)
        require("digest" in done.stdout, "no digest on stdout")
        same_contents(expected, contents(run), "resumed when finished")
    return "2 times"


def the_configuration_file_repeats_the_run(bench):
    """config.ini, given back with --config, makes the same bytes."""
    folder = bench.folder("config")
    options = ("--steps", 4, "--batch-size", 31, "--lr", "answers=0.0003", "--weight", "grade=0.25",
               "--schedule", "cosine", "--warm-up", 0.25, "--seed", 18446744073709551615, "--clip", 0.7,
               "--log-every", 1, "--gradients-every", 3, "--keep", 9)
    _train(bench, folder / "first", *options).expect(0)
    bench.run("everything", "train", "--config", folder / "first/config.ini", "--out",
              folder / "second").expect(0)
    same_contents(contents(folder / "first"), contents(folder / "second"), "repeated by config.ini")
    require((folder / "first/config.ini").read_bytes() == (folder / "second/config.ini").read_bytes(),
            "config.ini differs from the one it was made from")
    return "11 options"


def paths_of_any_letters_can_be_resumed(bench):
    """A dataset folder named with what a configuration file could mistake."""
    names = ("with space", "number #1", "a=b", "[x]", "ümläut", "'quoted'", 'with, "comma"')
    source = bench.once("everything-data", data.everything)
    for name in names:
        folder = bench.folder("paths")
        shutil.copytree(source, folder / name)
        run = folder / f"run {name}"
        bench.run("everything", "train", "--data", folder / name, "--out", run, "--steps", 1).expect(0)
        done = _resume(bench, run)
        require(done.code == 0, f"{name!r}: --resume: exit {done.code}: {done.tail()}")
        require([row for row in done.rows() if row[0] == "run"] == [["run", str(run)]],
                f"{name!r}: stdout names another run folder")
    return f"{len(names)} names"


def limits_of_the_system_are_told_with_exit_4(bench):
    """Largest file, descriptors, a run folder that disappears."""

    def file_limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (60000, 60000))

    def descriptor_limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (6, 6))

    folder = bench.folder("limits")
    done = _train(bench, folder / "size", *SHORT, prepare=file_limit)
    require(done.code == 4, f"limit of file size: exit {done.code}: {done.tail()}")
    require(whole_checkpoints(folder / "size") == 0, "a checkpoint beyond the limit of file size")
    done = _train(bench, folder / "descriptors", *SHORT, prepare=descriptor_limit)
    require(done.code == 4, f"limit of descriptors: exit {done.code}: {done.tail()}")

    run = folder / "removed"
    process = bench.start("everything", "train", "--data",
                          bench.once("everything-data", data.everything), "--out", run, "--steps",
                          100000, "--checkpoint-every", 1)
    wait_until(lambda: (run / "last").is_symlink() or process.poll() is not None, 60, "a checkpoint")
    while run.exists():  # it writes as we remove
        shutil.rmtree(run, ignore_errors=True)
    try:
        bench.end(process, timeout=30).expect(4)
    except subprocess.TimeoutExpired as forever:
        end_hard(process)
        raise Failed("trains on though its run folder was removed") from forever
    return "file size, descriptors, folder removed"
