"""What other programs and systems write: lists of pictures, weights, names, tables."""

import json
import subprocess

import data
import numpy as np
from damaged_files import _file
from harness import Done, require, shorter

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"


def _run(bench):
    def train(folder):
        bench.run("lenet", "train", "--data", bench.once("digits-data", data.digits), "--out",
                  folder / "run", "--steps", 3).expect(0)

    return bench.once("lenet-run", train) / "run"


def _predict(bench, folder, names, *options):
    """predict with names on stdin, from within a folder."""
    command = bench.command("lenet", ("predict", "--checkpoint", _run(bench), "-", *options))
    done = subprocess.run(command, cwd=folder, input=names, capture_output=True, check=False, timeout=60)
    return Done(shorter(command), done.returncode, done.stdout.decode(), done.stderr.decode())


def lists_of_pictures_from_other_systems_are_read(bench):
    folder = bench.folder("lists")
    data.pictures(folder, 3)
    names = "p0.png\np1.png\np2.png\n"
    expected = _predict(bench, folder, names.encode()).expect(0).stdout
    ways = {"CR LF": names.replace("\n", "\r\n").encode(), "a byte order mark": names.encode("utf-8-sig"),
            "both": names.replace("\n", "\r\n").encode("utf-8-sig"),
            "no last line end": names.rstrip().encode()}
    for what, text in ways.items():
        for options in ((), ("--skip-bad",)):
            done = _predict(bench, folder, text, *options).expect(0)
            require(done.stdout == expected, f"{what}: {done.stdout!r}")
    for text in (names.encode("utf-16"), names.encode("utf-16-be")):
        done = _predict(bench, folder, text, "--skip-bad")
        require(done.code == 3 and "UTF-16" in done.stderr, f"{done.command}: exit {done.code}: {done.tail()}")
    return f"{len(ways) + 2} lists"


def rows_that_are_done_are_printed_before_a_bad_picture_ends_predict(bench):
    folder = bench.folder("bad-pictures")
    data.pictures(folder, 2)
    (folder / "pointer.png").write_bytes(LFS)
    good = _predict(bench, folder, b"p0.png\np1.png\n").expect(0).stdout
    for last, code, text in (("missing.png", 4, "missing.png"), ("pointer.png", 3, "git lfs pull")):
        done = _predict(bench, folder, f"p0.png\np1.png\n{last}\np0.png\n".encode())
        require(done.code == code and text in done.stderr, f"{last}: exit {done.code}: {done.tail()}")
        require(done.stdout == good, f"{last}: the rows before it are {done.stdout!r}")
    done = _predict(bench, folder, b"p0.png\nmissing.png\n", "--skip-bad").expect(0, "1 skipped")
    require(len(done.rows()) == 3, f"{len(done.rows()) - 1} rows of 2 pictures")
    done = _predict(bench, folder, b"missing.png\npointer.png\n", "--skip-bad")
    require(done.code == 3 and "none of the pictures" in done.stderr,
            f"nothing could be read: exit {done.code}: {done.tail()}")
    return "5 lists"


def _safetensors(tensors, dtype, numpy_type, prefix=""):
    header, content = {}, b""
    for name, values in tensors.items():
        raw = numpy_type(values)
        header[prefix + name] = {"dtype": dtype, "shape": list(values.shape),
                                 "data_offsets": [len(content), len(content) + len(raw)]}
        content += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + content


