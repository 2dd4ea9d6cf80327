#!/usr/bin/env python3
"""Makes small wrong changes to the code, one at a time, and tells which test notices each.

    run.py [--room ROOM...] [--id ID...] [--how HOW...] [--tests PART...] [--jobs N] [--results FILE]
           [--table FILE] [--check]

README.md beside this file says what the list and the table mean. Works in a copy of the tree, under
build/mutants. A run that was interrupted goes on with what is not in --results yet; what was found of
another state of the code does not count. Exit code 0; 1 if less than 95 % are killed or a survivor has
no argument in the list; 2 where the list, the build or the unchanged code is wrong.
"""

import argparse
import collections
import concurrent.futures
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import tomllib
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / "build/mutants"
LEAST_SHARE = 0.95
SECONDS = 120  # of a test; a mutant that hangs is killed by that
MEMBERS = {"id", "file", "old", "new", "how", "tests", "survives_because"}


class Wrong(Exception):
    """The list, the build or the unchanged code."""


def require(condition, reason):
    if not condition:
        raise Wrong(reason)


# --- the list ------------------------------------------------------------------------------------


def unit_test(name):
    """ROOM/NAME_test, by its name alone."""
    found = [path.relative_to(ROOT / "tests/unit") for path in (ROOT / "tests/unit").glob(f"*/{name}_test.cpp")]
    require(len(found) == 1, f"unit:{name}: {len(found)} files of that name under tests/unit, not one")
    return found[0].with_suffix("")


class Mutant:
    """`number` is that of its switch: of its id, so that other entries may come and go without a build."""

    def __init__(self, room, entry):
        self.room = room
        unknown = set(entry) - MEMBERS
        require(not unknown, f"{entry.get('id')}: unknown {', '.join(sorted(unknown))}")
        self.id, self.file, self.old, self.new = (entry[k] for k in ("id", "file", "old", "new"))
        self.number = zlib.crc32(self.id.encode()) >> 1
        self.how = entry.get("how", "expression")
        self.tests = entry["tests"]
        self.argument = entry.get("survives_because", "")
        require(self.how in ("expression", "statement", "patch"), f"{self.id}: how = {self.how}?")
        require(self.tests, f"{self.id}: no tests")

    def check(self):
        """The text must be there, once: a list whose entries have lost their place says so."""
        path = ROOT / self.file
        require(path.exists(), f"{self.id}: there is no {self.file}")
        count = path.read_text().count(self.old)
        require(count == 1, f"{self.id}: {self.file} has {count} times {self.old!r}, not once")
        for test in self.tests:
            if test.startswith("unit:"):
                unit_test(test.split(":")[1])

    def title(self):
        def short(text):
            text = " ".join(text.split())
            return text if len(text) < 44 else text[:40] + " ..."

        return f"{Path(self.file).name}: {short(self.old)} → {short(self.new)}"


def read_list():
    mutants = []
    for path in sorted((HERE / "list").glob("*.toml")):
        for entry in tomllib.loads(path.read_text())["mutant"]:
            mutants.append(Mutant(path.stem, entry))
    ids = collections.Counter(m.id for m in mutants)
    require(all(n == 1 for n in ids.values()), f"ids that occur twice: {[i for i in ids if ids[i] > 1]}")
    require(len({m.number for m in mutants}) == len(mutants), "two ids have the same number: rename one")
    for mutant in mutants:
        mutant.check()
    return mutants


# --- copies of the tree --------------------------------------------------------------------------


def sources():
    """Files of the tree that a build or a test reads, by name."""
    names = [Path("Makefile")]
    for folder in ("include", "src", "tests"):
        names += [p.relative_to(ROOT) for p in (ROOT / folder).rglob("*")
                  if p.is_file() and "__pycache__" not in p.parts]
    return {name: (ROOT / name).read_bytes() for name in names}


def digest(files):
    total = hashlib.sha256()
    for name in sorted(files):
        if name.parts[:2] != ("tests", "mutants"):
            total.update(str(name).encode() + b"\0" + files[name] + b"\0")
    return total.hexdigest()[:16]


