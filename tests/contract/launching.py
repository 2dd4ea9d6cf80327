"""Binaries over MPI: how they are launched, and the processes behind a launcher."""

import os
import shutil
import subprocess
from pathlib import Path

import data
from harness import Done, Skipped, contents, shorter, wait_until

LAUNCHERS = {"openmpi": "mpirun.openmpi", "mpich": "mpirun.mpich"}
# There may be more processes than processors, and whoever runs tests may be root.
_ENVIRONMENT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
                "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_hwloc_base_binding_policy": "none",
                "OMPI_MCA_mpi_yield_when_idle": "1", "OMPI_MCA_btl_vader_single_copy_mechanism": "none"}
SHORT = ("--steps", 7, "--batch-size", 43, "--log-every", 1, "--gradients-every", 3, "--diagnose", 4,
         "--checkpoint-every", 3, "--keep", 9)
# What tells a process its rank.
RANK = {"openmpi": "OMPI_COMM_WORLD_RANK", "mpich": "PMI_RANK"}


def kinds(bench, *experiments):
    """The MPIs that these experiments are built for here, of which a quick run takes the first."""
    found = [kind for kind, launcher in LAUNCHERS.items() if shutil.which(launcher) and all(
        _binary(bench, experiment, kind).exists() for experiment in experiments)]
    if not found:
        raise Skipped(f"no mpirun, or no {' and '.join(f'medley-{e}-mpi' for e in experiments)}: `make mpi-packages` "
                      "installs what these need")
    return found


def _binary(bench, experiment, kind):
    return bench.binaries / kind / f"medley-{experiment}-mpi"


def command(bench, experiment, parts, kind):
    """Processes that are not called alike: parts are (how many, arguments) or (how many, arguments, environment)."""
    words = [LAUNCHERS[kind]]
    for i, (count, arguments, *environment) in enumerate(parts):
        assignments = [f"{k}={v}" for k, v in environment[0].items()] if environment else []
        # (A process that another one starts has that one's rank.)
        words += [":"] * (i > 0) + ["-np", str(count), *(["env", *assignments] if assignments else []),
                                    str(_binary(bench, experiment if isinstance(experiment, str) else experiment[i],
                                                kind)), *map(str, arguments)]
    return words


def begin(bench, experiment, parts, kind="openmpi", environment=None, hosts=None, stdin=subprocess.DEVNULL):
    """`hosts`: where they run (hosts.py), instead of here."""
    words, environment = command(bench, experiment, parts, kind), dict(environment or {})
    if hosts:
        told = [word for name in environment for word in ("-x", name)]  # to the others
        words = [*hosts.prefix(), words[0], *told, "--host", ",".join(hosts.addresses), *words[1:]]
        environment |= hosts.environment()
    return subprocess.Popen(words, text=True, errors="backslashreplace",
                            stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env={**os.environ, **_ENVIRONMENT, **environment})


def end(launcher, timeout=120):
    """How it ended by itself; whoever has not is not left behind."""
    try:
        stdout, stderr = launcher.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        for pid in processes(launcher).values():
            os.kill(pid, 9)
        launcher.kill()
        launcher.communicate()
        raise
    return Done(shorter(launcher.args), launcher.returncode, stdout, stderr)


def launch(bench, experiment, count, *arguments, kind="openmpi", environment=None, hosts=None, timeout=300):
    """Runs `count` processes that are called alike, or the parts of a list."""
    parts = count if isinstance(count, list) else [(count, arguments)]
    return end(begin(bench, experiment, parts, kind, environment, hosts), timeout)


def processes(launcher, kind="openmpi"):
    """Their process ids, by rank."""
    found = {}
    waiting = [launcher.pid]
    while waiting:
        pid = waiting.pop()
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            if "-mpi" in os.readlink(f"/proc/{pid}/exe"):
                entries = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
                found.update({int(e.partition(b"=")[2]): pid for e in entries
                              if e.startswith(f"{RANK[kind]}=".encode())})
        except OSError:  # it has ended
            continue
        waiting += map(int, children)
    return found


def rows(run):
    """Of losses.csv, without its header."""
    try:
        return max(0, (run / "losses.csv").read_bytes().count(b"\n") - 1)
    except OSError:
        return 0


def wait_for_a_row(launcher, run, more_than=0):
    """Until so many steps were logged and another."""
    wait_until(lambda: launcher.poll() is not None or rows(run) > more_than, 60, "a step")


def dataset(bench, experiment):
    if experiment == "lenet":
        return bench.once("few-digits", data.few_digits)
    return bench.once("everything-data", data.everything)


def train(bench, experiment, name, *options):
    """What one process of the plain binary leaves."""
    run = bench.folder(name) / "run"
    bench.run(experiment, "train", "--out", run, *options).expect(0)
    return contents(run)


def train_together(bench, experiment, count, name, *options, kind="openmpi"):
    """What processes leave, of which some have two threads."""
    run = bench.folder(name) / "run"
    arguments = ("train", "--out", run, *options)
    first = (count + 1) // 2
    parts = [(first, (*arguments, "--threads", 1)), (count - first, (*arguments, "--threads", 2))]
    launch(bench, experiment, [part for part in parts if part[0] > 0], kind=kind).expect(0)
    return contents(run)
