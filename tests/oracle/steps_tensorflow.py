"""Compares Medley with TensorFlow 2 step by step, from the same weights on the same batches.

    steps_tensorflow.py --binary build/medley-lenet --data DIR [--steps 50] [--seeds 1 2 3]
                        [--batch-size N]

For experiments of convolutions, dense layers, ReLU and max pooling with cross-entropies, L2 and
Adam, in the two step modes that TensorFlow defines without a race: joint (one tape, one
apply_gradients) and alternating (a tape and an optimizer a group, in turn). What the comparisons
`together` and `step by step` mean, and when they are decisive, is said in steps.py.

tf.keras.optimizers.Adam adds its ε before the second moment is corrected, Medley and PyTorch after;
so each step gets ε · sqrt(1 - β2^t) there. Exit code 0; 1 beyond the tolerance; 2 for wrong usage.
"""

import argparse
import math
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import medley  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from comparison import Comparison  # noqa: E402
from dataset import Dataset  # noqa: E402


def to_tensorflow(value):
    """Convolutions from O x I x H x W to H x W x I x O, dense weights from out x in to in x out."""
    return value.transpose(2, 3, 1, 0) if value.ndim == 4 else value.T


def from_tensorflow(value):
    return value.transpose(3, 2, 0, 1) if value.ndim == 4 else value.T


class Network:
    """The layers of a description over variables with a checkpoint's names; tensors are NHWC."""

    def __init__(self, description, tensors):
        self.layers = description["layers"]
        self.output_of = {head["name"]: head["output"] for head in description["heads"]}
        self.variables = {name: tf.Variable(to_tensorflow(value), name=name)
                          for name, value in medley.parameters(tensors).items()}

    def parameters(self):
        return {name: from_tensorflow(v.numpy()) for name, v in self.variables.items()}

    def load(self, tensors):
        for name, variable in self.variables.items():
            variable.assign(to_tensorflow(tensors[name]))

    def apply(self, layer, x):
        options = layer["options"]
        weight = self.variables.get(layer["path"] + ".weight")
        bias = self.variables.get(layer["path"] + ".bias", 0.0)
        if layer["type"] == "conv":
            border = [options["padding"]] * 2
            return tf.nn.conv2d(x, weight, options["stride"],
                                [[0, 0], border, border, [0, 0]]) + bias
        if layer["type"] == "dense":
            # Inputs are numbered channel by channel.
            flat = tf.reshape(tf.transpose(x, [0, 3, 1, 2]), [x.shape[0], -1])
            return (flat @ weight + bias)[:, None, None, :]
        if layer["type"] == "max_pool" and options["padding"] == 0:
            return tf.nn.max_pool2d(x, options["kernel"], options["stride"], "VALID")
        if layer["type"] == "relu":
            return tf.nn.relu(x)
        if layer["type"] == "flatten":
            return x
        raise ValueError(f"{layer['path']}: no layer of type '{layer['type']}' is known here")

    def __call__(self, x):
        """Logits of all heads, N x channels. TensorFlow computes no gradient of unused ones."""
        values = {"input": x}
        for layer in self.layers:
            (source,) = layer["inputs"]
            values[layer["path"]] = self.apply(layer, values[source])
        return {head: values[path][:, 0, 0, :] for head, path in self.output_of.items()}


def mean_of_labelled(losses, labels):
    """Labels below 0 are missing."""
    present = tf.cast(labels >= 0, losses.dtype)
    return tf.reduce_sum(losses * present) / tf.maximum(tf.reduce_sum(present), 1.0)


def term_value(term, logits, labels, weights):
    """One term; plain cross-entropies only (no smoothing, no weights of classes)."""
    if term["type"] == "l2_penalty":
        return tf.add_n([tf.reduce_sum(tf.square(w)) for w in weights])
    if not term["options"].items() <= {"smoothing": 0, "positive_weight": 1}.items():
        raise ValueError(f"term {term['name']}: its options are not known here")
    x, y = logits[term["head"]], labels[term["target"]]
    if term["type"] == "softmax_cross_entropy":
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.maximum(y, 0), x)
    elif term["type"] == "binary_cross_entropy":
        losses = tf.nn.sigmoid_cross_entropy_with_logits(tf.cast(y == 1, x.dtype), x[:, 0])
    else:
        raise ValueError(f"term {term['name']}: no loss of type '{term['type']}' is known here")
    return mean_of_labelled(losses, y)


