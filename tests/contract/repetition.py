"""`verify` repeats a run, and says where it parts if it does."""

import json

import data
import numpy as np
from harness import contents, end_hard, require, wait_until

RECIPE = ("--epochs", 2, "--batch-size", 43, "--log-every", 1, "--checkpoint-every", 2)


def _run(bench):
    folder = bench.folder("repetition")
    (folder / "data").mkdir()
    data.everything(folder / "data")
    bench.run("everything", "train", "--data", folder / "data", "--out", folder / "run",
              *RECIPE).expect(0)
    return folder


def _facts(done):
    return dict(done.rows()[1:])


def a_run_can_be_verified(bench):
    """With another number of threads, and from its first steps alone; the run stays as it is."""
    folder = _run(bench)
    before = contents(folder / "run")
    for options, steps in (((), "6"), (("--threads", 3), "6"), (("--steps", 4), "4")):
        facts = _facts(bench.run("everything", "verify", folder / "run", *options).expect(0))
        require(facts["agrees"] == "yes" and facts["steps"] == steps, f"{options}: {facts}")
        require(int(facts["checkpoints"]) > 0, f"{options}: no checkpoint was compared")
    bench.run("everything", "verify", folder / "run", "--steps", 0).expect(2, "at least 1")
    require(contents(folder / "run") == before, "verify has changed the run")
    return "3 verifications"


def verifying_tells_step_and_tensor_where_a_run_parts(bench):
    """From data of which one picture has changed, and against a log that was edited."""
    folder = _run(bench)
    images = np.load(folder / "data/images.npy")
    images[np.load(folder / "data/split.npy") == 0] ^= 1
    np.save(folder / "data/images.npy", images)
    bench.run("everything", "verify", folder / "run").expect(
        3, "parts at step 1", "data that are not the same", "tensor trunk.")
    images[np.load(folder / "data/split.npy") == 0] ^= 1
    np.save(folder / "data/images.npy", images)
    bench.run("everything", "verify", folder / "run").expect(0)

    log = folder / "run/losses.csv"
    rows = log.read_bytes().split(b"\r\n")
    fourth = next(i for i, row in enumerate(rows) if row.startswith(b"1,4,train"))
    rows[fourth] = rows[fourth].replace(b".", b".1", 1)
    log.write_bytes(b"\r\n".join(rows))
    bench.run("everything", "verify", folder / "run").expect(3, "parts at step 4", "losses.csv")
    return "changed data, changed log"


def verifying_reads_logs_to_their_ends(bench):
    """The last row forged, one too many, one too few, none of their line ends; and the tail of a killed run."""
    folder = _run(bench)
    for name in ("losses.csv", "metrics.csv"):
        log = folder / "run" / name
        whole = log.read_bytes()
        rows = whole.splitlines(keepends=True)
        last = rows[-1].rsplit(b".", 1)
        for forged in (b"".join(rows[:-1]) + last[0] + b".9" + last[1], whole + rows[-1],
                       whole + b"9,999,train,1\r\n", b"".join(rows[:-1]), whole[:-2], whole[:-1],
                       whole + b"\r\n"):
            log.write_bytes(forged)
            bench.run("everything", "verify", folder / "run").expect(3, "parts at step", name)
        log.write_bytes(whole)
    bench.run("everything", "verify", folder / "run").expect(0)

    # Of a run that was killed, rows follow that no checkpoint knows: they are told, and not compared.
    run = folder / "killed"
    process = bench.start("everything", "train", "--data", folder / "data", "--out", run, "--steps", 100000,
                          "--batch-size", 43, "--log-every", 1)
    wait_until(lambda: process.poll() is not None or (run / "best").is_symlink(), 60, "an epoch")
    end_hard(process)
    step = int((run / "last").resolve().name[5:13])
    known = {}
    for name in ("losses.csv", "metrics.csv"):
        header, *rows = (run / name).read_bytes().splitlines(keepends=True)
        known[name] = [header] + [r for r in rows if int(r.split(b",")[1]) <= step]
        (run / name).write_bytes(b"".join(known[name]))
    later = b"%d,%d,train,1\r\n" % (step // 3, step + 1)
    (run / "losses.csv").write_bytes(b"".join([*known["losses.csv"], later]))
    bench.run("everything", "verify", run).expect(0, "1 rows of later steps were not compared")
    again = known["losses.csv"][-1]
    (run / "losses.csv").write_bytes(b"".join([*known["losses.csv"], again, later]))
    bench.run("everything", "verify", run).expect(3, "is missing now")
    return "14 forged logs, 1 killed run"


def a_digest_tells_parameters_and_options_of_a_checkpoint(bench):
    """Those that training ended with; another seed has another digest, a copy without metadata the same."""
    folder = bench.folder("digest")
    (folder / "data").mkdir()
    data.everything(folder / "data")
    digests = []
    for seed in (1, 2):
        run = folder / f"run{seed}"
        trained = _facts(bench.run("everything", "train", "--data", folder / "data", "--out", run, "--seed", seed,
                                   *RECIPE).expect(0))
        facts = _facts(bench.run("everything", "digest", run).expect(0))
        require(facts["digest"] == trained["digest"], f"digest {facts['digest']}, not {trained['digest']}")
        require((facts["step"], facts["seed"]) == (trained["steps"], str(seed)), f"{facts}")
        require(facts["option.batch-size"] == "43", f"batch size {facts.get('option.batch-size')}")
        digests.append(facts["digest"])
    first = next(iter(sorted((folder / "run1/checkpoints").glob("step-*"))))
    digests.append(_facts(bench.run("everything", "digest", "--checkpoint", first).expect(0))["digest"])
    require(len(set(digests)) == 3, f"digests {digests}")

    whole = (folder / "run1/last").read_bytes()
    size = int.from_bytes(whole[:8], "little")
    header = json.loads(whole[8:8 + size])
    del header["__metadata__"]
    text = json.dumps(header).encode()
    (folder / "foreign").write_bytes(len(text).to_bytes(8, "little") + text + whole[8 + size:])
    foreign = _facts(bench.run("everything", "digest", folder / "foreign").expect(0))
    require(foreign.keys() == {"checkpoint", "digest"} and foreign["digest"] == digests[0], f"{foreign}")
    (folder / "damaged").write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    bench.run("everything", "digest", folder / "damaged").expect(3, "damaged")
    bench.run("everything", "digest").expect(2, "checkpoint is missing")
    return "6 checkpoints"
