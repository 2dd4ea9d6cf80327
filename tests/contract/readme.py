"""Holds every README.md of the tree against a binary and the tree.

usage: readme.py BINARY    (of an experiment that lists every mix)

Checks that the command reference has exactly the options that the binary's --help shows, that commands
and text use options, make targets and variables that there are, that the experiments shown are those of
tests/experiments, that Python parses, that files and links that are named exist, that the tables of parts, of
rooms and of tests have what the folders have, that the tables of mixes have those of the binary with all their
numbers, that nothing is said in two documents, that the main
README is short and leads to all others, and that no placeholder for a number is left. Exit code 0; 1 with
the reasons; 2 for wrong usage.
"""

import ast
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MAIN, COMMANDS, PARTS, TESTS = "README.md", "src/commands/README.md", "include/medley/README.md", "tests/README.md"
MIXES = "include/medley/mixes/README.md"
MOST_LINES = 250  # of the main one
# The experiments that documents show, each in one.
EXPERIMENTS = {"tests/experiments/readme.hpp": MAIN, "tests/experiments/unet.hpp": PARTS}
# Files that the reader is told to make, and what stands for the name of one.
MADE_BY_READER = {"include/medley/experiments/mine.hpp", "mine.hpp", "FILE_test.cpp"}
# Options that only some experiments have.
NOT_EVERYWHERE = {("import", "generated")}
# Options of mpirun and of Slurm, which start many processes.
OF_LAUNCHERS = {"cpus-per-task", "map-by", "mca", "mpi", "signal"}
# Subcommands that take the options of `train` too, for their trainings.
TRAINING = {"tune", "compare"}
FOLDERS = ("src", "include", "data", "tests")
# Parts that tables call otherwise than `info`.
CALLED = {"add": "residual"}


class Tree:
    """What documents may name."""

    def __init__(self, binary):
        self.options = subcommands(binary)
        self.mixes, self.with_any_mix = mixes(binary)
        self.files = tracked_files()
        self.folders = {str(parent) for file in self.files for parent in pathlib.PurePath(file).parents}
        self.names = {file.rsplit("/", 1)[-1] for file in self.files}
        self.rooms = folders_in("include/medley", self.folders)
        self.targets = make_targets()
        self.variables = set(re.findall(r"^([A-Z_]+) \?=", read("Makefile"), re.MULTILINE)) | {"CXX"}
        self.documents = {name: read(name) for name in sorted(self.files) if name.endswith("README.md")}

    def has(self, path):
        return path.rstrip("/") in self.files | self.folders


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def tracked_files():
    """All files, of a tree without git but for what was built."""
    done = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
                          capture_output=True, text=True, check=False)
    names = done.stdout.splitlines() if done.returncode == 0 else [
        str(path.relative_to(ROOT)) for folder in FOLDERS for path in (ROOT / folder).rglob("*")] + [MAIN]
    return {name for name in names if (ROOT / name).is_file()}


def folders_in(folder, folders):
    return {path[len(folder) + 1:] for path in folders
            if path.startswith(folder + "/") and "/" not in path[len(folder) + 1:]}


def make_targets():
    """Those that `make help` lists. (A make that has called this one hands down its own options.)"""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(["make", "help"], cwd=ROOT, env={**environment, "MAKEFLAGS": ""}, capture_output=True,
                          text=True, check=True)
    return set(re.findall(r"^  ([a-z-]+) ", done.stdout, re.MULTILINE))


def help_of(binary, *arguments):
    done = subprocess.run([binary, *arguments, "--help"], capture_output=True, text=True, check=True)
    return done.stdout


def subcommands(binary):
    """Each subcommand with the options that its help defines."""
    names = re.findall(r"^  ([a-z]+) {2,}\S", help_of(binary), re.MULTILINE)
    return {name: set(re.findall(r"^  --([a-z][a-z-]*)", help_of(binary, name), re.MULTILINE))
            for name in names}


def mixes(binary):
    """The numbers of each mix that the binary has, {name: {number: default}}, and of what goes with any."""
    described = json.loads(subprocess.run([binary, "info", "--json"], capture_output=True, check=True).stdout)
    per_loss = {mix["type"]: {f"{option}.LOSS": None for option in mix.get("loss_options", ())}
                for mix in described["mixes"]}
    return ({mix["type"]: {**mix["options"], **per_loss[mix["type"]]} for mix in described["mixes"]},
            described["with_any_mix"])