class Group:
    """Terms and the optimizer that minimizes them."""

    def __init__(self, entry, description, network):
        self.name, self.options = entry["name"], entry["options"]
        if entry["optimizer"] != "adam" or self.options["weight_decay"] != 0:
            raise ValueError(f"group {self.name}: only Adam without weight decay is known here")
        self.terms = [term for term in description["terms"] if term["name"] in entry["terms"]]
        self.network = network
        self.weights = [network.variables[p["name"]] for p in description["parameters"]
                        if p["decays"]]
        self.optimizer = tf.keras.optimizers.Adam(
            self.options["learning_rate"], self.options["beta1"], self.options["beta2"])
        self.variables, self.updates = None, 0

    def update(self, images, labels, values):
        with tf.GradientTape() as tape:
            logits = self.network(images)
            total = 0.0
            for term in self.terms:
                value = term_value(term, logits, labels, self.weights)
                values[term["name"]] = float(value)
                total += term["weight"] * value
        everything = list(self.network.variables.values())
        gradients = tape.gradient(total, everything)
        pairs = [(g, v) for g, v in zip(gradients, everything) if g is not None]
        self.updates += 1
        self.optimizer.epsilon = self.options["epsilon"] * math.sqrt(
            1 - self.options["beta2"] ** self.updates)
        self.optimizer.apply_gradients(pairs)
        self.variables = [v for _, v in pairs]

    def moments(self):
        """Under the names that checkpoints have."""
        return {name: from_tensorflow(state.numpy()) for name, state in self.states()}

    def load_moments(self, tensors):
        for name, state in self.states():
            state.assign(to_tensorflow(tensors[name]))

    def states(self):
        """Names in checkpoints and Keras's own variables of the moments."""
        names = {id(v): name for name, v in self.network.variables.items()}
        for moment, states in (("first_moment", self.optimizer._momentums),
                               ("second_moment", self.optimizer._velocities)):
            for variable, state in zip(self.variables, states):
                yield f"optimizer.{self.name}.{moment}.{names[id(variable)]}", state


class Training:
    """A training in TensorFlow from Medley's initial checkpoint."""

    def __init__(self, reference, dataset):
        description = reference.description
        mode, groups = (description["steps"][0][key] for key in ("mode", "groups"))
        if mode == "simultaneous" or any(g["times"] != 1 or g["next_batch"] for g in groups):
            raise ValueError("only joint and plain alternating steps are defined in TensorFlow")
        if description["mixes"][0]["type"] != "weighted_sum":
            raise ValueError("only the weighted sum is known here as a mix")
        self.network = Network(description, reference.start.checkpoint())
        self.groups = [Group(entry, description, self.network) for entry in groups]
        self.dataset = dataset
        rows = dataset.rows("train")
        self.batches = np.split(rows, range(reference.batch_size, len(rows), reference.batch_size))

    def round(self, step):
        """Returns the terms' values."""
        chosen = self.batches[step % len(self.batches)]
        images = self.dataset.images[chosen].transpose(0, 2, 3, 1).astype(np.float32)
        images = tf.constant((images - self.dataset.mean) / self.dataset.deviation)
        labels = {name: tf.constant(array[chosen])
                  for name, array in self.dataset.targets.items()}
        values = {}
        for group in self.groups:
            group.update(images, labels, values)
        return values

    def load(self, tensors):
        """Parameters and moments of a checkpoint, once a round has been made."""
        self.network.load(tensors)
        for group in self.groups:
            group.load_moments(tensors)

    def moments(self):
        return {k: v for group in self.groups for k, v in group.moments().items()}


def compare_together(reference, dataset, tolerance):
    training = Training(reference, dataset)
    losses = [training.round(step) for step in range(reference.steps)]
    tensors = reference.run.checkpoint()
    comparison = Comparison()
    comparison.losses(reference.losses(), losses, tolerance)
    comparison.parameters(medley.parameters(tensors), training.network.parameters(), tolerance)
    comparison.moments(medley.moments(tensors), training.moments(), 10 * tolerance)
    comparison.print(f"{reference.title()}, together: Medley and TensorFlow {tf.__version__}")
    return comparison.passed()


def compare_step_by_step(reference, dataset, tolerance):
    training = Training(reference, dataset)
    comparison = Comparison()
    states, losses = reference.states(), reference.losses()
    for step, (before, after) in enumerate(zip(states, states[1:])):
        if step > 0:
            training.load(before)
        values = training.round(step)
        comparison.losses(losses[step:step + 1], [values], tolerance, first=step + 1)
        comparison.parameters(medley.parameters(after), training.network.parameters(), tolerance,
                              place=f", step {step + 1}")
    comparison.print(f"{reference.title()}, step by step: Medley and TensorFlow {tf.__version__}")
    return comparison.passed()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    medley.add_arguments(parser)
    options = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    dataset = Dataset(options.data)

    def run(reference):
        return all([compare_together(reference, dataset, options.tolerance),
                    compare_step_by_step(reference, dataset, options.tolerance)])

    return medley.compare_all(options, run)


if __name__ == "__main__":
    sys.exit(main())
