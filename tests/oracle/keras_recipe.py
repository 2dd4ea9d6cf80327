"""The functions of the script for Keras in src/commands/README.md, on any experiment's network.

    keras_recipe.py --binary build/medley-garments --run RUN/best [--data DIR]
    keras_recipe.py --golden tests/golden/keras.json                  what the contract tests compare with

Weights must come back with the same bits, and outputs be those of `predict` within 1e-5, of values relative
to the largest. (recipe.py runs the script as it stands.) KERAS_BACKEND chooses what computes. Exit code 0;
1 where one of these does not hold; 2 for wrong usage.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
from keras import layers
from recipe import MOST, compare, run, script
from safetensors.numpy import load_file, save_file

WEIGHTS_SEED, PICTURES = 3, 6  # of the golden file


def functions():
    """to_keras and from_keras of the script."""
    found = {"np": np}
    exec(script("Keras").split("\npicture = ")[0], found)
    return found["to_keras"], found["from_keras"]


def build(description):
    """A Keras model of what `info --json` describes, and what is flattened before each dense layer."""
    picture = keras.Input([description["input"][n] for n in ("height", "width", "channels")])
    tensors, flattened = {"input": picture}, {}
    for layer in description["layers"]:
        options, name = layer["options"], layer["path"].replace(".", "__")
        inputs = [tensors[i] for i in layer["inputs"]]
        x, kind = inputs[0], layer["type"]
        window = [int(options[n]) for n in ("kernel", "stride", "padding") if n in options]
        if window and window[2]:
            value = 0 if kind != "max_pool" else -1e30
            x = layers.ZeroPadding2D(window[2])(x) if value == 0 else keras.ops.pad(
                x, ((0, 0), (window[2],) * 2, (window[2],) * 2, (0, 0)), constant_values=value)
        if kind == "conv":
            x = layers.Conv2D(int(options["outputs"]), window[0], window[1], use_bias=bool(options["bias"]), name=name)(x)
        elif kind == "dense":
            flattened[layer["path"]] = tuple(x.shape[1:])
            x = layers.Dense(int(options["outputs"]), name=name)(layers.Flatten()(x))
            x = layers.Reshape((1, 1, -1))(x)
        elif kind == "max_pool":
            x = layers.MaxPooling2D(window[0], window[1])(x)
        elif kind == "average_pool":
            x = layers.AveragePooling2D(window[0], window[1])(x)
        elif kind == "global_average_pool":
            x = layers.GlobalAveragePooling2D(keepdims=True)(x)
        elif kind.startswith("upsample"):
            x = layers.UpSampling2D(int(options["factor"]), interpolation=kind.split("_")[1])(x)
        elif kind == "group_norm":
            x = layers.GroupNormalization(int(options["groups"]), epsilon=options["epsilon"], name=name)(x)
        elif kind == "ghost_batch_norm":
            x = layers.BatchNormalization(epsilon=options["epsilon"], name=name)(x)
        elif kind == "leaky_relu":
            x = layers.LeakyReLU(negative_slope=options["slope"])(x)
        elif kind in ("relu", "sigmoid", "tanh"):
            x = layers.Activation(kind)(x)
        elif kind == "add":
            x = layers.Add()(inputs)
        elif kind == "concat":
            x = layers.Concatenate()(inputs)
        elif kind not in ("flatten", "dropout"):
            raise ValueError(f"{name}: no layer of type '{kind}' is known here")
        tensors[layer["path"]] = x
    return keras.Model(picture, [tensors[head["output"]] for head in description["heads"]]), flattened


def named(model):
    """Layers that have weights, by Medley's names."""
    return {layer.name.replace("__", "."): layer for layer in model.layers if layer.get_weights()}


def any_experiment(binary, checkpoint, data):
    description = json.loads(run(binary, "info", "--json"))
    to_keras, from_keras = functions()
    model, flattened = build(description)
    file, back = load_file(checkpoint), {}
    for name, layer in named(model).items():
        layer.set_weights(to_keras(file, name, flattened.get(name)))
        back |= from_keras(layer.get_weights(), name, flattened.get(name))
    ok = all(np.array_equal(back[p["name"]], file[p["name"]]) for p in description["parameters"])
    print(f"{len(back)} parameters there and back: {'same bits' if ok else 'OTHERS'}")
    with tempfile.TemporaryDirectory() as work:
        if not data:
            data = f"{work}/data"
            run(binary, "import", "--generated", "--out", data)
        save_file(back | {n: file[n] for n in ("input.mean", "input.deviation")}, f"{work}/back")
        run(binary, "predict", "--checkpoint", f"{work}/back", "--data", data, "--format", "npy", "--outputs", "--out",
            f"{work}/told")
        expected = {head["name"]: np.load(f"{work}/told/{head['name']}.outputs.npy")[:MOST]
                    for head in description["heads"]}
        split = np.load(f"{data}/split.npy")
        images = np.load(f"{data}/images.npy", mmap_mode="r")[np.flatnonzero(split == 2)[:MOST]]
    pixels = (images - file["input.mean"][:, None, None]) / file["input.deviation"][:, None, None]
    outputs = model.predict(pixels.transpose(0, 2, 3, 1).astype(np.float32), batch_size=100, verbose=0)
    for head, output in zip(description["heads"], outputs if isinstance(outputs, list) else [outputs]):
        told = expected[head["name"]]
        ok &= compare(head["name"], output.transpose(0, 3, 1, 2).reshape(told.shape), told)
    return ok


def golden_weights(layers_by_name):
    """Small weights that NumPy draws the same everywhere, in Keras's layout, by layer."""
    random = np.random.RandomState(WEIGHTS_SEED)
    return {name: [random.normal(0, 0.3, w.shape).astype(np.float32) for w in layer.get_weights()]
            for name, layer in layers_by_name.items()}


def write_golden(path):
    found = {}
    exec(script("Keras").split("\nfile = load_file")[0], found)
    model = found["model"]
    weights = golden_weights(found["named"])
    for name, values in weights.items():
        found["named"][name].set_weights(values)
    pixels = np.random.RandomState(WEIGHTS_SEED + 1).randint(0, 256, (PICTURES, 1, 32, 32)).astype(np.uint8)
    normal = ((pixels - np.float32(127)) / np.float32(64)).transpose(0, 2, 3, 1)
    shape, place = model.predict(normal, verbose=0)
    golden = {"keras": keras.__version__, "backend": keras.backend.backend(),
              "weights": {name: [list(w.shape) for w in values] for name, values in weights.items()},
              "flattened": {name: list(s) for name, s in found["flattened"].items()},
              "shape": [[float(f"{x:.8g}") for x in row] for row in shape],
              "place": [[float(f"{x:.8g}") for x in row] for row in place]}
    Path(path).write_text(json.dumps(golden).replace("], \"", "],\n \"") + "\n", encoding="utf-8")
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary")
    parser.add_argument("--run", help="a checkpoint, such as RUN/best")
    parser.add_argument("--data")
    parser.add_argument("--golden", metavar="FILE")
    options = parser.parse_args()
    if options.golden:
        return 0 if write_golden(options.golden) else 1
    if not options.binary or not options.run:
        parser.error("--binary and --run, or --golden")
    return 0 if any_experiment(options.binary, options.run, options.data) else 1


if __name__ == "__main__":
    sys.exit(main())
