"""What the tests of the promises share: running binaries, reading run folders, telling results.

A test is a function of one argument, a Bench. It returns a few words on what was tried and how often,
raises Failed with the reason, or Skipped where something that it needs is absent.
"""

import csv
import json
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


class Failed(Exception):
    """A promise does not hold."""


class Skipped(Exception):
    """The test cannot run here."""


def require(condition, reason):
    if not condition:
        raise Failed(reason)


@dataclass
class Done:
    """How a command ended. `code` is negative for a signal that ended it."""

    command: str
    code: int
    stdout: str
    stderr: str

    def expect(self, code, *texts):
        """Requires an exit code, and these texts on stderr. Commands that fail print no result."""
        require(self.code == code, f"{self.command}: exit {self.code}, not {code}: {self.tail()}")
        for text in texts:
            require(text in self.stderr,
                    f"{self.command}: stderr does not say '{text}': {self.tail()}")
        if code not in (0, 129, 130, 143):
            require(self.stdout == "", f"{self.command}: wrote to stdout: {self.stdout[:200]!r}")
        return self

    def tail(self):
        return " | ".join(self.stderr.strip().splitlines()[-3:])

    def rows(self):
        """stdout as Python's csv module reads it: a list of rows of equal length."""
        rows = list(csv.reader(self.stdout.splitlines(keepends=True), strict=True))
        require(len(rows) > 1, f"{self.command}: no rows on stdout")
        require(len({len(row) for row in rows}) == 1, f"{self.command}: rows of several lengths")
        return rows


