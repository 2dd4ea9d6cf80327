"""Times a training step in PyTorch of the network that a Medley binary describes.

    torch_step.py --binary build/medley-clothing --batch-size 32 [--threads 1] [--repetitions 20]
                  [--steps-mode alternating] [--memory-format both] [--batch-norm plain]

A step is forward, losses, backward and the optimizers' updates in a step mode of the experiment, on
synthetic pictures and targets that lie ready in memory; PyTorch runs eagerly, its optimizers fused.
Prints one JSON object: images_per_second and step_seconds (of the median step),
processor_step_seconds (the same of all threads' processor time), fastest_step_seconds, memory_format (the faster one of default and channels_last, each measured in a
process of its own), peak_rss_bytes of that process, rss_before_bytes (its size before the network
was built) and peak_private_bytes (anonymous memory alone, without the pages of mapped libraries).
--description FILE takes what `info --json` printed in place of a binary. Exit code 0; 1 where a
measurement failed; 2 for wrong usage.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "oracle"))

FORMATS = ("default", "channels_last")


def rss_bytes():
    """The largest resident set of this process so far."""
    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kibibytes * 1024


def private_bytes():
    """Anonymous resident memory of this process now."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("this system does not tell RssAnon")


def synthetic_batch(description, size, memory_format):
    import torch
    from torch_losses import Target

    shape = description["input"]
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(size, shape["channels"], shape["height"], shape["width"],
                         generator=generator).contiguous(memory_format=memory_format)
    targets = {}
    for target in description["targets"]:
        kind = target["kind"]
        if kind == "values":
            array = torch.randn(size, target["size"], generator=generator)
        else:
            pixels = (shape["height"], shape["width"]) if kind == "mask" else ()
            array = torch.randint(target["size"], (size, *pixels), generator=generator)
        targets[target["name"]] = Target.of(kind, array, torch.float32)
    return images, targets


def measure(description, options):
    """Steps of one memory format in this process."""
    import torch
    from torch_training import Batches, Training

    torch.set_num_threads(options.threads)
    before = rss_bytes()
    torch.manual_seed(1)
    memory_format = {"default": torch.contiguous_format,
                     "channels_last": torch.channels_last}[options.memory_format]
    training = Training(description, shard=0 if options.batch_norm == "plain" else None,
                        fused=True)
    training.network.to(memory_format=memory_format)
    batch = synthetic_batch(description, options.batch_size, memory_format)
    batches = Batches(options.batch_size, options.batch_size, lambda _: batch)
    seconds, processor_seconds, private = [], [], 0
    for step in range(options.warm_up + options.repetitions):
        started, processor_started = time.perf_counter(), time.process_time()
        training.round(batches)
        if step >= options.warm_up:
            seconds.append(time.perf_counter() - started)
            processor_seconds.append(time.process_time() - processor_started)
        private = max(private, private_bytes())
    median = statistics.median(seconds)
    return {"framework": f"PyTorch {torch.__version__.split('+')[0]}",
            "experiment": description["experiment"], "batch_size": options.batch_size,
            "threads": options.threads, "images_per_second": options.batch_size / median,
            "step_seconds": median,
            "processor_step_seconds": statistics.median(processor_seconds),
            "fastest_step_seconds": min(seconds),
            "memory_format": options.memory_format, "batch_norm": options.batch_norm,
            "peak_rss_bytes": rss_bytes(), "rss_before_bytes": before,
            "peak_private_bytes": private}


def measure_each(description):
    """The faster format, each in a process of its own with otherwise the same options."""
    results = []
    for name in FORMATS:
        # The last --memory-format and --description hold; the child reads the latter from stdin.
        command = [sys.executable, __file__, *sys.argv[1:], "--memory-format", name,
                   "--description", "-"]
        done = subprocess.run(command, input=json.dumps(description), stdout=subprocess.PIPE,
                              text=True, check=False)
        if done.returncode != 0:
            return None
        results.append(json.loads(done.stdout))
    return max(results, key=lambda result: result["images_per_second"])


def describe(options):
    import medley
    return medley.with_mode(read_description(options), options.steps_mode)


def read_description(options):
    if options.description == "-":
        return json.load(sys.stdin)
    if options.description:
        return json.loads(Path(options.description).read_text())
    import medley
    return medley.Binary(options.binary).info()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", help="medley-<experiment>")
    parser.add_argument("--description", help="file with its info --json; - for stdin")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps-mode", help="the experiment's first without it")
    parser.add_argument("--warm-up", type=int, default=3, help="steps before the measured ones")
    parser.add_argument("--repetitions", type=int, default=20)
    parser.add_argument("--memory-format", choices=(*FORMATS, "both"), default="both")
    parser.add_argument("--batch-norm", choices=("plain", "ghost"), default="plain",
                        help="over the batch as PyTorch has it, or over shards as Medley does")
    options = parser.parse_args()
    if not options.binary and not options.description:
        parser.error("one of --binary and --description is needed")

    description = describe(options)
    result = (measure_each(description) if options.memory_format == "both" else
              measure(description, options))
    if result is None:
        return 1
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