class Tree:
    """A copy in which files change only where their content does, so that make builds no more."""

    def __init__(self, name, files):
        self.path, self.files = WORK / name, files
        for old in self.path.rglob("*") if self.path.exists() else ():
            name = old.relative_to(self.path)
            if old.is_file() and name.parts[0] != "build" and name not in files:
                old.unlink()

    def write(self, changed):
        for name, content in {**self.files, **changed}.items():
            path = self.path / name
            if path.exists() and path.read_bytes() == content:
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def switched(mutants):
    """Contents of files that have all of these mutants as switches. Of one place several may be."""
    changed = {}
    by_place = collections.defaultdict(list)
    for m in mutants:
        by_place[m.file, m.old, m.how].append(m)
    for (file, old, how), group in by_place.items():
        text = changed.get(file) or (ROOT / file).read_text()
        require(text.count(old) == 1, f"{group[0].id}: overlaps with another one; make one of them a patch")
        new = old
        for m in group:
            if how == "expression":
                new = f"(::medley_mutant({m.number}) ? ({m.new}) : ({new}))"
            else:
                new = f"if (::medley_mutant({m.number})) {{ {m.new} }} else {{ {new} }}"
        changed[file] = text.replace(old, new)
    return {Path(file): text.encode() for file, text in changed.items()}


# --- building and running ------------------------------------------------------------------------


def instruction_set():
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        flags = ""
    if os.uname().machine != "x86_64":
        return "neon"
    return "avx512" if "avx512f" in flags else "avx2"