class Bench:
    """Where the tests run: the binaries, a folder to work in, and how long they may take."""

    def __init__(self, binaries, shared, quick, work, other_builds=()):
        self.binaries, self.shared, self.quick, self.work = binaries, shared, quick, work
        self.other_builds = other_builds
        self.made = {}  # data sets and libraries, by name

    def count(self, quick, thorough):
        return quick if self.quick else thorough

    def folder(self, name):
        """An empty folder of this name."""
        folder = self.work / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def once(self, name, make):
        """What make(folder) put into the folder of this name, made on first use."""
        if name not in self.made:
            folder = self.folder(name)
            make(folder)
            self.made[name] = folder
        return self.made[name]

    def command(self, experiment, arguments):
        return [str(self.binaries / f"medley-{experiment}"), *map(str, arguments)]

    def run(self, experiment, *arguments, environment=None, prepare=None, timeout=300):
        command = self.command(experiment, arguments)
        done = subprocess.run(command, capture_output=True, text=True, errors="backslashreplace",
                              check=False, timeout=timeout,
                              stdin=subprocess.DEVNULL, preexec_fn=prepare,
                              env={**os.environ, **(environment or {})})
        return Done(shorter(command), done.returncode, done.stdout, done.stderr)

    def start(self, experiment, *arguments):
        """The running process; end() waits for it."""
        return subprocess.Popen(self.command(experiment, arguments), text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)

    def end(self, process, with_signal=None, timeout=120):
        if with_signal is not None:
            process.send_signal(with_signal)
        stdout, stderr = process.communicate(timeout=timeout)
        return Done(shorter(process.args), process.returncode, stdout, stderr)

    def library(self, name):
        """Path of tests/contract/<name>.cpp, compiled for LD_PRELOAD."""

        def compile_it(folder):
            command = [os.environ.get("CXX", "g++"), "-std=c++20", "-O1", "-Wall", "-Wextra", "-fPIC",
                       "-shared", HERE / f"{name}.cpp", "-o", folder / f"{name}.so", "-ldl"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            require(done.returncode == 0, f"{name}.cpp does not compile: {done.stderr}")

        return self.once(f"library-{name}", compile_it) / f"{name}.so"


def peer_python():
    """The Python that has what other programs read our files with (peers.txt)."""
    python = ROOT / "build/peers/bin/python"
    if not python.exists():
        raise Skipped("`make peer-packages` installs the packages that read the files")
    return python


# What goes with any mix, other than it is by default.
WITH_ANY = {"map": "map=log", "bound": "map=log,bound=-1", "smoothing": "smoothing=0.9",
            "length": "length=match", "refresh": "refresh=4", "values": "values=batch",
            "gradients": "gradients=output"}


def every_mix(bench, experiment):
    """What --mix takes for each mix that the experiment lists: its name alone, with a number that each
    loss has one of, and with what goes with any mix; of that in a quick run one a mix, in turn."""
    described = json.loads(bench.run(experiment, "info", "--json").expect(0).stdout)
    require(described["with_any_mix"].keys() == WITH_ANY.keys(),
            f"with any mix goes {', '.join(described['with_any_mix'])}")
    loss = next(term["name"] for term in described["terms"] if not term["penalty"])
    found = []
    for i, mix in enumerate(described["mixes"]):
        with_any = list(WITH_ANY.values())
        further = [f"{option}.{loss}=0.5" for option in mix.get("loss_options", ())]
        further += with_any[i % len(with_any):][:1] if bench.quick else with_any
        found += [mix["type"], *(f"{mix['type']}:{options}" for options in further)]
    require(len(found) > 2, f"{experiment} lists no mixes")
    return found


def shorter(command):
    """A command as messages show it: without the folders of its paths."""
    return " ".join([Path(command[0]).name] +
                    [Path(a).name if str(a).startswith("/") else str(a) for a in command[1:]])


def wait_until(condition, seconds, what):
    """Waits until the condition holds; fails after so many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        require(time.monotonic() < end, f"waited {seconds} s for {what}")
        time.sleep(0.002)


def read_until(process, text):
    """Reads stderr up to this text."""
    read = ""
    while text not in read:
        part = os.read(process.stderr.fileno(), 65536).decode()
        require(part, f"ended without '{text}': {read[-300:]}")
        read += part
    return read


def file_size(path):
    try:
        return path.stat().st_size
    except OSError:
        return 0


# --- run folders ---------------------------------------------------------------------------------

# What belongs to the machine and the moment, and is promised to nobody.
NOT_PROMISED = ("timing.csv", "log.txt", "config.ini", "lock")


def contents(run):
    """All that is promised of a run folder: bytes of files and targets of links, by name."""
    found = {}
    for path in sorted(Path(run).rglob("*")):
        name = str(path.relative_to(run))
        if path.is_symlink():
            found[name] = f"-> {os.readlink(path)}".encode()
        elif path.is_file() and name not in NOT_PROMISED:
            found[name] = path.read_bytes()
    return found


def same_contents(expected, found, what):
    """Requires equal run folders, and names the first difference."""
    names = sorted(set(expected) ^ set(found))
    require(not names, f"{what}: {', '.join(names)} in one run folder only")
    for name, content in expected.items():
        if content != found[name]:
            raise Failed(f"{what}: {name} differs {first_difference(content, found[name])}")


def first_difference(a, b):
    if a.startswith(b"-> "):
        return f"({a.decode()} and {b.decode()})"
    at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
    if b"\r\n" in a[:4096]:
        return f"in row {a[:at].count(10)}, ...{a[max(0, at - 20):at + 20]!r} and {b[max(0, at - 20):at + 20]!r}"
    return f"at byte {at} of {len(a)} and {len(b)}"


def whole_checkpoints(run):
    """Requires that every file under a final name is whole; returns how many there are."""
    from strict_safetensors import check, read

    paths = sorted((Path(run) / "checkpoints").glob("step-*"))
    for path in paths:
        try:
            header, _, data_bytes = read(path)
            check(header, data_bytes)
        except (SystemExit, ValueError, KeyError) as error:
            raise Failed(f"{path.name} is not whole: {error}") from error
    for link in ("last", "best"):
        path = Path(run) / link
        require(not path.is_symlink() or path.exists(), f"{link} points to nothing")
    return len(paths)


def kept_steps(run):
    """Steps of the checkpoints that a run folder has."""
    return [int(path.name[5:13]) for path in sorted((Path(run) / "checkpoints").glob("step-*"))]


def end_hard(process):
    """SIGKILL."""
    process.send_signal(signal.SIGKILL)
    process.communicate()
