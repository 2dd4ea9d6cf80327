"""Pictures of 16 bits, of floats and of several channels: from NumPy's arrays to what a network says."""

import json
import struct

import data
import numpy as np
from harness import contents, require, same_contents

RECORDS, CHANNELS, SIDE = 60, 5, 12
RECIPE = ("--epochs", 2, "--batch-size", 43, "--log-every", 1)


def _scene(kind):
    """Pictures of three-losses, N x C x H x W, whose channels are as different as a satellite's, and targets."""
    random = np.random.RandomState(11)
    pictures = random.randint(0, 65536, (RECORDS, CHANNELS, SIDE, SIDE)) // np.array([1, 2, 16, 100, 999])[
        :, None, None]
    targets = {"parts": random.randint(0, 3, (RECORDS, SIDE, SIDE)).astype(np.uint8),
               "outline": random.randint(0, 3, (RECORDS, SIDE, SIDE)).astype(np.int64),
               "kind": random.randint(0, 3, RECORDS).astype(np.float64)}
    targets["parts"][3] = 255
    targets["kind"][5] = np.nan
    if kind == "floats":
        return pictures / 65535 * 3 - 1, targets
    return pictures.astype(np.uint16), targets


def _tensors(path):
    """Of a checkpoint."""
    content = path.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8:8 + length])
    types = {"F32": np.float32, "F64": np.float64}
    return header.pop("__metadata__"), {
        name: np.frombuffer(content[8 + length:][slice(*t["data_offsets"])], types[t["dtype"]]).reshape(t["shape"])
        for name, t in header.items()}


def _conv(x, t, name, padding=1):
    weight = t[name + ".weight"].astype(np.float64)
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    k, (height, width) = weight.shape[2], np.array(x.shape[2:]) - weight.shape[2] + 1
    y = sum(np.einsum("nchw,oc->nohw", x[:, :, i:i + height, j:j + width], weight[:, :, i, j])
            for i in range(k) for j in range(k))
    return y + t[name + ".bias"][:, None, None]


def _group_norm(x, t, name, groups):
    y = x.reshape(len(x), groups, -1)
    y = (y - y.mean(2, keepdims=True)) / np.sqrt(y.var(2, keepdims=True) + 1e-5)
    return y.reshape(x.shape) * t[name + ".weight"][:, None, None] + t[name + ".bias"][:, None, None]


def _kinds(x, t):
    """What three-losses says of the pictures' kind: probabilities, N x 3."""
    x = (x - t["input.mean"][:, None, None]) / t["input.deviation"][:, None, None]
    x = np.tanh(_group_norm(_conv(x, t, "trunk.0"), t, "trunk.1", 2))
    x = np.tanh(_conv(x, t, "trunk.3"))
    x = x.reshape(len(x), x.shape[1], 3, 4, 3, 4).mean((3, 5))
    x = np.tanh(_conv(x, t, "heads.kind.1")).mean((2, 3))
    x = np.exp(x @ t["heads.kind.4.weight"].T + t["heads.kind.4.bias"])
    return x / x.sum(1, keepdims=True)


def _save(folder, kind, pictures, targets):
    """As people save arrays: axes, byte order and archives of all kinds; the options that import them."""
    folder.mkdir()
    if kind == "floats":
        np.save(folder / "pictures.npy", np.asfortranarray(pictures.astype(">f8")))
        for name, array in targets.items():
            np.savez_compressed(folder / f"{name}.npz", array)
        return ("--npy", folder / "pictures.npy", "--range", "-1..2",
                *(o for name in targets for o in ("--npy-labels", f"{name}={folder}/{name}.npz")))
    np.savez_compressed(folder / "all.npz", pictures=pictures.transpose(0, 2, 3, 1).astype(">u2"), **targets)
    return ("--npy", f"{folder}/all.npz:pictures")


