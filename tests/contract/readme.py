"""Holds README.md and data/README.md against a binary and the tree.

usage: readme.py BINARY

Checks that the README's command reference has exactly the options that the binary's --help shows, that
the commands it shows use options and make targets that there are, that its experiments are
tests/experiments/readme.hpp and unet.hpp, that its Python parses, that the files it names exist, and that no
placeholder for a number is left. Exit code 0; 1 with the reasons; 2 for wrong usage.
"""

import ast
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
EXPERIMENTS = ("tests/experiments/readme.hpp", "tests/experiments/unet.hpp")
# Files that the reader is told to make.
MADE_BY_READER = {"include/medley/experiments/mine.hpp", "mine.hpp"}
# Options that only some experiments have.
NOT_EVERYWHERE = {("import", "generated")}
FOLDERS = ("src", "include", "data", "tests")


def help_of(binary, *arguments):
    done = subprocess.run([binary, *arguments, "--help"], capture_output=True, text=True, check=True)
    return done.stdout


def subcommands(binary):
    """Each subcommand with the options that its help defines."""
    names = re.findall(r"^  ([a-z]+) {2,}\S", help_of(binary), re.MULTILINE)
    return {name: set(re.findall(r"^  --([a-z][a-z-]*)", help_of(binary, name), re.MULTILINE))
            for name in names}


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def section(text, heading):
    """What follows a heading, up to the next one of the same or a higher level."""
    level = len(heading) - len(heading.lstrip("#"))
    found = re.search(rf"^{re.escape(heading)}$(.*?)(?=^#{{1,{level}}} |\Z)", text,
                      re.MULTILINE | re.DOTALL)
    return found.group(1) if found else None


def check_reference(text, options):
    """Problems of the command reference: options only there, or only in the binary."""
    reference = section(text, "## Command reference")
    if reference is None:
        return ["there is no section 'Command reference'"]
    described = re.findall(r"^### (\S+)$", reference, re.MULTILINE)
    problems = [f"the command reference has no '{name}'" for name in options.keys() - described]
    for name in described:
        if name not in options:
            problems.append(f"the command reference has '{name}', which is no subcommand")
            continue
        rows = re.findall(r"^\| (`--.*?`) \| ", section(reference, f"### {name}"), re.MULTILINE)
        there = set(re.findall(r"`--([a-z][a-z-]*)", " ".join(rows)))
        problems += [f"{name}: the README has --{option}, the binary has not"
                     for option in sorted(there - options[name])
                     if (name, option) not in NOT_EVERYWHERE]
        problems += [f"{name}: the binary has --{option}, the README has not"
                     for option in sorted(options[name] - there)]
    return problems


def check_commands(text, options, targets):
    """Problems of the commands in shell blocks."""
    problems = []
    for block in blocks(text, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if not words:
                continue
            if words[0] == "make":
                problems += [f"'{line.strip()}': there is no target '{word}'"
                             for word in words[1:] if "=" not in word and word not in targets]
            elif "/medley-" in words[0]:
                if len(words) < 2 or words[1] not in options:
                    problems.append(f"'{line.strip()}': no subcommand")
                    continue
                used = {word[2:].split("=")[0] for word in words[2:] if word.startswith("--")}
                problems += [f"'{line.strip()}': {words[1]} has no --{option}"
                             for option in sorted(used - options[words[1]])
                             if (words[1], option) not in NOT_EVERYWHERE]
    return problems


def check_experiments(text):
    shown = blocks(text, "cpp")
    return [f"no C++ block is the same as {path}" for path in EXPERIMENTS
            if (ROOT / path).read_text(encoding="utf-8") not in shown]


def check_python(text):
    problems = []
    for block in blocks(text, "python"):
        try:
            ast.parse(block)
        except SyntaxError as error:
            problems.append(f"a Python block does not parse: {error}")
    return problems


def check_files(text):
    """Problems of paths and of bare names of source files."""
    paths = set(re.findall(rf"(?<![\w/.-])(?:{'|'.join(FOLDERS)})/[\w./-]*[\w/]", text))
    problems = [f"{path} does not exist" for path in sorted(paths - MADE_BY_READER)
                if not (ROOT / path).exists()]
    known = {file.name for folder in FOLDERS for file in (ROOT / folder).rglob("*")}
    names = set(re.findall(r"(?<![\w/.-])[\w-]+\.(?:hpp|cpp|py)\b", text))
    return problems + [f"no file is called {name}" for name in sorted(names - known - MADE_BY_READER)]


def check_numbers(text):
    return [f"the number {marker} is missing" for marker in sorted(set(re.findall(r"@@[\w.]+@@", text)))]


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    options = subcommands(sys.argv[1])
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    problems = [] if options else [f"{sys.argv[1]} --help lists no subcommands"]
    commands = 0
    for name in ("README.md", "data/README.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        commands += sum(block.count("medley-") for block in blocks(text, "sh"))
        found = check_commands(text, options, targets) + check_python(text)
        found += check_files(text) + check_numbers(text)
        if name == "README.md":
            found += check_reference(text, options) + check_experiments(text)
        problems += [f"{name}: {problem}" for problem in found]
    for problem in problems:
        print(problem)
    if not problems:
        print(f"readme: {sum(map(len, options.values()))} options of {len(options)} subcommands, "
              f"{commands} commands, the experiments and all files are as the README says")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
