"""Signals, and standard streams that are closed, full, or of readers that went away, cost no checkpoint."""

import signal
import subprocess
import time

import data
from harness import (contents, end_hard, file_size, read_until, require, same_contents, wait_until,
                     whole_checkpoints)
from nothing_lost import SHORT, _resume, _uninterrupted


def a_second_signal_ends_at_once_without_harm(bench):
    """The first one waits for a step, here of some seconds: one batch of many records."""
    dataset = bench.once("digits-slow", lambda folder: data.repeat(
        bench.once("digits-data", data.digits), folder, 60))
    for _ in range(3):
        run = bench.folder("twice") / "run"
        process = bench.start("lenet", "train", "--data", dataset, "--out", run, "--batch-size", 1 << 20,
                              "--checkpoint-every", 1, "--epochs", 1000, "--threads", 1)
        wait_until(lambda: (run / "last").is_symlink() or process.poll() is not None, 120, "a checkpoint")
        process.send_signal(signal.SIGINT)
        read_until(process, "a second signal ends at once")
        start = time.monotonic()
        done = bench.end(process, signal.SIGTERM)
        seconds = time.monotonic() - start
        checkpoints = whole_checkpoints(run)
        if "stopped after step" not in done.stderr:  # else the step ended between the two
            break
    require("stopped after step" not in done.stderr, "steps are too short for this test")
    require(done.code == 143 and seconds < 1, f"exit {done.code} after {seconds:.1f} s: {done.tail()}")
    require(checkpoints > 0, "no checkpoint is left")
    process = bench.start("lenet", "train", "--out", run, "--resume")
    read_until(process, "resuming after step")
    end_hard(process)
    return "1 time"


def a_reader_that_goes_away_costs_no_checkpoint(bench):
    """As Ctrl-C under `2>&1 | tee`: the readers of stdout and stderr end, and messages follow."""
    options = ("--steps", 100, "--batch-size", 13, "--log-every", 1, "--threads", 1)
    expected = _uninterrupted(bench, options)
    run = bench.folder("tee") / "run"
    process = bench.start("everything", "train", "--data", bench.once("everything-data", data.everything),
                          "--out", run, *options)
    wait_until(lambda: process.poll() is not None or file_size(run / "losses.csv") > 2000, 60, "some steps")
    process.stdout.close()
    process.stderr.close()
    process.send_signal(signal.SIGINT)
    require(process.wait(60) == 130, f"exit {process.returncode}")
    require((run / "last").is_symlink(), "no checkpoint was written")
    _resume(bench, run).expect(0)
    same_contents(expected, contents(run), "after its readers went away")
    return "1 run"


def with_closed_descriptors_a_run_is_the_same(bench):
    """What is said on a closed stderr goes nowhere, above all not into a file; results that go nowhere are told."""
    expected = _uninterrupted(bench, SHORT)
    for closed, code in (((2,), 0), ((0, 2), 0), ((1,), 4), ((0, 1, 2), 4)):
        run = bench.folder("closed") / "run"
        command = bench.command("everything", ("train", "--data", bench.once(
            "everything-data", data.everything), "--out", run, *SHORT))
        redirections = " ".join(f"{number}>&-" for number in closed)
        done = subprocess.run(["sh", "-c", f'exec "$@" {redirections}', "sh", *command], check=False,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        require(done.returncode == code, f"{redirections}: exit {done.returncode}: {done.stderr[-200:]}")
        require((run / "lock").read_text().isdigit(), f"{redirections}: messages are in the lock file")
        same_contents(expected, contents(run), redirections)
    with open("/dev/full", "w") as full:
        run = bench.folder("full-stderr") / "run"
        command = bench.command("everything", ("train", "--data", bench.once(
            "everything-data", data.everything), "--out", run, *SHORT))
        done = subprocess.run(command, stderr=full, stdout=subprocess.PIPE, check=False)
        require(done.returncode == 0, f"stderr full: exit {done.returncode}")
        require(subprocess.run([*command, "--surplus"], stderr=full, check=False).returncode == 2,
                "stderr full: another exit code")
    return "4 ways, and a full stderr"


def a_hangup_that_is_ignored_stops_nothing(bench):
    """As under nohup."""
    run = bench.folder("nohup") / "run"
    command = bench.command("everything", ("train", "--data", bench.once(
        "everything-data", data.everything), "--out", run, "--steps", 100000))
    process = subprocess.Popen(["nohup", *command], text=True, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until(lambda: process.poll() is not None or file_size(run / "losses.csv") > 2000, 60, "some steps")
    process.send_signal(signal.SIGHUP)
    before = file_size(run / "losses.csv")
    wait_until(lambda: process.poll() is not None or file_size(run / "losses.csv") > before + 2000, 60,
               "more steps")
    bench.end(process, signal.SIGTERM).expect(143)
    return "1 run"