class Build:
    """Makes in a tree what tests need, and runs them."""

    def __init__(self, tree, jobs, switches):
        self.tree, self.jobs, self.isa = tree, jobs, instruction_set()
        # (Among the warnings, what is to be included reaches src/engine/layers.sh as well.)
        self.flags = "-w" + " -include tests/mutants/switch.hpp" * switches
        self.compiler = os.environ.get("CXX", "g++")
        self.folder = f"build/{Path(self.compiler).name}-O2"
        self.binaries = f"{self.folder}/{self.isa}"
        # With ccache, where it is installed; without what a make that called this tells its children.
        self.environment = {name: value for name, value in os.environ.items()
                            if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
        self.environment["PATH"] = f"/usr/lib/ccache:{os.environ['PATH']}"

    def make(self, *arguments):
        command = ["make", "-C", str(self.tree.path), f"-j{self.jobs}", "CURDIR=.", f"ISAS={self.isa}",
                   f"WARNINGS={self.flags}", f"TEST_CXX={self.compiler}", "DEBUG=-g0", "LINK=", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, env=self.environment, check=False)
        errors = [line for line in done.stderr.splitlines() if "error" in line.lower()]
        require(done.returncode == 0, "does not build: " + "\n".join(errors[:5] or [done.stderr[-2000:]]))

    def prepare(self, tests):
        """What these tests need: a binary for each file of unit tests, as a filter would find those of
        others too, and binaries of two experiments."""
        units = sorted({test.split(":")[1] for test in tests if test.startswith("unit:")})
        folder = f"{self.folder}/unit-{self.isa}"
        objects = {name: f"{folder}/{unit_test(name)}.o" for name in units}
        if units:
            self.make(*objects.values())
        for name in units:
            program = f"{folder}/{'engine_tests' if unit_test(name).parent.name == 'engine' else 'tests'}"
            (self.tree.path / program).unlink(missing_ok=True)
            self.make(program, f"UNIT_OBJECTS={objects[name]}")
            (self.tree.path / program).rename(self.tree.path / folder / f"{name}_tests")
        if any(test.startswith("contract:") for test in tests):
            self.make(*(f"{self.binaries}/medley-{e}" for e in ("everything", "lenet")))

    def command(self, test):
        kind, *rest = test.split(":", 2)
        if kind == "unit":
            return [f"{self.folder}/unit-{self.isa}/{rest[0]}_tests", "--gtest_brief=1", "--gtest_fail_fast",
                    f"--gtest_filter={rest[1]}"]
        require(kind == "contract", f"{test}: a test is unit:FILE:FILTER or contract:NAME")
        return [sys.executable, "tests/contract/run.py", "--binary-dir", self.binaries, "--quick",
                "--jobs", "1", rest[0]]

    def run(self, test, number=0):
        """None if the test passes, else why it does not."""
        try:
            done = subprocess.run(self.command(test), cwd=self.tree.path, capture_output=True, text=True,
                                  errors="replace", timeout=SECONDS, check=False,
                                  env={**self.environment, "MEDLEY_MUTANT": str(number)})
        except subprocess.TimeoutExpired:
            return f"no end within {SECONDS} s"
        if done.returncode == 0:
            require("0 tests from 0" not in done.stdout, f"{test}: there is no such test")
            return None
        return reason(test, done)


def reason(test, done):
    """In a line: the first test that failed, and with which words."""
    text = done.stdout + done.stderr
    require("no test has such a name" not in text, f"{test}: there is no such test")
    if test.startswith("contract:"):
        found = re.search(r"^FAILED: (.*)", text, re.M)
        return found[1] if found else f"exit {done.returncode}"
    name = re.search(r"^\[  FAILED  \] ([\w/.]+)", text, re.M)
    words = re.search(r": Failure\n(.*)", text)
    return ((name[1] if name else f"exit {done.returncode}") + (f": {words[1]}" if words else ""))[:200]


# --- one after the other -------------------------------------------------------------------------


class Campaign:
    def __init__(self, everything, mutants, options):
        self.everything, self.mutants, self.options = everything, mutants, options
        self.files = sources()
        self.state = digest(self.files)
        self.lock = threading.Lock()
        self.results = self.found_earlier()

    def key(self, m):
        entry = json.dumps([self.state, m.id, m.file, m.old, m.new, m.how, m.tests])
        return hashlib.sha256(entry.encode()).hexdigest()[:16]

    def found_earlier(self):
        path = self.options.results
        lines = path.read_text().splitlines() if path.exists() else []
        known = {entry["key"]: entry for entry in map(json.loads, lines)}
        return {m.id: known[self.key(m)] for m in self.mutants if self.key(m) in known}

    def note(self, m, killer, why, seconds):
        entry = {"key": self.key(m), "id": m.id, "killed_by": killer, "why": why,
                 "seconds": round(seconds, 1)}
        with self.lock:
            self.results[m.id] = entry
            self.options.results.parent.mkdir(parents=True, exist_ok=True)
            with open(self.options.results, "a") as file:
                file.write(json.dumps(entry) + "\n")
            print(f"{len(self.results)}/{len(self.mutants)} {m.id}: " +
                  (f"killed by {killer}: {why}" if killer else "SURVIVED"), flush=True)

    def attack(self, build, m, number):
        """The first of its tests that notices."""
        start = time.monotonic()
        for test in m.tests:
            if why := build.run(test, number):
                return self.note(m, test, why, time.monotonic() - start)
        self.note(m, None, None, time.monotonic() - start)

    def check_unchanged(self, build, tests):
        with concurrent.futures.ThreadPoolExecutor(self.options.jobs) as pool:
            for test, why in zip(tests, pool.map(build.run, tests)):
                require(why is None, f"{test} fails without any mutant: {why}")

    def run(self):
        left = [m for m in self.mutants if m.id not in self.results]
        self.run_switches([m for m in left if m.how != "patch"])
        self.run_patches([m for m in left if m.how == "patch"])

    def run_switches(self, mutants):
        """All of them in one build, and then one after the other by their numbers."""
        if not mutants:
            return
        tree = Tree("switches", self.files)
        switches = [m for m in self.everything if m.how != "patch"]  # whatever is chosen: one build
        tree.write(switched(switches))
        build, tests = Build(tree, self.options.jobs, True), ordered(mutants)
        print(f"building {len(switches)} mutants with a switch each", flush=True)
        build.prepare(tests)
        self.check_unchanged(build, tests)
        with concurrent.futures.ThreadPoolExecutor(self.options.jobs) as pool:
            for done in [pool.submit(self.attack, build, m, m.number) for m in mutants]:
                done.result()

    def run_patches(self, mutants):
        """Each in a build of its own, of what its tests need."""
        tree = Tree("patches", self.files)
        build = Build(tree, self.options.jobs, False)
        for m in mutants:
            text = (ROOT / m.file).read_text().replace(m.old, m.new)
            tree.write({Path(m.file): text.encode()})
            try:
                build.prepare(m.tests)
            except Wrong as wrong:
                raise Wrong(f"{m.id}: {wrong}") from wrong
            self.attack(build, m, 0)


def ordered(mutants):
    """Their tests, each once."""
    return list(dict.fromkeys(test for m in mutants for test in m.tests))


# --- what is told --------------------------------------------------------------------------------


def table(mutants, results):
    lines = ["| id | room | mutation | killed by | seconds |", "|---|---|---|---|---|"]
    for m in mutants:
        found = results[m.id]
        killer = found["killed_by"] or f"SURVIVED {m.argument}".strip()
        lines.append(f"| {m.id} | {m.room} | {m.title().replace('|', '/')} | {killer} | "
                     f"{found['seconds']} |")
    return "\n".join(lines) + "\n"


def summary(mutants, results):
    lines = []
    for room in dict.fromkeys(m.room for m in mutants):
        own = [m for m in mutants if m.room == room]
        lines.append(f"{room}: {sum(bool(results[m.id]['killed_by']) for m in own)} of {len(own)} killed")
    survivors = [m for m in mutants if not results[m.id]["killed_by"]]
    share = 1 - len(survivors) / len(mutants)
    unargued = [m.id for m in survivors if not m.argument]
    lines.append(f"all: {len(mutants) - len(survivors)} of {len(mutants)} killed, {share:.1%}")
    if unargued:
        lines.append("survived without an argument: " + ", ".join(unargued))
    return "\n".join(lines) + "\n", share >= LEAST_SHARE and not unargued


def chosen(mutants, options):
    for m in mutants if options.tests else ():
        m.tests = [test for test in m.tests if any(part in test for part in options.tests)]
    return [m for m in mutants if m.tests and (not options.room or m.room in options.room) and
            (not options.id or any(part in m.id for part in options.id)) and
            (not options.how or m.how in options.how)]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--room", nargs="+", default=[], help="files of list/, without their suffix")
    parser.add_argument("--id", nargs="+", default=[], help="single mutants, or parts of their ids")
    parser.add_argument("--how", nargs="+", default=[], help="expression, statement, patch")
    parser.add_argument("--tests", nargs="+", default=[], metavar="PART",
                        help="only tests with such a part in their names, and what they may kill")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), metavar="N")
    parser.add_argument("--results", type=Path, default=WORK / "results.jsonl", metavar="FILE")
    parser.add_argument("--table", type=Path, metavar="FILE", help="the table goes there too")
    parser.add_argument("--check", action="store_true", help="look only whether the list fits the code")
    options = parser.parse_args()
    try:
        everything = read_list()
        mutants = chosen(everything, options)
        require(mutants, "no mutant is chosen")
        if options.check:
            switched([m for m in everything if m.how != "patch"])
            print(f"{len(mutants)} mutants have their place")
            return 0
        require(shutil.which("make"), "there is no make")
        campaign = Campaign(everything, mutants, options)
        campaign.run()
    except Wrong as wrong:
        print(f"mutants: {wrong}", file=sys.stderr)
        return 2
    text = table(mutants, campaign.results)
    told, good = summary(mutants, campaign.results)
    print(text + "\n" + told, end="")
    if options.table:
        options.table.write_text(text + "\n" + told, encoding="utf-8")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
