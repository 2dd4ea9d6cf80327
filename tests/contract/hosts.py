"""Many processes on several hosts: network namespaces, behind a switch that is one too, with delay and loss
where the system has them. Needs root."""

import os
import shutil
import subprocess
import time

from harness import Skipped, contents, require, same_contents, wait_until, whole_checkpoints
from launching import SHORT, begin, dataset, end, kinds, launch, train, wait_for_a_row

COUNT = 3
# Open MPI starts its daemons by a command like ssh's.
AGENT = """#!/bin/sh
host=$1; shift
exec ip netns exec {name}h${{host##*.}} env TMPDIR={folder}/$host sh -c "$*"
"""


class _Hosts:
    """Hosts 10.99.0.1, 10.99.0.2, ...; they go away with the `with`."""

    def __init__(self, bench):
        self.name, self.folder, self.slow = f"medley{os.getpid()}", bench.folder("hosts"), False
        self.addresses = [f"10.99.0.{i + 1}" for i in range(COUNT)]

    def _ip(self, *words, host=None):
        where = ("-n", f"{self.name}{host}") if host else ()
        return subprocess.run(["ip", *where, *map(str, words)], capture_output=True, text=True, check=True)

    def __enter__(self):
        if os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("tc"):
            raise Skipped("needs root, ip and tc")
        try:
            self._build()
        except subprocess.CalledProcessError as error:
            self.__exit__()
            raise Skipped(f"no network namespaces here: {error.stderr.strip()}") from error
        return self

    def _build(self):
        self._ip("netns", "add", f"{self.name}s")
        self._ip("link", "add", "br0", "type", "bridge", host="s")
        self._ip("link", "set", "br0", "up", host="s")
        for i, address in enumerate(self.addresses, 1):
            self._ip("netns", "add", f"{self.name}h{i}")
            self._ip("link", "add", f"p{i}", "type", "veth", "peer", "name", "eth0", "netns", f"{self.name}h{i}", host="s")
            self._ip("link", "set", f"p{i}", "master", "br0", "up", host="s")
            for words in (("link", "set", "lo", "up"), ("addr", "add", f"{address}/24", "dev", "eth0"),
                          ("link", "set", "eth0", "up")):
                self._ip(*words, host=f"h{i}")
            (self.folder / address).mkdir()
            self.slow = subprocess.run(["tc", "-n", f"{self.name}s", "qdisc", "add", "dev", f"p{i}", "root", "netem",
                                        "delay", "1ms", "1ms", "loss", "0.5%"], capture_output=True,
                                       check=False).returncode == 0
        agent = self.folder / "agent"
        agent.write_text(AGENT.format(name=self.name, folder=self.folder))
        agent.chmod(0o755)

    def __exit__(self, *_):
        for host in ("s", *(f"h{i + 1}" for i in range(COUNT))):
            for pid in self.processes(host):
                os.kill(pid, 9)
            subprocess.run(["ip", "netns", "del", f"{self.name}{host}"], capture_output=True, check=False)

    def processes(self, host, name=""):
        """Ids of the processes of a host, of those whose program has such a name."""
        found = subprocess.run(["ip", "netns", "pids", f"{self.name}{host}"], capture_output=True, text=True, check=False)
        return [pid for pid in map(int, found.stdout.split()) if name in _program(pid)]

    def switch(self, i, state):
        self._ip("link", "set", f"p{i}", state, host="s")

    def received(self, i):
        """Bytes that a host has sent."""
        text = self._ip("-s", "link", "show", "dev", f"p{i}", host="s").stdout
        return int(text.split("RX:")[1].splitlines()[1].split()[0])

    def prefix(self):
        return ["ip", "netns", "exec", f"{self.name}h1", "env", f"TMPDIR={self.folder}/{self.addresses[0]}"]

    def environment(self):
        return {"OMPI_MCA_plm_rsh_agent": str(self.folder / "agent"), "OMPI_MCA_btl": "tcp,self",
                "OMPI_MCA_btl_tcp_if_include": "10.99.0.0/24", "OMPI_MCA_oob_tcp_if_include": "10.99.0.0/24"}


def _program(pid):
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return ""


def hosts_train_to_the_bytes_of_one_process(bench):
    if "openmpi" not in kinds(bench, "everything"):
        raise Skipped("no Open MPI")
    options = ("--data", dataset(bench, "everything"), *SHORT, "--mix", "shapes=upgrad")
    expected = train(bench, "everything", "one", *options)
    with _Hosts(bench) as hosts:
        run = bench.folder("hosts-run") / "run"
        launch(bench, "everything", COUNT, "train", "--out", run, *options, "--threads", 1, hosts=hosts).expect(0)
        same_contents(expected, contents(run), f"{COUNT} hosts")
        sent = [hosts.received(i + 1) for i in range(COUNT)]
        require(min(sent) > 1 << 20, f"hosts sent {sent} bytes")
        slow = "1 ms and 0.5% loss" if hosts.slow else "no delay, as this system has no netem"
    return f"{COUNT} hosts over TCP, {slow}, {sum(sent) >> 20} MiB sent"


def a_network_that_goes_down_ends_all_processes_and_nothing_is_lost(bench):
    """On both sides of the link. (Open MPI's launcher waits longer: until TCP gives its daemon up.)"""
    if bench.quick:
        raise Skipped("in the long test")
    kinds(bench, "everything")
    options = ("--data", dataset(bench, "everything"), "--steps", 400, "--batch-size", 29, "--log-every", 1,
               "--checkpoint-every", 1)
    expected = train(bench, "everything", "one", *options)
    with _Hosts(bench) as hosts:
        run = bench.folder("hosts-run") / "run"
        launcher = begin(bench, "everything", [(COUNT, ("train", "--out", run, *options, "--threads", 1))],
                         environment={"MEDLEY_PATIENCE": "2"}, hosts=hosts)
        wait_for_a_row(launcher, run)
        hosts.switch(2, "down")
        names = [f"h{i + 1}" for i in range(COUNT)]
        start = time.monotonic()
        wait_until(lambda: not any(hosts.processes(name, "-mpi") for name in names), 30, "the end of all processes")
        took = time.monotonic() - start
    said = end(launcher, 20).stderr  # the hosts are gone, with launcher and daemons
    require("process 2 of 3 has not answered for 2 s" in said, f"nobody says which: {said[-300:]}")
    whole_checkpoints(run)
    bench.run("everything", "train", "--out", run, "--resume").expect(0)
    same_contents(expected, contents(run), "after the network was down")
    return f"all ended {took:.0f} s after, with a patience of 2 s"