# --- what a document consists of ------------------------------------------------------------------


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def prose(text):
    """The text without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def spans(text):
    """The pieces of code in the text."""
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose(text))]


def section(text, heading):
    """What follows a heading, up to the next one of the same or a higher level."""
    level = len(heading) - len(heading.lstrip("#"))
    found = re.search(rf"^{re.escape(heading)}$(.*?)(?=^#{{1,{level}}} |\Z)", text,
                      re.MULTILINE | re.DOTALL)
    return found.group(1) if found else ""


def rows(text):
    """The tables' rows as lists of cells, without heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    heads = {i - 1 for i, line in enumerate(lines) if line.startswith("|---")}
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for i, line in enumerate(lines)
            if i not in heads and not line.startswith("|---")]


def anchors(text):
    """Names of headings, as links have them."""
    headings = re.findall(r"^#+ (.*)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


# --- every document -------------------------------------------------------------------------------


def check_make(text, tree):
    """Problems of make's targets and variables, in shell blocks and in the text."""
    lines = [line for block in blocks(text, "sh") for line in block.replace("\\\n", " ").splitlines()]
    problems = []
    for line in [*lines, *spans(text)]:
        if not re.match(r"make\b", line):
            continue
        words = shlex.split(line, comments=True)[1:]
        problems += [f"'{line}': there is no target '{word}' in make help"
                     for word in words if "=" not in word and word not in tree.targets]
        problems += [f"'{line}': the Makefile does not ask for {word.split('=')[0]}"
                     for word in words if "=" in word and word.split("=")[0] not in tree.variables]
    return problems


def check_commands(text, tree):
    """Problems of the calls of binaries in shell blocks."""
    problems = []
    for block in blocks(text, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if not words or "/medley-" not in words[0]:
                continue
            if len(words) < 2 or words[1] not in tree.options:
                problems.append(f"'{line.strip()}': no subcommand")
                continue
            used = {word[2:].split("=")[0] for word in words[2:] if word.startswith("--")}
            known = tree.options[words[1]] | (tree.options["train"] if words[1] in TRAINING else set())
            problems += [f"'{line.strip()}': {words[1]} has no --{option}"
                         for option in sorted(used - known)
                         if (words[1], option) not in NOT_EVERYWHERE]
    return problems


def check_options(text, tree):
    """Problems of options that the text names."""
    known = set().union(*tree.options.values(), {option for _, option in NOT_EVERYWHERE}, {"version"})
    named = {option for span in spans(text) for option in re.findall(r"(?<![\w-])--([a-z][a-z-]+)", span)}
    return [f"no subcommand has --{option}" for option in sorted(named - known - OF_LAUNCHERS)]


def check_python(text):
    problems = []
    for block in blocks(text, "python"):
        try:
            ast.parse(block)
        except SyntaxError as error:
            problems.append(f"a Python block does not parse: {error}")
    return problems


def check_files(text, tree):
    """Problems of paths, of files of rooms, and of bare names of source files."""
    paths = set(re.findall(rf"(?<![\w/.-])(?:{'|'.join(FOLDERS)})/[\w./-]*[\w/]", text))
    problems = [f"{path} does not exist" for path in sorted(paths - MADE_BY_READER) if not tree.has(path)]
    in_rooms = set(re.findall(rf"(?<![\w/.-])(?:{'|'.join(tree.rooms)})/[\w/-]+\.[hc]pp\b", text))
    problems += [f"no room has {path}" for path in sorted(in_rooms)
                 if not tree.has(f"include/medley/{path}") and not tree.has(f"src/{path}")]
    names = set(re.findall(r"(?<![\w/.-])[\w-]+\.(?:hpp|cpp|py|sh)\b", text))
    return problems + [f"no file is called {name}" for name in sorted(names - tree.names - MADE_BY_READER)]


def links(name):
    """The path from the root of the tree, and the heading, of every link within it."""
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(read(name))):
        if "://" not in target:
            path, _, heading = target.partition("#")
            folder = os.path.dirname(name)
            yield os.path.normpath(os.path.join(folder, path)) if path else name, heading


def check_links(name, tree):
    problems = []
    for path, heading in links(name):
        if not tree.has(path):
            problems.append(f"a link leads to {path}, which does not exist")
        elif heading and heading not in anchors(read(path)):
            problems.append(f"a link leads to {path}#{heading}, and there is no such heading")
    return problems


def check_numbers(text):
    return [f"the number {marker} is missing" for marker in sorted(set(re.findall(r"@@[\w.]+@@", text)))]


# --- single documents -----------------------------------------------------------------------------


def check_reference(text, options):
    """Problems of the command reference: options only there, or only in the binary."""
    reference = section(text, "## Command reference")
    if not reference:
        return ["there is no section 'Command reference'"]
    described = re.findall(r"^### (\S+)$", reference, re.MULTILINE)
    problems = [f"the command reference has no '{name}'" for name in options.keys() - described]
    for name in described:
        if name not in options:
            problems.append(f"the command reference has '{name}', which is no subcommand")
            continue
        found = re.findall(r"^\| (`--.*?`) \| ", section(reference, f"### {name}"), re.MULTILINE)
        there = set(re.findall(r"`--([a-z][a-z-]*)", " ".join(found)))
        problems += [f"{name}: there is --{option}, the binary has not"
                     for option in sorted(there - options[name])
                     if (name, option) not in NOT_EVERYWHERE]
        problems += [f"{name}: the binary has --{option}, the document has not"
                     for option in sorted(options[name] - there)]
    return problems


def check_parts(text):
    """Problems of the tables of parts: what no header declares, and what no table has."""
    headers = "".join(file.read_text(encoding="utf-8")
                      for file in sorted((ROOT / "include" / "medley").rglob("*.hpp"))
                      if file.parent.name != "mixes")
    named = set()
    initial = section(text, "## Initial weights").strip().split("\n\n")[0]
    for cells in rows(section(text, "## Parts")) + rows(initial):
        for span in re.findall(r"`([^`]+)`", cells[0]):
            named |= set(re.findall(r"^\.*(?:\w+::)?(\w+)(?=$|[<{(])", span))
    code = set(re.findall(r"\w+", re.sub(r"//.*", "", headers)))
    problems = [f"no header of the parts has {name}" for name in sorted(named - code)]
    types = {word for line in re.findall(r"std::string_view type = (.*);", headers)
             for word in re.findall(r'"(\w+)"', line)}
    there = {re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower() for name in named}
    there |= {name.lower() for name in named}
    return problems + [f"the tables have no part that is called {name} by info"
                       for name in sorted(types) if CALLED.get(name, name) not in there]


def number(text):
    """A default as documents and JSON have it, to be compared."""
    try:
        return float(text)
    except (TypeError, ValueError):
        return text


def numbers_in(cell):
    """`rate=1` `limit.LOSS` as {"rate": 1.0, "limit.LOSS": None}."""
    found = (span.partition("=") for span in re.findall(r"`([^`]+)`", cell))
    return {name: number(value) if equals else None for name, equals, value in found}


def check_mixes(text, tree):
    """Problems of the tables of mixes and of what goes with any: each of the binary's, with its numbers and
    their defaults, and no other."""
    said = {}
    for cells in rows(section(text, "## The mixes")):
        (name, _), *numbers = numbers_in(cells[0]).items()
        said[name] = dict(numbers)
    problems = [f"the tables have no mix '{name}'" for name in tree.mixes.keys() - said.keys()]
    problems += [f"the binary has no mix '{name}'" for name in said.keys() - tree.mixes.keys()]
    said_with_any = {}
    for cells in rows(section(text, "## What goes with any mix")):
        said_with_any.update(numbers_in(cells[0]))
    for name, theirs, ours in [*((name, tree.mixes[name], said[name]) for name in tree.mixes.keys() & said.keys()),
                               ("with any mix", tree.with_any_mix, said_with_any)]:
        theirs = {key: number(value) for key, value in theirs.items()}
        if theirs != ours:
            problems.append(f"{name}: its numbers are {theirs}, not {ours}")
    return problems


def check_mix_options(text, tree):
    """Problems of what --mix is given in shell blocks and in the text. (Capitals stand for something.)"""
    problems = []
    for piece in [*blocks(text, "sh"), *spans(text)]:
        for value in re.findall(r"--mix '?([^\s']+)", piece):
            if re.search(r"\b[A-Z]{3,}", value) or value.startswith("["):
                continue
            mix, _, numbers = re.fullmatch(r"(?:[\w-]+=(?=\w+(?::|$)))?([^:]*)(:?)(.*)", value).groups()
            if mix not in tree.mixes:
                problems.append(f"'--mix {value}': the binary has no mix '{mix}'")
                continue
            known = {**tree.mixes[mix], **tree.with_any_mix}
            per_loss = {name.removesuffix("LOSS") for name in known if name.endswith(".LOSS")}
            for option in filter(None, numbers.split(",")):
                name = option.partition("=")[0]
                if name not in known and not (per_loss and ("<=" in option or name.startswith(tuple(per_loss)))):
                    problems.append(f"'--mix {value}': {mix} has no number '{name}'")
    return problems


def used_rooms(room):
    """The rooms whose headers a room includes."""
    folders = [ROOT / "include" / "medley" / room, ROOT / "src" / room]
    found = {used for folder in folders for file in folder.rglob("*.[hc]pp")
             for used in re.findall(r'^#include "medley/(\w+)/', file.read_text(encoding="utf-8"), re.MULTILINE)}
    return found - {room}


def check_rooms(text, rooms):
    """Problems of the list of rooms, and of what each says that it uses."""
    said = {cells[0].strip("`"): cells[-1].split() for cells in rows(section(text, "## Rooms"))}
    problems = [f"the list of rooms has no '{room}'" for room in sorted(rooms - said.keys())]
    problems += [f"there is no room '{room}'" for room in sorted(said.keys() - rooms)]
    for room in rooms & said.keys():
        used = [name for name in said if name in used_rooms(room)]
        if said[room] != used:
            problems.append(f"room {room} uses '{' '.join(used)}', not '{' '.join(said[room])}'")
    return problems


def check_tests(text, tree):
    """Problems of the list of tests, and of the count of harnesses."""
    said = {cells[0].strip("`").removeprefix("tests/") for cells in rows(text) if "`tests/" in cells[0]}
    problems = [f"the list of tests has no '{name}'" for name in folders_in("tests", tree.folders) - said]
    harnesses = sum(name.endswith("_fuzzer.cpp") for name in tree.files)
    if f"{harnesses} fuzzing harnesses" not in text:
        problems.append(f"there are {harnesses} fuzzing harnesses")
    return problems


def check_main(text, tree):
    lines = text.count("\n")
    reached = {path for path, _ in links(MAIN)}
    problems = [f"it has {lines} lines, {MOST_LINES} at most"] if lines > MOST_LINES else []
    return problems + [f"no link leads to {name}" for name in tree.documents if name not in {MAIN, *reached}]


# --- all of them together -------------------------------------------------------------------------


def check_experiments(documents):
    """Problems of C++ blocks: each is a header of the tests, and each of those told is shown once."""
    problems = []
    for name, text in documents.items():
        theirs = {read(path) for path, document in EXPERIMENTS.items() if document == name}
        shown = blocks(text, "cpp")
        if sorted(theirs) != sorted(shown):
            problems.append(f"{name}: its C++ blocks are not the same as "
                            f"{[path for path in EXPERIMENTS if EXPERIMENTS[path] == name]}")
    return problems


def check_once(documents):
    """Problems of what is said twice: rows and lines of text that two places have."""
    seen, problems = {}, []
    for name, text in documents.items():
        for line in prose(text).splitlines():
            if len(line) > 60 and line in seen:
                problems.append(f"{name}: '{line}' is in {seen[line]} too")
            seen[line] = name
    return problems


def check(name, tree):
    text = tree.documents[name]
    found = check_make(text, tree) + check_commands(text, tree) + check_python(text)
    found += check_files(text, tree) + check_links(name, tree) + check_numbers(text)
    found += check_mix_options(text, tree)
    if not name.startswith("tests/"):  # there, options are those of tests' own programs too
        found += check_options(text, tree)
    if name == MAIN:
        found += check_main(text, tree)
    if name == COMMANDS:
        found += check_reference(text, tree.options)
    if name == PARTS:
        found += check_parts(text) + check_rooms(text, tree.rooms)
    if name == MIXES:
        found += check_mixes(text, tree)
    if name == TESTS:
        found += check_tests(text, tree)
    return [f"{name}: {problem}" for problem in found]


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    tree = Tree(sys.argv[1])
    problems = [] if tree.options else [f"{sys.argv[1]} --help lists no subcommands"]
    problems += [f"there is no {name}" for name in (MAIN, COMMANDS, PARTS, MIXES, TESTS) if name not in tree.documents]
    for name in tree.documents:
        problems += check(name, tree)
    problems += check_experiments(tree.documents) + check_once(tree.documents)
    for problem in problems:
        print(problem)
    if not problems:
        commands = sum(block.count("medley-") for text in tree.documents.values() for block in blocks(text, "sh"))
        print(f"readme: {sum(map(len, tree.options.values()))} options of {len(tree.options)} subcommands, "
              f"{commands} commands, {len(tree.mixes)} mixes, parts, rooms, experiments and all files are as "
              f"{len(tree.documents)} documents say")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