def arrays_of_16_bits_and_of_floats_train_and_predict_what_numpy_computes(bench):
    for kind in ("uint16", "floats"):
        pictures, targets = _scene(kind)
        folder = bench.folder("deep")
        options = _save(folder / "in", kind, pictures, targets)
        bench.run("three-losses", "import", *options, "--out", folder / "data").expect(0)
        stored = np.load(folder / "data/images.npy")
        wanted = pictures.astype(np.float32) if kind == "floats" else pictures
        require(stored.dtype == wanted.dtype and np.array_equal(stored, wanted), f"{kind}: other pixels")
        labels = np.load(folder / "data/kind.npy")
        require(np.array_equal(labels, np.nan_to_num(targets["kind"], nan=-1)), f"{kind}: other labels")
        require(np.array_equal(np.load(folder / "data/parts.npy"), targets["parts"]), f"{kind}: other masks")
        split = np.load(folder / "data/split.npy")
        described = json.loads((folder / "data/dataset.json").read_text())
        train = stored[split == 0].astype(np.float64)
        for name, of in (("mean", np.mean), ("deviation", np.std)):
            require(np.allclose(described[name], of(train, (0, 2, 3)), rtol=1e-6, atol=0), f"{kind}: {name}")
        require(described.get("range") == ([-1, 2] if kind == "floats" else None), f"{kind}: range")

        bench.run("three-losses", "train", "--data", folder / "data", "--out", folder / "run", "--steps", 2,
                  "--batch-size", 8).expect(0)
        _, tensors = _tensors(folder / "run/last")
        told = bench.run("three-losses", "predict", "--checkpoint", folder / "run/last", "--data", folder / "data",
                         "--split", "all").expect(0).rows()
        order = np.array([int(row[0]) for row in told[1:]])
        wanted = _kinds(stored[order].astype(np.float64), tensors)
        at = {name: i for i, name in enumerate(told[0])}
        classes = [int(row[at["kind"]]) for row in told[1:]]
        require(classes == list(wanted.argmax(1)), f"{kind}: other classes than NumPy's")
        found = [float(row[at["kind.probability"]]) for row in told[1:]]
        require(np.abs(found - wanted.max(1)).max() < 1e-5, f"{kind}: other probabilities than NumPy's")

        measured = {row[2]: row[3] for row in bench.run(
            "three-losses", "eval", "--checkpoint", folder / "run/last", "--data", folder / "data", "--split",
            "validation").expect(0).rows()}
        of = (split == 1) & ~np.isnan(targets["kind"])
        loss = -np.log(_kinds(stored[of].astype(np.float64), tensors)[
            np.arange(of.sum()), targets["kind"][of].astype(int)]).mean()
        require(abs(float(measured["term.kind"]) - loss) < 1e-5 * loss, f"{kind}: loss {measured['term.kind']}, {loss}")
    return f"{RECORDS} pictures of {CHANNELS} channels as uint16 and as float64, in NumPy's archives and arrays"


def pixels_of_another_type_than_the_models_are_refused(bench):
    folder = bench.folder("deep-others")
    pictures, targets = _scene("uint16")
    options = _save(folder / "in", "uint16", pictures, targets)
    bench.run("three-losses", "import", *options, "--out", folder / "deep").expect(0)
    bench.run("three-losses", "import", *options, "--pixels", "uint8", "--out", folder / "bytes").expect(0)
    bytes_ = np.load(folder / "bytes/images.npy")
    require(bytes_.dtype == np.uint8 and np.array_equal(bytes_, (pictures / 257 + 0.5).astype(np.uint8)),
            "16 bits are rounded to 8")
    bench.run("three-losses", "train", "--data", folder / "deep", "--out", folder / "run", "--steps", 1).expect(0)
    for command in ("predict", "eval"):
        bench.run("three-losses", command, "--checkpoint", folder / "run", "--data", folder / "bytes").expect(
            3, "uint8", "uint16", "--pixels uint16")
    wrong = np.load(folder / "deep/images.npy").astype(np.float32)
    wrong[7, 2, 1, 1] = np.nan
    (folder / "deep/dataset.json").write_text('{"range": [0, 65535]}')
    np.save(folder / "deep/images.npy", wrong)
    bench.run("three-losses", "train", "--data", folder / "deep", "--out", folder / "none").expect(
        3, "record 7", "channel 2", "nan")
    (folder / "deep/dataset.json").unlink()
    bench.run("three-losses", "train", "--data", folder / "deep", "--out", folder / "none").expect(
        3, "float32", '{"range": [0, 1]}')
    bench.run("three-losses", "import", "--npy", folder / "deep/images.npy", "--out", folder / "none").expect(
        2, "--range")
    return "uint8 for uint16, NaN, floats without a range"


def any_number_of_threads_gives_the_same_bytes_of_16_bits_and_floats(bench):
    """With augmentation, and with the instruction sets that are there."""
    for kind in (np.uint16, np.float32):
        folder = bench.folder("deep-bits")
        (folder / "data").mkdir()
        data.everything(folder / "data")
        pictures = np.load(folder / "data/images.npy")
        noise = np.random.RandomState(2).randint(0, 257, pictures.shape)
        np.save(folder / "data/images.npy", (pictures * 257.0 - pictures // 2 + noise / 2).clip(0, 65535).astype(kind))
        (folder / "data/dataset.json").write_text('{"range": [0, 65535]}')
        refusal = bench.run("everything", "train", "--data", folder, "--out", folder / "x", "--isa", "none").expect(2)
        names = refusal.stderr.split("has:")[1].replace(" (not on this processor)", "-").split()
        expected = None
        for name, threads in ((n, t) for n in names if not n.endswith("-") for t in (1, 3)):
            out = folder / f"run-{name}-{threads}"
            bench.run("everything", "train", "--data", folder / "data", "--out", out, *RECIPE, "--isa", name,
                      "--threads", threads).expect(0)
            expected = expected or contents(out)
            same_contents(expected, contents(out), f"{kind.__name__}, {name}, {threads} threads")
    return "everything, with uint16 and float32"
