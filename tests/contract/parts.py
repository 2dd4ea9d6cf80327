"""Parts of a network that are frozen stay as they are, to the bit, and thaw the same after an interruption."""

import csv
import json
import signal

import data
from harness import contents, require, same_contents
from nothing_lost import _resume, _trap, _train, _uninterrupted

# Three steps an epoch: the trunk and one head thaw after the third, another head never does.
PARTS = ("--freeze", "trunk:1", "--freeze", "kind:1", "--freeze", "place", "--lr-scale", "heads=0.5",
         "--lr-scale", "parts=2", "--epochs", 2, "--log-every", 1, "--keep", 20, "--checkpoint-every", 1)


def _tensors(path):
    """Bytes of each tensor of a checkpoint."""
    content = path.read_bytes()
    begin = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:begin])
    return {name: content[slice(*(begin + at for at in entry["data_offsets"]))]
            for name, entry in header.items() if name != "__metadata__"}


def _rows(run):
    with open(run / "losses.csv", newline="") as text:
        return [row for row in csv.DictReader(text) if row["split"] == "train"]


def what_is_frozen_stays_to_the_bit_and_thaws(bench):
    """Weights, statistics and moments of every checkpoint against those that a run begins with."""
    begun, run = bench.folder("begun") / "run", bench.folder("frozen") / "run"
    _train(bench, begun, "--steps", 0).expect(0)
    _train(bench, run, *PARTS, "--gradients-every", 1).expect(
        0, "trunk frozen for 1 epoch, ", "parts at 2 of the learning rate", "what is frozen has initial weights")
    first = _tensors(begun / "last")
    compared = 0
    for step in range(1, 7):
        now = _tensors(run / f"checkpoints/step-{step:08}.safetensors")
        for name, values in first.items():
            of = name[name.index(".", name.index(".", 10) + 1) + 1:] if name.startswith("optimizer") else name
            if not of.startswith(("trunk.", "heads.")):
                continue
            frozen = of.startswith("heads.place.") or step <= 3 and of.startswith(("trunk.", "heads.kind."))
            if frozen:
                require(now[name] == values, f"{name} is frozen, and other at step {step}")
            elif not name.startswith("optimizer"):
                require(now[name] != values, f"{name} is not frozen, and the same at step {step}")
            compared += 1
    require(compared > 500, f"only {compared} tensors")
    for row in _rows(run):
        norms = [value for name, value in row.items() if "gradient_norm" in name or "cosine" in name]
        empty = [value == "" for value in norms]
        require(all(empty) if int(row["step"]) <= 3 else not any(empty),
                f"step {row['step']}: gradients over the trunk are {norms}")
    bench.run("everything", "verify", run, "--threads", 3).expect(0)
    return f"{compared} tensors of 6 checkpoints"


def frozen_parts_thaw_the_same_after_an_interruption(bench):
    """Killed at an operation on a file before, about and after the thaw, and resumed, under mixes of each kind."""
    kills = 0
    for mix in ("upgrad", "weighted_sum", "labels=mgda:gradients=output")[:bench.count(1, 3)]:
        options = (*PARTS, "--mix", mix)
        expected = _uninterrupted(bench, (*options, "--threads", 1))
        log = bench.folder("count") / "operations"
        _train(bench, log.parent / "run", *options, "--threads", 3,
               environment={**_trap(bench, "count"), "FILE_TRAP_LOG": str(log)}).expect(0)
        same_contents(expected, contents(log.parent / "run"), f"{mix}, 3 threads")
        for eighths in bench.count((4,), (1, 3, 4, 5, 7)):
            run = bench.folder("interrupted") / "run"
            number = len(log.read_text()) * eighths // 8
            done = _train(bench, run, *options, "--threads", 1, environment=_trap(bench, f"kill {number}"))
            require(done.code == -signal.SIGKILL, f"exit {done.code}: {done.tail()}")
            _resume(bench, run).expect(0, "resuming after step")
            same_contents(expected, contents(run), f"{mix}, killed at operation {number}")
            kills += 1
    changed = bench.work / "interrupted/run"
    config = (changed / "config.ini").read_text()
    (changed / "config.ini").write_text(config.replace("freeze = trunk:1", "freeze = trunk:2"))
    _resume(bench, changed).expect(3, "written with freeze trunk:1, kind:1, place, but config.ini has")
    return f"{kills} kills"


def parts_that_are_none_are_told(bench):
    """Names, numbers, and a network of which nothing learns."""
    there_are = "there are: trunk, heads, kind, grade"
    for options, text in ((("--freeze", "shape"), there_are), (("--lr-scale", "trunk.99.weight=2"), there_are),
                          (("--freeze", "trunk.2"), "no part 'trunk.2' with parameters"),
                          (("--freeze", "trunk.01"), there_are), (("--freeze", ""), there_are),
                          (("--freeze", "trunk:x"), "--freeze: 'x'"), (("--freeze", "trunk:-1"), "--freeze"),
                          (("--lr-scale", "trunk=-1"), "out of range"), (("--lr-scale", "trunk"), "lr-scale"),
                          (("--freeze", "trunk:1", "--freeze", "heads"), "nothing is left to train")):
        folder = bench.folder("none")
        bench.run("everything", "train", "--data", bench.once("everything-data", data.everything), "--out",
                  folder / "run", *options).expect(2, text)
        require(not (folder / "run").exists(), f"{options} left a folder")
    return "10 of them"
