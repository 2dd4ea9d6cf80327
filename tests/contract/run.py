"""Holds Medley's promises against built binaries. Needs python3 and numpy.

    run.py --binary-dir DIR [--shared DIR] [--other-builds DIR...] [--quick] [--table FILE]
           [NAME...]

DIR has medley-lenet and medley-everything; tests that need other binaries or the pictures of --shared
(../shared beside the checkout) say that they are skipped where those are absent. NAMEs choose tests by a
part of their name. Tests run side by side, --jobs at a time (2), each worker with a folder and data of
its own. Prints a line a test when it has ended: ok, FAILED or skipped, its name, and what was tried and
how often or the reason; at the end the counts. --table writes the same as a table in Markdown, in the
order of the promises. Exit code 0; 1 if a test failed; 2 for wrong usage.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
import traceback
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import agreement
import boards
import builds
import c_source
import comparisons
import core
import damaged_files
import deep_pictures
import exported
import folds
import foreign
import hosts
import imports
import initial_weights
import installs
import kept
import lengths
import manners
import mask_imports
import memory
import nothing_lost
import pages
import parts
import predictions
import process_faults
import processes
import range_tests
import recipes
import records
import repetition
import reported_models
import resumption
import rooms
import same_bits
import streams
import studies
import tables
import transcript
import two_digits
from harness import ROOT, Bench, Failed, Skipped

MODULES = (same_bits, builds, repetition, nothing_lost, resumption, lengths, parts, kept, streams, damaged_files,
           memory, manners, agreement, records, folds, imports, tables, mask_imports, foreign, predictions, exported, c_source,
           boards, recipes, initial_weights, range_tests, studies, comparisons, pages, reported_models, deep_pictures,
           rooms, core, installs, transcript, two_digits, processes, process_faults, hosts)
# Those of some minutes begin first, so that no worker is left alone with one at the end.
LONG = (builds, transcript)


def tests():
    """The public functions of the modules, in the order of their text."""
    for module in MODULES:
        for name, function in vars(module).items():
            if callable(function) and not name.startswith("_") and (
                    getattr(function, "__module__", "") == module.__name__):
                yield name, function


def is_long(test):
    return sys.modules[test[1].__module__] in LONG


bench = None  # of this worker


def start_worker(binaries, shared, quick, work, other_builds):
    global bench
    bench = Bench(binaries, shared, quick, Path(tempfile.mkdtemp(dir=work)), other_builds)


def run(name, function):
    """Runs one test, prints its line, and returns 'ok', 'FAILED' or 'skipped', and the text."""
    start, before = time.monotonic(), os.times()
    try:
        result, text = "ok", function(bench)
    except Failed as failure:
        result, text = "FAILED", str(failure)
    except Skipped as reason:
        result, text = "skipped", str(reason)
    except Exception as error:  # a defect of the test or a time-out: told like a failure
        frame = traceback.extract_tb(error.__traceback__)[-1]
        result, text = "FAILED", f"{type(error).__name__}: {error} ({frame.filename}:{frame.lineno})"
    used = sum(os.times()[:4]) - sum(before[:4])
    print(f"{result}: {name.replace('_', ' ')}: {text} ({time.monotonic() - start:.1f} s, {used:.1f} of a processor)",
          flush=True)
    return result, text


def table(chosen, results):
    """A row a test, in the order of the promises."""
    lines = ["| promise | what was tried | result |", "|---|---|---|"]
    for (name, _), (result, text) in zip(chosen, results):
        lines.append(f"| {name.replace('_', ' ')} | {text.replace('|', '/')} | {result} |")
    return "\n".join(lines) + "\n"


def work_folder():
    """Where temporary folders go: into memory if there is room, as many tests wait for the disk."""
    memory_folder = Path("/dev/shm")
    roomy = os.access(memory_folder, os.W_OK) and shutil.disk_usage(memory_folder).free > 1 << 30
    return memory_folder if roomy and "TMPDIR" not in os.environ else None


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary-dir", type=Path, required=True)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--other-builds", type=Path, nargs="*", default=[], metavar="DIR",
                        help="folders of binaries of other compilers and processors")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="tests at a time")
    parser.add_argument("--table", type=Path, metavar="FILE")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    if not options.binary_dir.is_dir():
        parser.error(f"{options.binary_dir} is no folder")
    for name in ("medley-everything", "medley-lenet"):
        if not (options.binary_dir / name).exists():
            parser.error(f"{options.binary_dir} has no {name}: make EXPERIMENT={name[7:]} binary")

    chosen = [(name, function) for name, function in tests()
              if not options.names or any(part in name for part in options.names)]
    if not chosen:
        parser.error("no test has such a name")
    with tempfile.TemporaryDirectory(prefix="medley-contract-", dir=work_folder()) as work:
        others = [folder.resolve() for folder in options.other_builds]
        with ProcessPoolExecutor(options.jobs, initializer=start_worker, initargs=(
                options.binary_dir.resolve(), options.shared, options.quick, work, others)) as workers:
            begun = {test: workers.submit(run, *test)
                     for test in sorted(chosen, key=is_long, reverse=True)}
            outcomes = [begun[test].result() for test in chosen]
    if options.table:
        options.table.write_text(table(chosen, outcomes), encoding="utf-8")
    results = [result for result, _ in outcomes]
    print(f"contract: {results.count('ok')} passed, {results.count('FAILED')} failed, "
          f"{results.count('skipped')} skipped")
    return 1 if "FAILED" in results else 0


if __name__ == "__main__":
    sys.exit(main())
