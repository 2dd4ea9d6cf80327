"""Nothing is lost: interrupted at any instant and resumed, a run ends as if nothing had happened."""

import os
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

# Seven steps, of three an epoch; checkpoints fall on ends of epochs and between them, some are removed.
SHORT = ("--steps", 7, "--batch-size", 43, "--log-every", 1, "--checkpoint-every", 2, "--keep", 2,
         "--threads", 1)


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
    that nobody reads, the first and the last. In a quick run every third of these."""
    numbers = [i + 1 for i, letter in enumerate(letters)
               if letter != "w" or letters[max(0, i - 1):i + 2] != "www"]
    return numbers[::3] if bench.quick else numbers


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
    options = ("--steps", steps, "--batch-size", 29, "--log-every", 1, "--checkpoint-every", 1,
               "--keep", 3, "--threads", 2)
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
    options = ("--steps", 80, "--batch-size", 29, "--log-every", 1, "--checkpoint-every", 7, "--keep", 2,
               "--threads", 1)
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


def _until(process, text):
    """Reads stderr up to this text."""
    read = ""
    while text not in read:
        part = os.read(process.stderr.fileno(), 65536).decode()
        require(part, f"ended without '{text}': {read[-300:]}")
        read += part
    return read


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
        _until(process, "a second signal ends at once")
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
    _until(process, "resuming after step")
    end_hard(process)
    return "1 time"


def a_reader_that_goes_away_costs_no_checkpoint(bench):
    """As Ctrl-C under `2>&1 | tee`: the readers of stdout and stderr end, and messages follow."""
    options = ("--steps", 200, "--batch-size", 29, "--log-every", 1, "--threads", 1)
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


def _stopped(bench, name, options):
    """A run that was stopped between its planned checkpoints."""
    run = bench.folder(name) / "run"
    process = bench.start("everything", "train", "--data", bench.once("everything-data", data.everything),
                          "--out", run, *options)
    wait_until(lambda: process.poll() is not None or (run / "best").is_symlink() and
               file_size(run / "losses.csv") > 9000, 60, "some steps")
    bench.end(process, signal.SIGTERM).expect(143)
    return run


def a_run_that_lost_its_links_is_resumed(bench):
    """After a copy that follows links, without them, with links to nothing, and with half a checkpoint."""
    options = ("--steps", 200, "--batch-size", 29, "--log-every", 1, "--checkpoint-every", 7, "--threads", 1)
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
        said = _until(process, "resuming after step")
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
    _resume(bench, run).expect(3, "no checkpoint of", "step-00000007")
    same_contents(before, contents(run), "refused")
    return "1 run"


def a_poor_file_system_loses_nothing(bench):
    """One without links, one that cannot sync folders, one without locks; interrupted in between."""
    options = ("--steps", 200, "--batch-size", 29, "--log-every", 1, "--checkpoint-every", 7, "--keep", 2,
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
    for old, new, told in (("batch-size = 43", "batch-size = 42", "batch-size 43, but config.ini has 42"),
                           ("weight = grade=0.5", "weight = grade=0.25", "weight.grade 0.5"),
                           ("steps = 7", "steps = 9", "steps 7"), ("seed = 1", "seed = 2", "seed 1")):
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
