"""The experiments that the documents show train, on data of their shape."""

import ast
import csv
import json
import re

import numpy as np
from foreign import _safetensors
from harness import ROOT, Skipped, require


def _scenes(folder, records=240):
    """Pictures of upright bars, the colour of each that of its class, and the masks of them."""
    random = np.random.RandomState(11)
    colours = random.randint(0, 256, (6, 3))
    scene = np.zeros((records, 32, 32), np.uint8)
    for mask in scene:
        for _ in range(3):
            left, width = random.randint(0, 28), random.randint(3, 9)
            mask[random.randint(0, 16):, left:left + width] = random.randint(1, 6)
    noise = random.normal(0, 12, (records, 3, 32, 32))
    images = (colours[scene].transpose(0, 3, 1, 2) + noise).clip(0, 255).astype(np.uint8)
    scene[random.rand(*scene.shape) < 0.05] = 255
    split = np.repeat([0, 1, 2], [records * 2 // 3, records // 6, records // 6]).astype(np.uint8)
    for name, array in (("images", images), ("scene", scene), ("split", split)):
        np.save(folder / f"{name}.npy", array)


def the_u_net_of_the_readme_trains(bench):
    """Two losses on one head fall, the mask is told, and predict gives a share for each class."""
    if not (bench.binaries / "medley-unet").exists():
        raise Skipped("medley-unet is not built")
    folder = bench.folder("unet")
    _scenes(folder)
    done = bench.run("unet", "train", "--data", folder, "--out", folder / "run", "--epochs", 18, "--log-every",
                     1).expect(0)
    with open(folder / "run/losses.csv", newline="") as text:
        rows = [row for row in csv.DictReader(text) if row["split"] == "train"]
    for term in ("pixels", "overlap"):
        first, last = (np.mean([float(row[f"{term}.value"]) for row in part]) for part in (rows[:5], rows[-5:]))
        require(last < 0.7 * first, f"{term} is {last} after {first}")
    iou = float(dict(done.rows())["test.scene.mean_iou"])
    require(iou > 0.5, f"mean IoU {iou}")
    rows = bench.run("unet", "predict", "--checkpoint", folder / "run", "--data", folder).expect(0).rows()
    require(rows[0] == ["record", *(f"scene.{c}" for c in range(6))], f"header {rows[0]}")
    shares = np.array([row[1:] for row in rows[1:]], float)
    require(np.allclose(shares.sum(1), 1, atol=1e-4), "the shares of a mask's classes do not sum to 1")
    return f"{len(shares)} masks, mean IoU {iou:.2f}"


def the_first_experiment_of_the_readme_trains(bench):
    if not (bench.binaries / "medley-readme").exists():
        raise Skipped("medley-readme is not built")
    folder = bench.folder("readme")
    random = np.random.RandomState(2)
    np.save(folder / "images.npy", random.randint(0, 256, (90, 1, 32, 32)).astype(np.uint8))
    np.save(folder / "shape.npy", random.randint(0, 3, 90))
    np.save(folder / "place.npy", random.rand(90, 2).astype(np.float32))
    np.save(folder / "split.npy", np.repeat([0, 1, 2], 30).astype(np.uint8))
    bench.run("readme", "train", "--data", folder, "--out", folder / "run", "--epochs", 2).expect(0)
    return "2 epochs"


def _keras_functions():
    """The functions of the script for Keras in the documents, which need NumPy alone."""
    section = (ROOT / "src/commands/README.md").read_text(encoding="utf-8").split("\n## Keras\n")[1]
    script = ast.parse(re.search(r"```python\n(.*?)```", section, re.DOTALL)[1])
    needed = [node for node in script.body if isinstance(node, ast.FunctionDef)
              or isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "PARTS"]
    found = {"np": np}
    exec(compile(ast.Module(needed, []), "script for Keras", "exec"), found)
    return found["to_keras"], found["from_keras"]


def weights_of_keras_give_its_outputs(bench):
    """Weights in Keras's layout through the documents' script, beside outputs that Keras 3 gave with the
    same ones (tests/oracle/keras_recipe.py --golden), and back to the same bits."""
    if not (bench.binaries / "medley-readme").exists():
        raise Skipped("medley-readme is not built")
    golden = json.loads((ROOT / "tests/golden/keras.json").read_text(encoding="utf-8"))
    to_keras, from_keras = _keras_functions()
    random, tensors = np.random.RandomState(3), {}
    for name, shapes in golden["weights"].items():
        weights = [random.normal(0, 0.3, shape).astype(np.float32) for shape in shapes]
        pixels = golden["flattened"].get(name)
        tensors |= from_keras(weights, name, pixels)
        back = to_keras(tensors, name, pixels)
        require(all(np.array_equal(a, b) for a, b in zip(weights, back, strict=True)), f"{name} there and back")
    tensors |= {"input.mean": np.array([127.0]), "input.deviation": np.array([64.0])}
    folder, records = bench.folder("keras"), len(golden["place"])
    (folder / "weights").write_bytes(_safetensors(tensors, "F32", lambda v: v.astype("<f4").tobytes()))
    pictures = np.random.RandomState(4).randint(0, 256, (records, 1, 32, 32)).astype(np.uint8)
    for name, array in (("images", pictures), ("shape", np.zeros(records, int)), ("split", np.full(records, 2, np.uint8)),
                        ("place", np.zeros((records, 2), np.float32))):
        np.save(folder / f"{name}.npy", array)
    rows = bench.run("readme", "predict", "--checkpoint", folder / "weights", "--data", folder).expect(0).rows()
    place = [rows[0].index(f"place.{i}") for i in range(2)]
    pairs = [([float(row[rows[0].index("shape.probability")])], [max(expected)])
             for row, expected in zip(rows[1:], golden["shape"], strict=True)]
    require([int(row[rows[0].index("shape")]) for row in rows[1:]] == np.argmax(golden["shape"], 1).tolist(),
            "shapes are others than those of Keras")
    pairs += [([float(row[i]) for i in place], expected)
              for row, expected in zip(rows[1:], golden["place"], strict=True)]
    for found, expected in pairs:
        require(np.allclose(found, expected, rtol=1e-5, atol=1e-5), f"{found}, of Keras {expected}")
    return f"{records} pictures"
