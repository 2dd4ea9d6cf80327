"""What a step of each mix costs: beside the joint step with fixed weights, and beside other libraries.

    mixes.py --binary-dir DIR [--torch-python PYTHON] [--libmtl DIR] [--out FILE.csv] [--rounds 5] [--steps 16]
             [--batch 32] [--experiments lenet clothing garments] [--mixes NAME...] [--isa avx2]

Each network has its joint steps on random pictures, with the numbers that a mix has by default; Gramian
mixes also with refresh=8 and with gradients=output. A pair is a step with fixed weights and one of the mix,
measured right after each other; the ratio is the median over the rounds, with the least and the largest. A
step's time is processor time of one thread: of a training less that of a training of one step, over the
steps in between (--steps is a multiple of 8, so that refreshes are counted as often as they come).

`at most` is the ratio that the mix should not exceed, K losses being what it mixes:

    scalarizations      1.03
    Gramian, exact      1.1 (1 + 2K) / 3: K backward passes of the trunk in place of one
    refresh=8           1.1 (1 + (2K - 2) / 24)
    gradients=output    1.45

Beside a peer, `times as fast` is its step's processor time over ours, pair by pair as well: TorchJD where
PYTHON has it, LibMTL where DIR is a copy of its repository (its trainer needs a GPU: torch_mixes.py).

Prints the table and writes it as CSV. Exit code 0; 1 if a training failed.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

import numpy as np
from costs import Training
from run import HELD_TO, describe, processor, torch_version, write_random_data, write_rows
import os

HERE = pathlib.Path(__file__).resolve().parent
EXPERIMENTS = ("lenet", "clothing", "garments")
FIXED = "weighted_sum"
REFRESHED, OUTPUT = "refresh=8", "gradients=output"
# What has no other price than a Gramian mix: K passes of the trunk, though it is no function of the Gramian.
NORMS = ("gradnorm", "auto_lambda")
# Ours and what the peers call it.
PEERS = {"torchjd": ("weighted_sum", "uncertainty", "mgda", "cagrad", "upgrad", "pcgrad"),
         "libmtl": ("weighted_sum", "uncertainty", "mgda", "cagrad", "upgrad", "pcgrad")}


def parse_arguments():
    parser = argparse.ArgumentParser(usage=__doc__, add_help=True)
    parser.add_argument("--binary-dir", type=pathlib.Path, required=True)
    parser.add_argument("--torch-python", default=sys.executable)
    parser.add_argument("--libmtl", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--experiments", nargs="+", default=EXPERIMENTS)
    parser.add_argument("--mixes", nargs="+", help="all that an experiment lists without it")
    parser.add_argument("--isa")
    return parser.parse_args()
