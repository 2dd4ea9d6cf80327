"""Networks in other programs' formats: what those programs compute with them is what `predict` says."""

import json
import subprocess

import data
import numpy as np
from harness import HERE, peer_python, require

# Of the largest output of a head: sums are taken in another order. (Of logits of 10, 1e-4; they differ by a tenth of it.)
CLOSE = 1e-5
NETWORKS = ("garments", "clothing", "unet", "readme", "parity", "three-losses")


def _run(bench, name, folder):
    """A trained network, whose normalizations have seen some records, and its data."""
    dataset = folder / "data"
    dataset.mkdir()
    if name == "everything":
        data.everything(dataset)
    else:
        data.noise(dataset, json.loads(bench.run(name, "info", "--json").expect(0).stdout))
    bench.run(name, "train", "--data", dataset, "--out", folder / "run", "--epochs", 1, "--quiet").expect(0)
    return dataset, folder / "run"


def _predicted(bench, name, dataset, run, folder):
    """Outputs and probabilities of each head, by the number of the record."""
    bench.run(name, "predict", "--checkpoint", run, "--data", dataset, "--split", "all", "--format", "npy", "--out",
              folder, "--outputs", "--probabilities").expect(0)
    lines = (folder / "names.csv").read_text().splitlines()[1:]
    order = np.argsort([int(line.split(",")[0]) for line in lines])
    return {path.name[:-4]: np.load(path)[order] for path in folder.glob("*.*.npy")}


def _onnx(model, images, batch):
    out = model.with_suffix(".npz")
    done = subprocess.run([peer_python(), HERE / "onnx_peer.py", model, images, out, str(batch)], capture_output=True,
                          text=True, check=False, timeout=300)
    require(done.returncode == 0, f"{model.name}: {done.stderr.strip()[-400:]}")
    return json.loads(done.stdout), np.load(out)


def _compare(name, head, expected, found):
    """The largest difference as a share of the largest output."""
    require(expected.shape == found.shape, f"{name}: {head} is {found.shape}, not {expected.shape}")
    far = np.abs(expected - found).max() / max(1.0, np.abs(expected).max())
    require(far <= CLOSE, f"{name}: {head} differs by {far:.1e} of its largest output")
    return far


def onnx_runtime_says_what_predict_says(bench):
    peer_python()
    worst, outputs, operators = 0.0, 0, set()
    for name in ("everything", *bench.count((), NETWORKS)):
        folder = bench.folder(f"onnx-{name}")
        dataset, run = _run(bench, name, folder)
        model = folder / "model.onnx"
        bench.run(name, "export", "--checkpoint", run, "--onnx", model, "--probabilities").expect(0)
        expected = _predicted(bench, name, dataset, run, folder / "predicted")
        for batch in bench.count((32,), (1, 32, 1000)):
            told, found = _onnx(model, dataset / "images.npy", batch)
            heads = [output for output in told["outputs"] if not output.endswith(".probabilities")]
            require(sorted(heads) == sorted(o[:-8] for o in expected if o.endswith(".outputs")), f"{name}: {heads}")
            for output in found:
                head, _, kind = output.partition(".")
                compared = expected.get(f"{head}.{kind or 'outputs'}")
                if compared is None:  # a head on values, whose sigmoid is its value
                    continue
                if kind and found[output].shape[1] == 1:  # of class 1
                    compared = compared[:, 1:]
                worst = max(worst, _compare(f"{name}, batch {batch}", output, compared.reshape(found[output].shape),
                                            found[output]))
                outputs += 1
        operators |= set(told["operators"])
    return f"{outputs} outputs, {len(operators)} operators, at most {worst:.1e} of the largest output apart"


def an_onnx_file_tells_what_it_is(bench):
    peer_python()
    folder = bench.folder("onnx-names")
    dataset = bench.once("digits-data", data.digits)
    bench.run("lenet", "train", "--data", dataset, "--out", folder / "run", "--steps", 2).expect(0)
    rows = dict(bench.run("lenet", "export", "--checkpoint", folder / "run/last", "--onnx", folder / "m.onnx")
                .expect(0).rows())
    digest = dict(bench.run("lenet", "digest", folder / "run").expect(0).rows())["digest"]
    np.save(folder / "one.npy", np.load(dataset / "images.npy")[:1])
    told, found = _onnx(folder / "m.onnx", folder / "one.npy", 1)
    require(told["metadata"]["digest"] == rows["onnx.digest"] == digest, f"digests: {rows}, {digest}, {told}")
    require(told["inputs"] == {"input": ["N", 1, 28, 28]}, f"inputs: {told['inputs']}")
    require(told["outputs"] == {"digit": ["N", 10], "side": ["N", 1]}, f"outputs: {told['outputs']}")
    require(told["metadata"]["outputs.side"] == "sigmoid" and told["metadata"]["kind.digit"] == "classes",
            f"metadata: {told['metadata']}")
    require(found["digit"].shape == (1, 10), "one picture is no batch")
    return "names, shapes and metadata"


def an_export_that_fails_leaves_what_was_there(bench):
    folder = bench.folder("no-export")
    dataset = bench.once("digits-data", data.digits)
    bench.run("lenet", "train", "--data", dataset, "--out", folder / "run", "--steps", 2).expect(0)
    (folder / "old.onnx").write_text("old")
    (folder / "folder.onnx").mkdir()
    bare = _without_normalization(folder / "run/last", folder / "bare.safetensors")
    run = ("export", "--checkpoint", folder / "run")
    cases = [(run, 2, "--onnx FILE"), (("export", "--onnx", folder / "x.onnx"), 2, "--checkpoint"),
             ((*run, "--onnx", ""), 2, "--onnx"), ((*run, "--probabilities"), 2, "say what to write"),
             ((*run, "--onnx", folder / "old.onnx", "--checkpoint", "x"), 2, "checkpoint"),
             (("export", "--checkpoint", folder / "nowhere", "--onnx", folder / "old.onnx"), 4, "nowhere"),
             (("export", "--checkpoint", folder / "old.onnx", "--onnx", folder / "old.onnx"), 3, "old.onnx"),
             ((*run, "--onnx", folder / "no/where.onnx"), 4, "no"), ((*run, "--onnx", folder / "folder.onnx"), 4, "folder"),
             (("export", "--checkpoint", bare, "--onnx", folder / "old.onnx"), 3, "input.mean")]
    for arguments, code, text in cases:
        bench.run("lenet", *arguments).expect(code, text)
    require((folder / "old.onnx").read_text() == "old", "an export that failed replaced a file")
    left = sorted(path.name for path in folder.iterdir())
    require(left == ["bare.safetensors", "folder.onnx", "old.onnx", "run"], f"left behind: {left}")
    models = [folder / "data.onnx", folder / "old.onnx"]
    bench.run("lenet", "export", "--checkpoint", bare, "--data", dataset, "--onnx", models[0]).expect(0)
    bench.run("lenet", *run, "--onnx", models[1]).expect(0)
    require(models[0].read_bytes() == models[1].read_bytes(), "with --data the file is another one")
    return f"{len(cases)} commands"


def _without_normalization(checkpoint, path):
    """The weights as another framework would write them."""
    raw = checkpoint.read_bytes()
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:8 + size])
    kept, body = {}, b""
    for name, tensor in header.items():
        if name == "__metadata__" or name.startswith(("optimizer.", "mix.", "input.")):
            continue
        begin, end = tensor["data_offsets"]
        kept[name] = {**tensor, "data_offsets": [len(body), len(body) + end - begin]}
        body += raw[8 + size + begin:8 + size + end]
    text = json.dumps(kept).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)
    return path
