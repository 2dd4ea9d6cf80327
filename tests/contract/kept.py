"""What stays of a run: which checkpoints, what `best` and `last` point to, what a stopped process has
saved, and in which order files reach the disk."""

import csv
import signal

import data
from harness import contents, kept_steps, require, same_contents, wait_until
from strict_safetensors import read

# Three steps an epoch. With the high rates the validation total is lowest in one of the first epochs.
STEPS = ("--batch-size", 43, "--log-every", 1, "--checkpoint-every", 1, "--threads", 1)
WORSENING = ("--lr", "labels=0.3", "--lr", "answers=0.05", "--lr", "shapes=0.05", "--schedule",
             "constant")


def _train(bench, run, *options, **how):
    return bench.run("everything", "train", "--data", bench.once("everything-data", data.everything),
                     "--out", run, *STEPS, *options, **how)


def _start(bench, run, *options):
    return bench.start("everything", "train", "--data",
                       bench.once("everything-data", data.everything), "--out", run, *options)


def _done(run):
    """Steps of which losses.csv tells."""
    try:
        rows = (run / "losses.csv").read_text().splitlines()
    except OSError:
        return 0
    return max((int(row.split(",")[1]) for row in rows[1:] if ",train," in row), default=0)


def _target(run, link):
    require((run / link).exists(), f"there is no {link}: no checkpoint was saved")
    return int((run / link).resolve(strict=True).name[5:13])


def _validations(run):
    """The validation total after each epoch, by step."""
    with open(run / "losses.csv", newline="") as file:
        return {int(row["step"]): float(row["total"]) for row in csv.DictReader(file)
                if row["split"] == "validation"}


def _best(run):
    totals = _validations(run)
    return min(totals, key=lambda step: (totals[step], step))


def the_newest_checkpoints_and_the_best_stay(bench):
    """Of 15 steps, with --keep 1 to 4, where the best is one of the first."""
    for keep in (1, 2, 4):
        run = bench.folder("kept") / "run"
        _train(bench, run, *WORSENING, "--steps", 15, "--keep", keep).expect(0)
        best = _best(run)
        require(best < 12, f"the best step is {best} of 15: nothing is tried")
        expected = sorted({best, *range(16 - keep, 16)})
        require(kept_steps(run) == expected, f"--keep {keep}: steps {kept_steps(run)}, not {expected}")
        require(_target(run, "best") == best, f"best is step {_target(run, 'best')}, not {best}")
        require(_target(run, "last") == 15, f"last is step {_target(run, 'last')}")
        _, metadata, _ = read((run / "best").resolve())
        total = float(metadata["best.total"])
        require(total == _validations(run)[best], f"best.total is {total}")
    return "--keep 1, 2, 4"


def the_best_stays_the_best_after_resuming(bench):
    """Killed some epochs after the best; what follows is worse."""
    options = (*WORSENING, "--steps", 15, "--keep", 1)
    whole = bench.folder("uninterrupted") / "run"
    trap, log = {"LD_PRELOAD": str(bench.library("file_trap"))}, whole.parent / "operations"
    _train(bench, whole, *options,
           environment={**trap, "FILE_TRAP": "count", "FILE_TRAP_LOG": str(log)}).expect(0)
    best, expected, operations = _best(whole), contents(whole), len(log.read_text())
    for part in (0.65, 0.8):
        run = bench.folder("resumed") / "run"
        done = _train(bench, run, *options,
                      environment={**trap, "FILE_TRAP": f"kill {int(operations * part)}"})
        require(done.code == -signal.SIGKILL, f"exit {done.code}: {done.tail()}")
        require(_target(run, "last") > best, f"killed after step {_target(run, 'last')} already")
        bench.run("everything", "train", "--out", run, "--resume").expect(0)
        require(_target(run, "best") == best, f"best is step {_target(run, 'best')}, not {best}")
        require(kept_steps(run) == sorted({best, 15}), f"steps {kept_steps(run)} after resuming")
        same_contents(expected, contents(run), "resumed after the best")
    return "2 times"


def what_a_signal_saves_is_what_an_uninterrupted_run_saves_at_that_step(bench):
    """The same bytes: parameters, moments, counts, lengths of the logs."""
    options = ("--batch-size", 5, "--log-every", 1, "--threads", 1, "--steps", 120, "--keep", 200)
    whole = bench.folder("every-step") / "run"
    bench.run("everything", "train", "--data", bench.once("everything-data", data.everything), "--out",
              whole, *options, "--checkpoint-every", 1).expect(0)
    expected, stops = contents(whole), 0
    for name, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        run = bench.folder("signal") / "run"
        process = _start(bench, run, *options)  # checkpoints are planned after every 20 steps only
        wait_until(lambda: process.poll() is not None or _done(run) > 3, 60, "some steps")
        done = bench.end(process, name)
        if done.code == 0:
            continue
        done.expect(code)
        step, losses = _target(run, "last"), (run / "losses.csv").read_bytes()
        require(_done(run) == step, f"saved step {step}, but {_done(run)} were done")
        require(expected["losses.csv"].startswith(losses), "losses.csv is not the beginning of it")
        saved = f"checkpoints/step-{step:08}.safetensors"
        require((run / saved).read_bytes() == expected[saved],
                f"{saved} is not what an uninterrupted run writes")
        stops += step % 20 != 0
    require(stops > 0, "no signal hit between planned checkpoints")
    return f"{stops} stops"


def files_are_synced_before_they_are_renamed_and_folders_after(bench):
    """Every file, link and log of a run, by the order of its operations."""
    folder = bench.folder("order")
    log, run = folder / "operations", folder / "run"
    _train(bench, run, "--steps", 5, "--keep", 2,
           environment={"LD_PRELOAD": str(bench.library("order_log")), "ORDER_LOG": str(log)}).expect(0)
    operations = [line.split(" ") for line in log.read_text().splitlines()]
    files = links = 0
    for i, (kind, *paths) in enumerate(operations):
        if kind != "rename":
            continue
        source, target = paths
        made = max(k for k, (what, *which) in enumerate(operations[:i])
                   if what in ("write", "link") and which == [source])
        if operations[made][0] == "write":
            require(["sync", source] in operations[made:i], f"{target}: renamed before it is synced")
            files += 1
        else:
            links += 1
        if "/checkpoints/" in target:  # which says how long the logs are
            for name in ("losses.csv", "metrics.csv"):
                path = str(run / name)
                before = [what for what, *which in operations[:i] if which == [path]]
                require(before[-1] == "sync", f"{target}: {name} is written, but not synced before")
        parent = ["sync", target.rpartition("/")[0]]
        require(parent in operations[i:], f"{target}: its folder is not synced")
        # Nothing else may depend on the name before that.
        after = operations[i + 1:operations.index(parent, i)]
        require(not after, f"{target}: {' '.join(after[0]) if after else ''} before the folder's sync")
    require(files >= 6 and links >= 6, f"only {files} files and {links} links were renamed")
    return f"{files} files, {links} links"
