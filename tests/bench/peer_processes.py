"""Times a step of PyTorch's DistributedDataParallel (gloo) on the network that a Medley binary describes.

    python -m torch.distributed.run --standalone --nproc-per-node 2 peer_processes.py --description FILE
        --batch-size 64 [--memory-format channels_last] [--warm-up 3] [--repetitions 10]

Each process has one thread, a processor of its own where there are as many, and its part of the batch on
pictures and targets that lie ready. It runs eagerly: the module in DistributedDataParallel with gradients that
are views of their buckets, a static graph and buffers that are not broadcast, a fused optimizer. The first
process prints one JSON object with step_seconds, of the median step. Exit code 0; others where a process failed.
"""

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path

import torch
import torch.distributed
from torch.nn.parallel import DistributedDataParallel

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "oracle"))

from torch_step import synthetic_batch  # noqa: E402
from torch_training import Training  # noqa: E402


def parse_arguments():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--description", type=Path, required=True)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--memory-format", choices=("default", "channels_last"), default="channels_last")
    parser.add_argument("--warm-up", type=int, default=3)
    parser.add_argument("--repetitions", type=int, default=10)
    return parser.parse_args()


def main():
    options = parse_arguments()
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo")
    rank, count = torch.distributed.get_rank(), torch.distributed.get_world_size()
    processors = sorted(os.sched_getaffinity(0))
    if count <= len(processors):
        os.sched_setaffinity(0, {processors[rank]})
    description = json.loads(options.description.read_text())
    memory_format = {"default": torch.contiguous_format,
                     "channels_last": torch.channels_last}[options.memory_format]
    torch.manual_seed(1)
    training = Training(description, shard=0, fused=True)
    training.network.to(memory_format=memory_format).train()
    network = DistributedDataParallel(training.network, gradient_as_bucket_view=True, static_graph=True,
                                      broadcast_buffers=False)
    (group,) = training.groups
    images, targets = synthetic_batch(description, options.batch_size // count, memory_format)
    seconds = []
    for step in range(options.warm_up + options.repetitions):
        start = time.perf_counter()
        group.loss(network(images, group.heads), targets, {}).backward()
        group.update(1.0)
        if step >= options.warm_up:
            seconds.append(time.perf_counter() - start)
    if rank == 0:
        print(json.dumps({"framework": f"PyTorch {torch.__version__.split('+')[0]}", "processes": count,
                          "batch_size": options.batch_size, "step_seconds": statistics.median(seconds)}))
    torch.distributed.destroy_process_group()
    return 0


if __name__ == "__main__":
    sys.exit(main())
