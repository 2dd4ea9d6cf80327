"""What a step of a mix costs beside one with fixed weights, in processor time of one thread. For mixes.py and
mixes_study.py."""

import statistics

import numpy as np
from costs import Training
from run import describe, write_random_data

FIXED = "weighted_sum"
# Those that need each loss's gradient, in a backward pass of the trunk each.
GRAMIAN = ("mgda", "equal_angles", "nash", "fairgrad", "cagrad", "upgrad", "dual_projection", "pcd", "pcgrad",
           "gradvac", "aligned_mtl", "db_mtl")


class Bench:
    """Joint steps of an experiment on random pictures, one batch of which validates. `arguments` has
    binary_dir, isa, batch and steps."""

    def __init__(self, arguments, experiment, work):
        self.arguments, self.experiment, self.work = arguments, experiment, work
        self.binary = (arguments.binary_dir / f"medley-{experiment}").resolve()
        self.description = describe(self.binary)
        self.data = work / f"data-{experiment}"
        # An epoch is longer than a training, so that nothing is evaluated within one.
        records = arguments.batch * (arguments.steps + 3)
        write_random_data(self.data, self.description, records)
        split = np.zeros(records, np.uint8)
        split[-arguments.batch:] = 1
        np.save(self.data / "split.npy", split)

    def step_seconds(self, mix):
        training = Training(self.arguments, self.experiment, self.work)
        training.options += ["--data", self.data, "--mix", mix]
        return training.step_seconds(self.arguments.batch, self.arguments.steps)

    def pairs(self, mix, rounds):
        """[(seconds of a step of the mix, of one with fixed weights)], measured one after the other."""
        return [(self.step_seconds(mix), self.step_seconds(FIXED)) for _ in range(rounds)]


def ratios(pairs):
    """Median, least and largest of what the first of each pair is beside the second."""
    each = [first / second for first, second in pairs]
    return statistics.median(each), min(each), max(each)
