"""`verify` repeats a run, and says where it parts if it does."""

import data
import numpy as np
from harness import contents, require

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