def weights_of_other_float_types_are_taken(bench):
    """F64 as it is; F16 and BF16, which hold fewer digits, once they hold the same numbers."""
    folder = bench.folder("weights")
    _, tensors = _file((_run(bench) / "last").read_bytes())
    # Numbers that all three types have: 8 bits of fraction, no small exponents.
    for name, values in tensors.items():
        tensors[name] = (values * 64).round().clip(-127, 127) / 64
    tensors["input.mean"], tensors["input.deviation"] = tensors["input.mean"] + 1, tensors["input.mean"] * 0 + 2
    types = {"F32": lambda v: v.astype("<f4").tobytes(), "F64": lambda v: v.astype("<f8").tobytes(),
             "F16": lambda v: v.astype("<f2").tobytes(),
             "BF16": lambda v: (v.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()}
    dataset, found = bench.once("digits-data", data.digits), {}
    for dtype, convert in types.items():
        (folder / dtype).write_bytes(_safetensors(tensors, dtype, convert))
        predicted = bench.run("lenet", "predict", "--checkpoint", folder / dtype, "--data", dataset)
        trained = bench.run("lenet", "train", "--init", folder / dtype, "--data", dataset, "--out",
                            folder / f"run-{dtype}", "--steps", 2)
        require("of another shape" not in trained.stderr, f"{dtype}: {trained.stderr}")
        found[dtype] = (predicted.expect(0).stdout, dict(trained.expect(0).rows())["digest"])
        require(found[dtype] == found["F32"], f"{dtype} gives other results than F32")
    (folder / "I64").write_bytes(_safetensors(tensors, "I64", lambda v: v.astype("<i8").tobytes()))
    bench.run("lenet", "eval", "--checkpoint", folder / "I64", "--data", dataset).expect(3, "I64, not F32")
    return f"{len(types) + 1} types, predict and --init"


def names_of_weights_that_miss_are_explained(bench):
    folder = bench.folder("prefix")
    _, tensors = _file((_run(bench) / "last").read_bytes())
    content = _safetensors(tensors, "F32", lambda v: v.astype("<f4").tobytes(), "module.")
    (folder / "module").write_bytes(content)
    (folder / "pointer").write_bytes(LFS)
    shorter_bias = {**tensors, "heads.digit.2.bias": tensors["heads.digit.2.bias"][:9]}
    (folder / "shape").write_bytes(_safetensors(shorter_bias, "F32", lambda v: v.astype("<f4").tobytes()))
    dataset = bench.once("digits-data", data.digits)
    options = ("--data", dataset, "--steps", 1)
    _, bare = _file((_run(bench) / "last").read_bytes())
    bare = {name: values for name, values in bare.items() if name.startswith(("trunk.", "heads."))}
    for prefix in ("module.", "_orig_mod.", "model.net."):
        file = folder / "prefixed"
        file.write_bytes(_safetensors({**bare, "trunk_of_none": np.ones(3)}, "F16",
                                      lambda v: v.astype("<f2").tobytes(), prefix))
        refused = bench.run("lenet", "train", "--init", file, "--out", folder / "refused", *options)
        refused.expect(3, f"--init-prefix {prefix}")
        bench.run("lenet", "train", "--init", file, "--init-prefix", "net.", "--out", folder / "refused",
                  *options).expect(3, "after --init-prefix net.", f"'{prefix}'")
        taken = bench.run("lenet", "train", "--init", file, "--init-prefix", prefix, "--out", folder / "taken",
                          "--force", *options)
        taken.expect(0, f"{len(bare)} tensors loaded", "loaded: trunk.0.weight, trunk.0.bias",
                     f"not in this network: {prefix}trunk_of_none ([3])")
        require("not in the file" not in taken.stderr, taken.stderr)
        require(f"init-prefix = {prefix}\n" in (folder / "taken/config.ini").read_text(), "config.ini")
    for bad, dtype, convert in ((np.nan, "F16", lambda v: v.astype("<f2").tobytes()),
                                (np.inf, "F64", lambda v: v.astype("<f8").tobytes()),
                                (-np.inf, "BF16", lambda v: (v.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()),
                                (np.nan, "F32", lambda v: v.astype("<f4").tobytes())):
        bias = bare["trunk.0.bias"].copy()
        bias[2] = bad
        (folder / "odd").write_bytes(_safetensors({**bare, "trunk.0.bias": bias}, dtype, convert))
        for command in (("train", "--init", folder / "odd", "--out", folder / "refused"),
                        ("eval", "--checkpoint", folder / "odd")):
            bench.run("lenet", *command, *options[:2]).expect(3, f"odd: tensor trunk.0.bias: value 2 is {bad}")
    require(not (folder / "refused/checkpoints").exists() or not any((folder / "refused/checkpoints").iterdir()),
            "a refused file left a checkpoint")
    for file, text in (("module", "'module.'"), ("pointer", "git lfs pull")):
        bench.run("lenet", "eval", "--checkpoint", folder / file, "--data", dataset).expect(3, file, text)
        bench.run("lenet", "train", "--init", folder / file, "--data", dataset, "--out",
                  folder / f"run-{file}", "--steps", 1).expect(3, file, text)
    bench.run("lenet", "train", "--init", folder / "shape", "--data", dataset, "--out", folder / "run-shape",
              "--steps", 1).expect(0, "of another shape: heads.digit.2.bias ([9], here [10])")
    return "10 files"
