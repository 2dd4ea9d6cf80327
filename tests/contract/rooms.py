"""What may not be seen where: read from the #include lines of the sources, without a compiler."""

import re

from harness import ROOT, require

# What is compiled once, for any processor.
SHELL = ("base", "mixes", "optimizers", "experiment", "data", "files", "import", "run", "study", "report", "export", "processes", "mpi",
         "commands")
VECTOR = ("medley/base/vec.hpp", "xsimd/")

# What trains needs no system. These of its rooms do, as they are the shell's:
CORE = ("base", "kernels", "layers", "losses", "mixes", "optimizers", "network", "engine")
NOT_CORE = {
    "base/arguments.hpp": "a command's arguments",
    "base/error.hpp": "errors are thrown",
    "base/half.hpp": "numbers of half the size, as files have them",
    "base/line.hpp": "numbers as text",
    "base/number.hpp": "numbers from text",
    "base/pixel_text.hpp": "what pixels are, as text",
    "base/terminal.hpp": "where lines are shown",
    "base/text.hpp": "texts for people",
    "optimizers/schedule_text.hpp": "schedules as options",
    "engine/engine.hpp": "an engine as the shell sees it: virtual functions, also to delete it",
    "engine/threads.hpp": "workers that are threads",
    "engine/trainer_engine.hpp": "a trainer behind that interface, its memory and its threads",
}
SYSTEM = ("any", "atomic_file", "boost/", "charconv", "chrono", "condition_variable", "csignal", "cstdio",
          "cstdlib", "ctime", "deque", "exception", "experimental/", "filesystem", "fmt/", "format", "fstream",
          "functional", "future", "iomanip", "ios", "iostream", "istream", "list", "locale", "map", "memory",
          "mutex", "nlohmann/", "optional", "ostream", "random", "regex", "set", "shared_mutex", "sstream", "stdexcept",
          "stdio.h", "stdlib.h", "stop_token", "string", "sys/", "system_error", "thread", "typeinfo", "unistd.h",
          "unordered_map", "unordered_set", "vector")
# Functions of <cmath> that are calls where a processor has no instruction for them. (The vector has the two of
# floats that every processor with fused multiply-adds has.)
MATH = re.compile(r"std::(sqrt|cbrt|pow|exp\w*|log\w*|a?(sin|cos|tan)h?|hypot|fma|fmod|remainder|floor|ceil|round"
                  r"|trunc|l?l?r(ound|int)|nearbyint|ldexp|frexp|fabs|abs|isfinite|isnan|isinf)\(")
# (Of `new`, the form that takes its memory from its caller is no matter of the system.)
NO_SYSTEM = re.compile(r"\b(throw|try|catch|dynamic_cast|typeid|new(?! \()|delete|thread_local|malloc|free)\b(?!;)")


def _included(path):
    """The names between <> or quotes."""
    return re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', path.read_text(), re.MULTILINE)


def _way_to(unwanted, path):
    """The first chain of inclusions from `path` to a header that begins with one of `unwanted`, or is one
    that is given without a `/`."""
    waiting, seen = [[path]], {path}
    while waiting:
        way = waiting.pop(0)
        for name in _included(way[-1]):
            if any(name.startswith(u) if "/" in u else name == u for u in unwanted):
                return [str(p.relative_to(ROOT)) for p in way] + [name]
            header = ROOT / "include" / name
            if header.exists() and header not in seen:
                seen.add(header)
                waiting.append([*way, header])
    return []


def the_shell_does_not_see_the_vector(_):
    units = [unit for room in SHELL for unit in sorted((ROOT / "src" / room).glob("*.cpp"))]
    require(len(units) >= len(SHELL), "the rooms of the shell are not where they were")
    for unit in units:
        way = _way_to(VECTOR, unit)
        require(not way, " includes ".join(way))
    engine = ROOT / "src" / "engine" / "engine.cpp"
    require(_way_to(VECTOR, engine), f"{engine}: the vector is not found where it must be")
    return f"{len(units)} units of {len(SHELL)} rooms"


def the_core_does_not_see_the_system(_):
    headers = [header for room in CORE for header in sorted((ROOT / "include/medley" / room).glob("*.hpp"))]
    names = {str(header.relative_to(ROOT / "include/medley")): header for header in headers}
    require(set(NOT_CORE) <= set(names), f"no longer there: {set(NOT_CORE) - set(names)}")
    core = [header for name, header in names.items() if name not in NOT_CORE]
    core.append(ROOT / "include/medley/core.hpp")
    require(len(core) > 50, "the rooms of the core are not where they were")
    for header in core:
        way = _way_to((*SYSTEM, *(f"medley/{name}" for name in NOT_CORE)), header)
        require(not way, " includes ".join(way))
        code = re.sub(r"//.*|#include.*|= delete;", "", header.read_text())
        for pattern in (NO_SYSTEM, *([] if header.name in ("vec.hpp", "scalar_batch.hpp") else [MATH])):
            found = pattern.search(code)
            require(not found, f"{header.relative_to(ROOT)}: {found and found.group()}")
    return f"{len(core)} headers of {len(CORE)} rooms; {len(NOT_CORE)} others are the shell's"
