"""What may not be seen where: read from the #include lines of the sources, without a compiler."""

import re

from harness import ROOT, require

# What is compiled once, for any processor.
SHELL = ("base", "mixes", "optimizers", "experiment", "data", "files", "import", "run", "report", "commands")
VECTOR = ("medley/base/vec.hpp", "xsimd/")


def _included(path):
    """The names between <> or quotes."""
    return re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', path.read_text(), re.MULTILINE)


def _way_to(unwanted, path):
    """The first chain of inclusions from `path` to a header that begins with one of `unwanted`."""
    waiting, seen = [[path]], {path}
    while waiting:
        way = waiting.pop(0)
        for name in _included(way[-1]):
            if name.startswith(unwanted):
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
