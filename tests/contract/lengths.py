"""How long a run is: one that is lengthened, or runs out of patience, has the bytes of one that was so long
from the start, however often it was killed; and a new run may go on with another's moments."""

import csv
import shutil
import signal

import data
from harness import contents, require, same_contents, wait_until
from nothing_lost import _resume, _train, _trap

# Three steps an epoch. Evaluations and ends of epochs fall together at some steps, ends of runs on neither.
CONSTANT = ("--schedule", "constant", "--batch-size", 43, "--log-every", 2, "--checkpoint-every", 2, "--keep", 2,
            "--threads", 1, "--validate-every", 2, "--best", "kind.accuracy", "--best", "total")
# The rates spoil the validation total soon.
WORSENING = ("--lr", "labels=0.3", "--lr", "answers=0.05", "--lr", "shapes=0.05")


def _verified(bench, run):
    facts = dict(bench.run("everything", "verify", run).expect(0).rows())
    require(facts["agrees"] == "yes" and int(facts["checkpoints"]) > 0, f"verify says {facts}")


def _killed(bench, begin, expected, go_on, most):
    """Runs begin() with a kill at so many of its operations on files, then go_on(), which is to end as expected."""
    log = bench.folder("lengths-count") / "operations"
    begin(log.parent / "run", {**_trap(bench, "count"), "FILE_TRAP_LOG": str(log)}).expect(0)
    letters = log.read_text()
    chosen = [i + 1 for i, letter in enumerate(letters) if letters[max(0, i - 1):i + 2] != "www"]
    chosen = chosen[::max(1, len(chosen) // most)]
    for number in chosen:
        run = bench.folder("lengths-killed") / "run"
        done = begin(run, _trap(bench, f"kill {number}"))
        require(done.code == -signal.SIGKILL, f"operation {number}: exit {done.code}: {done.tail()}")
        go_on(run).expect(0)
        same_contents(expected, contents(run), f"killed at operation {number} of {len(letters)}")
    return len(chosen)


def a_lengthened_run_has_the_bytes_of_a_long_one(bench):
    """From its end, which is amid an epoch, from a stop, and killed while it is being lengthened."""
    whole = bench.folder("long") / "run"
    _train(bench, whole, *CONSTANT, "--steps", 11).expect(0)
    expected = contents(whole)
    for first in (5, 8):
        run = bench.folder("lengthened") / "run"
        _train(bench, run, *CONSTANT, "--steps", first).expect(0)
        bench.run("everything", "train", "--out", run, "--resume", "--steps", 11).expect(0)
        same_contents(expected, contents(run), f"lengthened from {first} steps")
    _verified(bench, run)

    short = bench.folder("short") / "run"
    _train(bench, short, *CONSTANT, "--steps", 5).expect(0)

    def lengthen(run, environment):
        shutil.copytree(short, run, symlinks=True)
        return bench.run("everything", "train", "--out", run, "--resume", "--steps", 11, "--threads", 2,
                         environment=environment)

    def go_on(run):
        # config.ini tells whether the length is known already.
        known = "steps = 11" in (run / "config.ini").read_text()
        return _resume(bench, run) if known else lengthen_again(run)

    def lengthen_again(run):
        return bench.run("everything", "train", "--out", run, "--resume", "--steps", 11)

    kills = _killed(bench, lengthen, expected, go_on, bench.count(4, 10000))
    return f"2 lengths, {kills} kills"


def a_run_out_of_patience_ends_and_goes_on_with_more(bench):
    """Killed and resumed it ends at the same step; raised patience is as if it had been there from the start."""
    options = (*WORSENING, *CONSTANT[:-4], "--steps", 60)
    run = bench.folder("patience") / "run"
    done = _train(bench, run, *options, "--patience", 2).expect(0, "no better total in 2 evaluations")
    facts, expected = dict(done.rows()), contents(run)
    require(facts["ended"] == "patience" and int(facts["steps"]) < 60, f"stdout has {facts}")
    with open(run / "metrics.csv", newline="") as file:
        rows = [(row["split"], int(row["step"])) for row in csv.DictReader(file)]
    best, last = int(facts["best.step"]), int(facts["steps"])
    require(last == best + 4 and rows[-2:] == [("test", last), ("best.test", last)],
            f"best {best}, last {last}, rows {rows[-4:]}")
    same = _resume(bench, run).expect(0)
    require(same.stdout == done.stdout, "resumed at its end it prints something else")
    _verified(bench, run)
    kills = _killed(bench, lambda r, e: _train(bench, r, *options, "--patience", 2, environment=e), expected,
                    lambda r: _resume(bench, r) if (r / "config.ini").exists() else
                    _train(bench, r, *options, "--patience", 2, "--force"), bench.count(4, 10000))

    patient = bench.folder("patient") / "run"
    _train(bench, patient, *options, "--patience", 5).expect(0)
    bench.run("everything", "train", "--out", run, "--resume", "--patience", 5).expect(0)
    same_contents(contents(patient), contents(run), "with more patience")
    return f"{kills} kills, patience raised once"


def a_length_that_has_no_meaning_is_refused(bench):
    """Shorter ones, and any where the schedule or the mix was laid out for the first."""
    run = bench.folder("refused") / "run"
    tried = 0
    for options, length, told in (
            (("--schedule", "constant"), 5, "not cut to 5"),
            (("--schedule", "cosine"), 9, "laid out for 7 steps by the schedule cosine"),
            (("--schedule", "constant", "--warm-up", 0.3), 9, "warm-up 0.3"),
            (("--schedule", "constant", "--mix", "labels=probe"), 9, "the mix probe")):
        _train(bench, run, "--batch-size", 43, "--steps", 7, *options, "--force").expect(0)
        before = {**contents(run), "config": (run / "config.ini").read_bytes()}
        bench.run("everything", "train", "--out", run, "--resume", "--steps", length).expect(2, told)
        same_contents(before, {**contents(run), "config": (run / "config.ini").read_bytes()}, told)
        tried += 1
    return f"{tried} lengths"


def a_lengthened_run_finds_data_that_were_moved(bench):
    folder = bench.folder("moved-longer")
    (folder / "data").mkdir()
    data.everything(folder / "data")
    whole, run = folder / "whole", folder / "run"
    for out, steps in ((whole, 11), (run, 5)):
        bench.run("everything", "train", "--data", folder / "data", "--out", out, *CONSTANT, "--steps",
                  steps).expect(0)
    (folder / "data").rename(folder / "new")
    bench.run("everything", "train", "--out", run, "--resume", "--steps", 11, "--data", folder / "new").expect(0)
    same_contents(contents(whole), contents(run), "moved and lengthened")
    _resume(bench, run).expect(0)
    return "1 data set"


def a_new_run_goes_on_with_the_moments_of_another(bench):
    """The same options continue as if the first had gone on; what does not fit is named; verify repeats it."""
    train = ("train", "--data", bench.once("digits-data", data.digits), "--schedule", "constant", "--shuffle", "off",
             "--augment", "off", "--batch-size", 43, "--threads", 1)
    run, new, whole = (bench.folder("moments") / name for name in ("run", "new", "whole"))
    bench.run("lenet", *train, "--out", run, "--epochs", 1).expect(0)
    bench.run("lenet", *train, "--out", whole, "--epochs", 2).expect(0)
    done = bench.run("lenet", *train, "--out", new, "--epochs", 1, "--init", run, "--with-optimizer").expect(
        0, "with their counts of updates")
    digests = [dict(bench.run("lenet", "digest", r).expect(0).rows())["digest"] for r in (whole, new)]
    plain = bench.run("lenet", *train, "--out", bench.work / "moments/plain", "--epochs", 1, "--init", run).expect(0)
    require(digests[0] == digests[1], "with the moments it does not go on as the run would have")
    require(dict(plain.rows())["digest"] != digests[0], "the moments make no difference")
    facts = dict(bench.run("lenet", "verify", new).expect(0).rows())
    require(facts["agrees"] == "yes", f"verify says {facts}")
    bench.run("lenet", *train, "--out", bench.work / "moments/mix", "--epochs", 1, "--init", run, "--with-optimizer",
              "--mix", "dwa").expect(0, "begins at 0, as it is not in the file: mix.all.")
    done = bench.run("lenet", *train, "--out", bench.work / "moments/none", "--with-optimizer")
    done.expect(2, "goes with --init")
    return "5 runs"


def the_best_is_chosen_by_any_number_but_those_of_test(bench):
    run = bench.folder("chosen") / "run"
    _train(bench, run, *CONSTANT, "--epochs", 2, "--best", "test.total").expect(2, "chosen by the test split")
    _train(bench, run, *CONSTANT, "--epochs", 2, "--best", "colour.accuracy").expect(2, "there are: total, term.")
    options = (*WORSENING, *CONSTANT[:-4], "--epochs", 6)
    for name, more in (("train.total", False), ("kind.accuracy", True), ("term.kind", False)):
        _train(bench, run, *options, "--best", name, "--force").expect(0)
        split = "whole.train" if name.startswith("train.") else "validation"
        log, column = {"train.total": ("losses.csv", "total"), "kind.accuracy": ("metrics.csv", name),
                       "term.kind": ("losses.csv", "kind.value")}[name]
        with open(run / log, newline="") as file:
            found = [(float(row[column]), int(row["step"])) for row in csv.DictReader(file)
                     if row["split"] == split]
        best = min(found, key=lambda pair: (-pair[0] if more else pair[0], pair[1]))[1]
        require(len(found) > 5, f"{name}: {len(found)} evaluations")
        linked = int((run / "best").resolve().name[5:13])
        require(linked == best, f"{name}: best is {linked}, not {best} of {found}")
    return "3 numbers, 2 refused"


def a_quiet_run_says_nothing_and_leaves_the_same(bench):
    folder = bench.folder("noise")
    loud = _train(bench, folder / "loud", *CONSTANT, "--steps", 5).expect(0, "epoch 1 of 2")
    quiet = _train(bench, folder / "quiet", *CONSTANT, "--steps", 5, "--quiet").expect(0)
    require(quiet.stderr == "", f"stderr has {quiet.stderr[:200]}")
    require(quiet.stdout.replace("/quiet", "/loud") == loud.stdout, "stdout is another")
    same_contents(contents(folder / "loud"), contents(folder / "quiet"), "quiet")
    require((folder / "quiet/log.txt").read_text() != "", "log.txt is empty")
    process = bench.start("everything", "train", "--data", bench.once("everything-data", data.everything), "--out",
                          folder / "stopped", *CONSTANT, "--steps", 100000, "--quiet")
    wait_until(lambda: process.poll() is not None or (folder / "stopped/last").is_symlink(), 60, "a checkpoint")
    done = bench.end(process, signal.SIGTERM).expect(143)
    require(done.stderr == "", f"stopped, stderr has {done.stderr[:200]}")
    return "2 runs"
