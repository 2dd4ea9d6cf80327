"""Compiles wrong experiments and holds what the compiler says against what each one expects.

    run.py [--compiler g++] [--jobs N] [--every N] [NAME...]

Every header here but right.hpp describes an experiment called `wrong`, and its first line is the
sentence of the compiler's first error. Besides, that error must be the only thing told, in a few lines,
and right.hpp must compile. No engine is built: describing an experiment is enough to find what is
wrong, and one is tried as the build does it, with its engine. NAMEs choose headers by a part of their
name, --every N one of N. Prints a line for each failure and the count; exit code 0, or 1 if something failed.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# A sentence, where it comes from, and the line that asks for it.
MOST_LINES = {"g++": 14, "clang++": 28}
FLAGS = ["-std=c++20", "-Iinclude", "-I.", "-DMEDLEY_SCALAR"]
ESCAPES = {"n": "\n", "t": "\t"}


class Compiler:
    """What the cases have in common is compiled once, so that each of them takes a third of a second."""

    def __init__(self, command, folder):
        self.command = command
        self.common = Path(folder) / "common.hpp"
        self.common.write_text('#include "tests/errors/right.hpp"\n#include "medley/experiment/describe.hpp"\n')
        is_clang = "clang" in command
        self.most_lines = MOST_LINES["clang++" if is_clang else "g++"]
        compiled = str(self.common) + (".pch" if is_clang else ".gch")
        self.run("-x", "c++-header", str(self.common), "-o", compiled, check=True)
        self.use = ["-include-pch", compiled] if is_clang else ["-include", str(self.common)]

    def run(self, *arguments, check=False):
        done = subprocess.run([self.command, *FLAGS, *arguments], cwd=ROOT, check=False, text=True,
                              stderr=subprocess.PIPE, env={**os.environ, "LC_ALL": "C"})
        if check and done.returncode != 0:
            sys.exit(done.stderr)
        return done

    def compile(self, header, source="tests/errors/unit.cpp", *flags):
        name = "right" if header.stem == "right" else "wrong"
        path = header.relative_to(ROOT)
        return self.run(*flags, "-fsyntax-only", f"-DMEDLEY_EXPERIMENT={name}",
                        f'-DMEDLEY_EXPERIMENT_HEADER="{path}"', source)


def sentence(error):
    """The sentence in a line of g++, which prints it as a string, or of clang++, which spells it."""
    found = re.search(r'WrongExperiment<.*?Sentence\{"((?:[^"\\]|\\.)*)"\}', error)
    if found:
        return re.sub(r"\\(.)", lambda m: ESCAPES.get(m[1], m[1]), found[1])
    spelled = re.search(r"WrongExperiment<('.*')>", error)
    if spelled:
        return "".join(re.findall(r"'\\?(.)'(?:, |$)", spelled[1]))
    return None


def fault(header, done, most_lines):
    """What is not as it should be in the compiler's answer, or nothing."""
    if header.stem == "right":
        return done.stderr if done.returncode != 0 or done.stderr else None
    expected = header.read_text().splitlines()[0].removeprefix("// ")
    lines = done.stderr.splitlines()
    errors = [line for line in lines if "error:" in line]
    if not errors:
        return "it compiles"
    if sentence(errors[0]) != expected:
        return f"the first error is\n  {sentence(errors[0]) or errors[0]}\ninstead of\n  {expected}"
    if len(errors) > 1 or len(lines) > most_lines:
        return f"{len(errors)} errors in {len(lines)} lines:\n{done.stderr}"
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--every", type=int, default=1, metavar="N")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    headers = sorted(h for h in HERE.glob("*.hpp")
                     if not arguments.names or any(name in h.stem for name in arguments.names))[::arguments.every]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(arguments.jobs) as pool:
        compiler = Compiler(arguments.compiler, folder)
        cases = [(header, pool.submit(compiler.compile, header, "tests/errors/unit.cpp", *compiler.use))
                 for header in headers]
        for source in ("src/experiments/experiment.cpp", "src/engine/engine.cpp"):
            header = HERE / "head-unknown.hpp"
            cases.append((header, pool.submit(compiler.compile, header, source, "-DMEDLEY_ISA=scalar")))
        failed = 0
        for header, done in cases:
            wrong = fault(header, done.result(), compiler.most_lines)
            if wrong:
                failed += 1
                print(f"FAILED {header.relative_to(ROOT)}: {wrong}")
    print(f"errors, {arguments.compiler}: {len(cases) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
