"""Golden files: a framework's training in double precision, small enough to be kept.

Of every parameter the file has some elements, evenly spread over the flattened array.
"""

import json
from pathlib import Path

import make_digits
import make_scenes
import numpy as np

# Scripts that make data, by the name that their dataset.json has.
MAKERS = {"make_digits.py": make_digits, "make_scenes.py": make_scenes}
PROBES = 40  # elements kept of a tensor, at most


def probe(array):
    flat = np.asarray(array, np.float64).reshape(-1)
    return flat[:: -(-len(flat) // PROBES)]


def probes(tensors):
    return {name: [float(f"{x:.9g}") for x in probe(value)] for name, value in tensors.items()}


def content(reference, dataset, trained, made_by):
    provenance = dataset.description.get("provenance", {})
    if provenance.get("script") not in MAKERS:
        raise ValueError(f"a golden file needs data that one of these has made: {', '.join(MAKERS)}")
    return {
        "made_by": made_by,
        "experiment": reference.description["experiment"],
        "steps_mode": reference.description["steps"][0]["mode"],
        "data": {key: provenance[key] for key in ("script", "records", "missing", "seed")},
        "steps": reference.steps, "batch_size": reference.batch_size, "seed": reference.seed,
        "losses": {term: [float(f"{row[term]:.9g}") for row in trained.losses]
                   for term in trained.losses[0]},
        "initial": probes({name: value for name, value in reference.start.checkpoint().items()
                           if name in trained.parameters}),
        "parameters": probes(trained.parameters),
    }


class Golden:
    def __init__(self, path):
        self.__dict__.update(json.loads(Path(path).read_text()))

    def loss_rows(self):
        """{term: value} a step."""
        return [dict(zip(self.losses, row)) for row in zip(*self.losses.values())]
