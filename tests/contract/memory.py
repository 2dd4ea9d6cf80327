"""Memory is known at compile time: no allocation in the loop, no growth with batch or data."""

import re
import shutil
import subprocess

import data
from harness import Skipped, every_mix, require

MEBIBYTE = 1 << 20


def _watched(bench, experiment, dataset, steps, *options):
    """Trains under the trap; returns (allocations, RssAnon in bytes, lines of the first backtrace)."""
    folder = bench.folder("watched")
    report = folder / "report"
    environment = {"LD_PRELOAD": str(bench.library("allocation_trap")),
                   "ALLOCATION_TRAP_LAST": f"step-{steps:08}.safetensors",
                   "ALLOCATION_TRAP_REPORT": str(report)}
    bench.run(experiment, "train", "--data", dataset, "--out", folder / "run", "--steps", steps, *options,
              environment=environment).expect(0)
    require(report.exists(), "the trap saw no checkpoint of the last step")
    lines = report.read_text().splitlines()
    count = int(lines[0].removeprefix("allocations "))
    resident = int(re.fullmatch(r"RssAnon:\s+(\d+) kB", lines[1])[1]) * 1024
    return count, resident, lines[2:]


def _places(bench, experiment, frames):
    """Functions and lines of a backtrace, as far as addr2line is there to tell."""
    binary = bench.binaries / f"medley-{experiment}"
    addresses = [m[1] for m in (re.search(rf"{binary.name}\(\+(0x[0-9a-f]+)\)", f) for f in frames) if m]
    if not addresses or shutil.which("addr2line") is None:
        return " ".join(frames)
    done = subprocess.run(["addr2line", "-C", "-f", "-s", "-e", binary, *addresses], capture_output=True,
                          text=True, check=False)
    lines = done.stdout.splitlines()
    return "; ".join(f"{f[:60]} {place}" for f, place in zip(lines[::2], lines[1::2]))


def training_does_not_allocate(bench):
    """Two epochs and more after the first: steps, logs, gradients, evaluation, checkpoints."""
    tried = []
    for experiment, dataset, options in (
            ("everything", bench.once("everything-data", data.everything), ("--batch-size", 43)),
            ("lenet", bench.once("digits-data", data.digits), ())):
        for threads in (1, 3):
            count, _, frames = _watched(bench, experiment, dataset, 30, *options, "--checkpoint-every", 1,
                                        "--keep", 2, "--log-every", 1, "--gradients-every", 2, "--threads",
                                        threads)
            require(count == 0, f"{experiment}, {threads} threads: {count} allocations, the first in "
                    f"{_places(bench, experiment, frames)}")
            tried.append(f"{experiment} with {threads}")
    return f"30 steps, a checkpoint each: {', '.join(tried)} threads"


def no_mix_allocates(bench):
    mixes = every_mix(bench, "lenet")
    for mix in mixes:
        count, _, frames = _watched(bench, "lenet", bench.once("few-digits", data.few_digits), 17, "--mix", mix,
                                    "--batch-size", 43, "--checkpoint-every", 1, "--keep", 2, "--log-every", 1,
                                    "--gradients-every", 3, "--threads", 2)
        require(count == 0, f"{mix}: {count} allocations, the first in {_places(bench, 'lenet', frames)}")
    return f"{len(mixes)} mixes and what goes with them, 17 steps each"


def the_embedded_default_does_not_allocate(bench):
    if not (bench.binaries / "medley-garments").exists():
        raise Skipped("medley-garments is not built")
    folder = bench.folder("garments")
    report = folder / "report"
    # No evaluation here: an epoch of the default would take too long.
    steps = 3
    bench.run("garments", "train", "--out", folder / "run", "--steps", steps, "--batch-size", 8,
              "--checkpoint-every", 1, "--log-every", 1,
              environment={"LD_PRELOAD": str(bench.library("allocation_trap")),
                           "ALLOCATION_TRAP_LAST": f"step-{steps - 1:08}.safetensors",
                           "ALLOCATION_TRAP_REPORT": str(report)}).expect(0)
    count = int(report.read_text().splitlines()[0].removeprefix("allocations "))
    require(count == 0, f"{count} allocations, the first in "
            f"{_places(bench, 'garments', report.read_text().splitlines()[2:])}")
    return f"{steps} steps"


def memory_does_not_grow_with_the_batch(bench):
    # All slots of the arena are in use from a batch of 64 on.
    dataset = bench.once("digits-many", lambda folder: data.repeat(
        bench.once("digits-data", data.digits), folder, 8))
    sizes = {batch: _watched(bench, "lenet", dataset, 4, "--batch-size", batch, "--checkpoint-every", 1,
                             "--threads", 2)[1] for batch in (64, 4096)}
    growth = sizes[4096] - sizes[64]
    require(growth < MEBIBYTE, f"{growth} bytes more with a batch of 4096 than with 64")
    return f"{sizes[64] / MEBIBYTE:.1f} MiB with a batch of 64, {sizes[4096] / MEBIBYTE:.1f} with 4096"


def memory_does_not_grow_with_the_data(bench):
    small = bench.once("digits-data", data.digits)
    large = bench.folder("digits-large")
    data.repeat(small, large, 20)
    sizes = [_watched(bench, "lenet", dataset, 12, "--checkpoint-every", 1, "--threads", 2)[1]
             for dataset in (small, large)]
    shutil.rmtree(large)
    growth = sizes[1] - sizes[0]
    require(growth < MEBIBYTE, f"{growth} bytes more with 20 times the data")
    return f"{sizes[0] / MEBIBYTE:.1f} MiB with 800 records, {sizes[1] / MEBIBYTE:.1f} with 16000"


def the_arena_is_what_the_map_says(bench):
    """Sections in order, without overlap, and the announced size is their end."""
    for experiment in ("everything", "lenet"):
        rows = bench.run(experiment, "info", "--memory").expect(0).rows()
        require(rows[0] == ["name", "offset", "bytes", "lifetime"], f"header {rows[0]}")
        end = 0
        for name, offset, size, _ in rows[1:]:
            if ":" in name and int(offset) < end and "worker 0" not in name:
                require(False, f"{name} begins at {offset}, the last section ended at {end}")
            end = max(end, int(offset) + int(size))
        require(end > 0, "an empty map")
    return "2 experiments"
