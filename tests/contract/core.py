"""The core alone: what trains needs no system under it, and gives the bits of an ordinary engine."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from harness import ROOT, Skipped, require

FLAGS = ("-std=c++20", "-O1", "-ffp-contract=off", "-fno-math-errno", "-Iinclude", "-I.", "-Wall", "-Wextra",
         "-Wpedantic", "-Wshadow", "-Wconversion", "-Wno-sign-conversion", "-Werror")
ALONE = ("-DMEDLEY_SCALAR", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics", "-ffunction-sections",
         "-fdata-sections")
LINK_ALONE = ("-nostdlib", "-nostartfiles", "-static", "-Wl,--gc-sections")
# Scalars need the processor's fused multiply-add: without it, fmaf would be the C library's.
MACHINE = {"x86_64": ("-march=x86-64-v3",), "aarch64": ()}

# All symbols that the program may have. (Whatever else it asked for, the linker would not find.)
ALLOWED = re.compile(r"""
    _Z.*6medley.*                            # ours, and templates of the library made for our types
  | (_ZGV|_Z)Z5startE[\w.]+                  # what start() keeps
  | [\w.]*XXH[\w.]*                          # xxhash.h, all of it in the header
  | _start | start | mem(cpy|move|set|cmp)   # bare.cpp
  | _*(bss_start|bss_end|data_start|edata|end|stack|GNU_EH_FRAME_HDR)_*  # the linker's
""", re.VERBOSE)
# What compilers for small processors call for 64-bit integers and doubles.
HELPERS = re.compile(r"__\w*(aeabi|[sd][if])\w*")


def _run(*command):
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    require(result.returncode == 0, f"{' '.join(map(str, command))}: {result.stderr[:1000]}")
    return result.stdout


def _symbols(program, nm="nm"):
    return [line.split()[-1] for line in _run(nm, program).splitlines() if " $" not in line]


def _strangers(program, also=None, nm="nm"):
    return [name for name in _symbols(program, nm)
            if not ALLOWED.fullmatch(name) and not (also and also.fullmatch(name))]


def _facts(program):
    return dict(line.rsplit(" ", 1) for line in _run(program).splitlines())


def the_core_trains_without_a_system(bench):
    machine = MACHINE.get(os.uname().machine)
    if machine is None:
        raise Skipped(f"no start for {os.uname().machine} in tests/core/bare.cpp")
    folder = bench.folder("core")
    compilers = ["g++"] + [c for c in ("clang++",) if not bench.quick and shutil.which(c)]
    threads = folder / "threads"
    _run("g++", *FLAGS, *machine, "tests/core/threads.cpp",
         "tests/core/mixes.cpp", "-pthread", "-o", threads)
    wanted = _facts(threads)
    require(wanted["complete"] == f"{1:016x}", f"the ordinary training did not end well: {wanted}")
    symbols = 0
    for compiler in compilers:
        alone = folder / f"alone-{compiler}"
        _run(compiler, *FLAGS, *ALONE, *machine, "tests/core/bare.cpp",
             "tests/core/mixes.cpp", *LINK_ALONE,
             "-o", alone)
        strangers = _strangers(alone)
        require(not strangers, f"{compiler}: not of the core: {', '.join(strangers[:10])}")
        symbols = len(_symbols(alone))
        found = _facts(alone)
        differing = [name for name in wanted if found.get(name) != wanted[name]]
        require(not differing, f"{compiler}: other than with threads: {', '.join(differing)}")
    return f"40 steps by {' and '.join(compilers)}, {symbols} symbols, {len(wanted)} numbers as with threads"


def _headers_alone(compiler, processor):
    """Where Debian has the headers of the C++ library, which the compiler looks for beside the library itself."""
    found = sorted(Path("/usr/include/newlib/c++").glob("*"))
    if not found:
        return ()
    variant = _run(compiler, *processor, "-print-multi-directory").strip()
    return (f"-isystem{found[-1]}", f"-isystem{found[-1]}/arm-none-eabi/{variant}", "-isystem/usr/include/newlib")


def the_core_compiles_for_a_microcontroller(bench):
    compiler = shutil.which("arm-none-eabi-g++")
    if compiler is None:
        raise Skipped("no arm-none-eabi-g++")
    if bench.quick:
        raise Skipped("15 s of a processor: in thorough runs")
    folder = bench.folder("microcontroller")
    program = folder / "core.elf"
    # A header for any machine, which lies among those of this one.
    (folder / "xxhash.h").symlink_to("/usr/include/xxhash.h")
    processor = ("-mcpu=cortex-m7", "-mfpu=fpv5-d16", "-mthumb", "-mfloat-abi=hard")
    # (Of functions that take spans in registers g++ tells which versions of it took them elsewhere.)
    _run(compiler, *_headers_alone(compiler, processor), "-isystem", folder, *FLAGS, "-Wno-psabi", *ALONE, *processor,
         "tests/core/bare.cpp", "tests/core/mixes.cpp", *LINK_ALONE, "-Wl,--entry=start", "-lgcc", "-o", program)
    strangers = _strangers(program, HELPERS, "arm-none-eabi-nm")
    require(not strangers, f"not of the core: {', '.join(strangers[:10])}")
    return "Cortex-M7, linked without a C library"
