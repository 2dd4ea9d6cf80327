"""A model of a training step of P processes: what it predicts beside what was measured, and up to 256 processes.

    processes_model.py FILE.json [--threads 1] [--counts 2 4 8] [--batches 256 1024] [--table-only]

FILE.json is what processes.py wrote. With P processes of one thread and S slots, of which a process has the most
s shards of a batch in its own, a step takes

    t = s · t_shard + t_rest · (1 + 1/P) / 2 + 3 L + m (P - 1) t_message + b (P - 1)/P / B

  t_shard, t_rest  seconds of a shard, and of a step besides (update, prepacked weights, of which half is taken to
                   be divided among processes); measured on batches of one shard and of one a slot, with all
                   processors at work
  L, t_message, B  seconds until a message is there, of one message more, and bytes a second of a process; three
                   times a step all wait: for the command, the gradients, and the parameters
  m                messages from one process to another: 8
  b                4 bytes of each parameter for gradients, 4 for the new parameters, and 2% besides

where P is a power of two. The model takes as many slots as the experiment has, or P if that is more
(`memory.slots`), and never more than a batch has shards: what has no slot, only has its chunks to update. A
process is taken to have a link of its own, both ways at once. With --threads T each process has T threads that
share out its slots.

Shared memory and loopback TCP are as bench-messages measures them. For networks, figures that are typically
reached, not nominal ones, are taken:

  10 Gbit/s Ethernet   L 50 us, t_message 5 us, B 1.15 GB/s: half of the 92 to 100 us that a round trip took between
                       virtual machines, and 95% of the link (Scalable Logic's blog, "Enhanced Networking in the AWS
                       Cloud", 2014)
  25 Gbit/s Ethernet   L 25 us, t_message 4 us, B 2.9 GB/s: TCP of the kernel within one machine room; taken
  InfiniBand EDR       L 1.2 us, t_message 0.3 us, B 12 GB/s: an MPI over such adapters; taken

Prints Markdown: a table of predictions beside measurements, and one of speed-ups over one process. Processes
stop paying where the efficiency, speed-up over P, is below a half, or twice as many are slower. Exit code 0; 1
where a prediction is off by more than 15%.
"""

import argparse
import json
import math
import pathlib
import sys

NETWORKS = {
    "10 Gbit/s": {"latency": 50e-6, "message": 5e-6, "bandwidth": 1.15e9},
    "25 Gbit/s": {"latency": 25e-6, "message": 4e-6, "bandwidth": 2.9e9},
    "InfiniBand": {"latency": 1.2e-6, "message": 0.3e-6, "bandwidth": 12e9},
}
MESSAGES = 8
WAITS = 3
BYTES_A_FLOAT = 2 * 4 * 1.02
TOLERANCE = 0.15
COUNTS = tuple(2**i for i in range(1, 9))
BATCHES = (256, 512, 1024, 2048, 4096)


def shards_of_slowest(network, batch, processes, threads):
    """Shards that the busiest thread of the busiest process takes one after the other."""
    shards = math.ceil(batch / network["shard"])
    slots = min(max(network["slots"], processes * threads), shards)
    in_slot = [math.ceil((shards - slot) / slots) for slot in range(slots)]
    most = 0
    for process in range(processes):
        own = in_slot[slots * process // processes:slots * (process + 1) // processes]
        most = max([most, *(sum(own[thread::threads]) for thread in range(threads))])
    return most


def step_seconds(network, link, batch, processes, threads=1):
    compute = shards_of_slowest(network, batch, processes, threads) * network["shard_seconds"]
    rest = network["rest_seconds"] * (1 + 1 / processes) / 2 / threads
    if processes == 1:
        return compute + rest
    others = processes - 1
    exchange = (WAITS * link["latency"] + MESSAGES * others * link["message"] +
                BYTES_A_FLOAT * network["floats"] * others / processes / link["bandwidth"])
    return compute + rest + exchange


def check(known):
    """Rows of predictions; whether all are near."""
    rows, near = [], True
    for case in known["cases"]:
        if case["network"] not in known["networks"]:
            continue
        predicted = step_seconds(known["networks"][case["network"]], known["messages"][case["transport"]],
                                 case["batch"], case["processes"])
        off = predicted / case["seconds"] - 1
        near &= abs(off) <= TOLERANCE
        rows.append((f"`{case['network']}`", case["batch"], case["processes"], case["transport"],
                     f"{case['seconds'] * 1e3:.2f}", f"{predicted * 1e3:.2f}", f"{off:+.0%}"))
    return rows, near


def pays_up_to(network, link, batch, threads):
    """The largest number of processes that pays, 1 where none does, and its speed-up."""
    alone = before = step_seconds(network, link, batch, 1, threads)
    best = (1, 1.0)
    for processes in COUNTS:
        seconds = step_seconds(network, link, batch, processes, threads)
        if alone / seconds < processes / 2 or seconds >= before:
            break
        best, before = (processes, alone / seconds), seconds
    return best


def speed_ups(known, counts, batches, threads):
    ethernet = NETWORKS["10 Gbit/s"]
    for name, network in known["networks"].items():
        for batch in batches:
            alone = step_seconds(network, ethernet, batch, 1, threads)
            each = [alone / step_seconds(network, ethernet, batch, count, threads) for count in counts]
            ends = [pays_up_to(network, link, batch, threads)[0] for link in NETWORKS.values()]
            yield (f"`{name}`", batch, *(f"{value:.3g}" for value in each), ", ".join(map(str, ends)))


def print_table(head, rows):
    first, *others = ("| " + " | ".join(map(str, values)) + " |" for values in (head, *rows))
    print(first, "|---" * len(head) + "|", *others, sep="\n")
    print(flush=True)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("measured", type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=1, help="of each process")
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS, help="powers of two")
    parser.add_argument("--batches", type=int, nargs="+", default=BATCHES)
    parser.add_argument("--table-only", action="store_true")
    options = parser.parse_args()
    known = json.loads(options.measured.read_text())
    near = True
    if not options.table_only:
        rows, near = check(known)
        print_table(("network", "batch", "processes", "messages by", "measured, ms", "predicted, ms", "off"), rows)
    print_table(("network", "batch", *options.counts, "pay up to, 10, 25 Gbit/s, InfiniBand"),
                speed_ups(known, options.counts, options.batches, options.threads))
    return 0 if near else 1


if __name__ == "__main__":
    sys.exit(main())
