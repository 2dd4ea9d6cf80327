"""Initial weights: first losses are those of guessing, others are told, wrong ones do not compile."""

import csv
import json
import math
import os
import subprocess

import data
from harness import ROOT, require


def _guess(term, channels):
    """What a loss gives where all outputs are 0; None where that hangs on the targets."""
    options = term["options"]
    return {"softmax_cross_entropy": lambda: math.log(channels),
            "binary_cross_entropy": lambda: math.log(2) * max(1, options["positive_weight"]),
            "hinge": lambda: options["margin"] * (channels - 1) / channels,
            "binary_hinge": lambda: options["margin"]}.get(term["type"], lambda: None)()


def _first_row(run):
    with open(run / "losses.csv", newline="") as text:
        return next(csv.DictReader(text))


def first_losses_are_those_of_guessing(bench):
    """One step of every experiment that is built, over noise, with three seeds."""
    terms = 0
    names = sorted(path.name[len("medley-"):] for path in bench.binaries.glob("medley-*"))
    for name in names:
        folder = bench.folder("noise")
        (folder / "data").mkdir()
        description = json.loads(bench.run(name, "info", "--json").expect(0).stdout)
        channels = {head["name"]: head["shape"][0] for head in description["heads"]}
        data.noise(folder / "data", description)
        for seed in (1, 2, 3):
            run = folder / f"run-{seed}"
            done = bench.run(name, "train", "--data", folder / "data", "--out", run, "--steps", 1, "--seed",
                             seed).expect(0)
            require("begins at" not in done.stderr, f"{name} warns of its first losses: {done.tail()}")
            row = _first_row(run)
            for term in description["terms"]:
                guess = _guess(term, channels.get(term["head"]))
                if guess is None or not row[term["name"] + ".value"]:
                    continue
                value = float(row[term["name"] + ".value"])
                require(value < 1.25 * guess + 0.1,
                        f"{name}, seed {seed}: {term['name']} begins at {value:.3f}, guessing gives {guess:.3f}")
                terms += 1
    require(terms > 10, f"only {terms} values")
    return f"{terms} values of {', '.join(names)}"


def a_first_loss_far_above_guessing_is_told(bench):
    """Pictures whose deviation dataset.json gives a hundred times too small; not with weights of one's own."""
    folder = bench.folder("far")
    (folder / "data").mkdir()
    data.digits(folder / "data")
    description = json.loads((folder / "data/dataset.json").read_text())
    description["deviation"] = [d / 100 for d in description["deviation"]]
    (folder / "data/dataset.json").write_text(json.dumps(description))
    train = ("train", "--data", folder / "data", "--steps", 2, "--out")
    done = bench.run("lenet", *train, folder / "run").expect(0, "warning: the term 'digit' begins at",
                                                             "guessing gives 2.3026", "Initialized<")
    require(done.stderr.count("'digit' begins at") == 1, "it is told more than once")
    require("'digit' begins at" in (folder / "run/log.txt").read_text(), "log.txt does not have it")
    done = bench.run("lenet", *train, folder / "second", "--init", folder / "run/last").expect(0)
    require("begins at" not in done.stderr, "it is told of weights that were given")
    return "2 runs"


WRONG = (("Initialized<Relu, Initial::zero>", "this layer has no weight"),
         ("Initialized<Residual<Dense<3>>, Initial::zero>", "this layer has no weight"),
         ("Initialized<Dense<3>, Initial::he_normal.scaled(-1)>", "the scale must be a positive number"),
         ("Initialized<Dense<3>, Initial::prior>", "a prior is for biases"),
         ("Initialized<Dense<3>, Initial::one>", "weights that are all one stay alike"),
         ("Initialized<GroupNorm<4>, Initial::he_normal>", "a normalization begins with"),
         ("WithPrior<Dense<3>, prior::frequencies(1, 2)>", "as many numbers as its layer has outputs"),
         ("WithPrior<Dense<1>, prior::probability(1.0)>", "probabilities between 0 and 1"),
         ("WithPrior<ConvNoBias<2>, prior::values(1, 2)>", "this layer has no bias"))
WRONG_EXPERIMENTS = (("{.hidden = Initial::zero}", "hidden layers need numbers that differ"),
                     ("{.output = Initial::one}", "output layers need a drawn initial"),
                     ("{.bias = Initial::he_normal}", "biases begin with Initial::zero or"))


def wrong_initial_weights_do_not_compile(bench):
    """Each with its sentence. All wrong layers in one file, all wrong experiments in another."""
    layers = "".join(f"template struct medley::{layer};\n" for layer, _ in WRONG)
    experiments = "".join(
        f"struct E{i} : medley::experiments::lenet {{ static constexpr medley::Initialization "
        f"initialization{value.replace('Initial::', 'medley::Initial::')}; }};\n"
        f"static_assert(medley::Definition<E{i}>::term_count == 3);\n"
        for i, (value, _) in enumerate(WRONG_EXPERIMENTS))
    for text, wrong in ((layers, WRONG), (experiments, WRONG_EXPERIMENTS)):
        said = _errors(bench, '#include "tests/experiments/lenet.hpp"\n'
                       '#include "medley/layers/initialized.hpp"\n#include "medley/layers/norm.hpp"\n'
                       'using namespace medley;\n' + text)
        for what, sentence in wrong:
            require(sentence in said, f"{what} does not say '{sentence}': {said[:300]}")
        require(said.count("static assertion failed") == len(wrong), f"more than a sentence each: {said}")
    return f"{len(WRONG) + len(WRONG_EXPERIMENTS)} ways"


def _errors(bench, text):
    """The errors, a line each, of a file that does not compile."""
    path = bench.folder("wrong") / "wrong.cpp"
    path.write_text(text)
    command = [os.environ.get("CXX", "g++"), "-std=c++20", "-fsyntax-only", "-DMEDLEY_SCALAR", f"-I{ROOT}/include",
               f"-I{ROOT}", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    require(done.returncode != 0, "it compiles")
    return "\n".join(line for line in done.stderr.splitlines() if "error:" in line)
