"""Checkpoints that are damaged or another's are refused, with the reason."""

import json
import random
import shutil
import subprocess

import data
import numpy as np
from harness import contents, require, same_contents

TRAINING = ("--steps", 4, "--batch-size", 43, "--checkpoint-every", 2)


def _run(bench):
    """A finished run of `everything`."""

    def make(folder):
        bench.run("everything", "train", "--data", bench.once("everything-data", data.everything),
                  "--out", folder / "run", *TRAINING).expect(0)

    return bench.once("run-to-damage", make) / "run"


TYPES = {"F32": "<f4", "F64": "<f8"}


def _header(content):
    """Metadata and tensors of a safetensors file, and where its data begin."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8:8 + length])
    return header.pop("__metadata__"), header, 8 + length


def _file(content):
    """What the functions above took apart: (metadata, {name: array})."""
    metadata, tensors, begin = _header(content)
    return metadata, {name: np.frombuffer(content[begin + t["data_offsets"][0]:begin + t["data_offsets"][1]],
                                          TYPES[t["dtype"]]).reshape(t["shape"]) for name, t in tensors.items()}


def _safetensors(metadata, tensors):
    header, data_bytes = ({"__metadata__": metadata} if metadata else {}), b""
    for name, values in tensors.items():
        dtype = "F64" if name.startswith("mix.") else "F32"
        raw = np.asarray(values, TYPES[dtype]).tobytes()
        header[name] = {"dtype": dtype, "shape": list(np.shape(values)),
                        "data_offsets": [len(data_bytes), len(data_bytes) + len(raw)]}
        data_bytes += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data_bytes


def _refused(bench, content, what, *texts, resume=True):
    """eval and --resume refuse a checkpoint, and change nothing of the run folder."""
    folder = bench.folder("damaged")
    shutil.copytree(_run(bench), folder / "run", symlinks=True)
    path = (folder / "run/last").resolve()
    path.write_bytes(content)
    before = contents(folder / "run")
    dataset = bench.once("everything-data", data.everything)
    commands = [("eval", "--checkpoint", path, "--data", dataset)]
    if resume:
        commands.append(("train", "--out", folder / "run", "--resume"))
    for command in commands:
        done = bench.run("everything", *command)
        require(done.code == 3, f"{what}: {command[0]}: exit {done.code}, not 3: {done.tail()}")
        require(done.stdout == "", f"{what}: {command[0]} wrote to stdout")
        require(path.name in done.stderr or "last" in done.stderr,
                f"{what}: {command[0]} does not name the file: {done.tail()}")
        for text in texts:
            require(text in done.stderr, f"{what}: {command[0]} does not say '{text}': {done.tail()}")
    same_contents(before, contents(folder / "run"), f"{what}, and --resume refused")


def a_checkpoint_with_any_single_bit_flipped_is_refused(bench):
    content = (_run(bench) / "last").read_bytes()
    begin = _header(content)[2]
    at_checksum = content.index(b'"medley.checksum"')
    at_end_of_metadata = content.index(b"}", at_checksum)
    chance = random.Random(3)
    bits = [8 * i + chance.randrange(8) for i in range(8)]  # the header's length
    bits += range(8 * at_checksum, 8 * at_end_of_metadata, bench.count(11, 3))
    bits += [8 * begin - 3, 8 * begin, 8 * len(content) - 1]
    bits += [chance.randrange(8 * 8, 8 * begin) for _ in range(bench.count(30, 300))]
    bits += [chance.randrange(8 * begin, 8 * len(content)) for _ in range(bench.count(15, 100))]
    for bit in bits:
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        near = content[max(0, bit // 8 - 12):bit // 8 + 12] if bit < 8 * begin else b"data"
        _refused(bench, bytes(damaged), f"bit {bit % 8} of byte {bit // 8} flipped (near {near!r})")
    return f"{len(bits)} bits, each by eval and --resume"


def a_truncated_or_lengthened_checkpoint_is_refused(bench):
    content = (_run(bench) / "last").read_bytes()
    begin = _header(content)[2]
    lengths = [0, 1, 7, 8, 9, begin - 1, begin, begin + 1, len(content) // 2, len(content) - 4,
               len(content) - 1]
    for length in lengths:
        _refused(bench, content[:length], f"cut to {length} bytes")
    _refused(bench, content + b"\0", "a byte longer")
    _refused(bench, b"\xff" * 4096, "no safetensors at all")
    return f"{len(lengths) + 2} lengths"


def a_checkpoint_of_another_experiment_is_refused(bench):
    folder = bench.folder("another")
    bench.run("lenet", "train", "--data", bench.once("digits-data", data.digits), "--out",
              folder / "run", "--steps", 1).expect(0)
    _refused(bench, (folder / "run/last").read_bytes(), "of lenet", "'lenet', not of 'everything'")
    return "1 file"


def a_checkpoint_of_another_version_or_description_is_refused(bench):
    """Whole files, without a checksum, whose metadata say something else."""
    metadata, tensors = _file((_run(bench) / "last").read_bytes())
    del metadata["medley.checksum"]
    _refused(bench, _safetensors({**metadata, "medley": "9"}, tensors), "version 9", "version 9")
    _refused(bench, _safetensors({**metadata, "fingerprint": "0" * 16}, tensors), "another fingerprint",
             "fingerprint")
    return "2 files"


def init_loads_what_matches_and_lists_the_rest(bench):
    """By name and shape; from a file as another framework writes it, without any metadata."""
    folder = bench.folder("init")
    _, tensors = _file((_run(bench) / "last").read_bytes())
    weights = {name: values for name, values in tensors.items()
               if not name.startswith(("optimizer.", "mix.", "input."))}
    names = sorted(weights)
    missing, reshaped = names[0], next(n for n in names if weights[n].ndim == 4)
    given = {**weights, "stranger.weight": np.ones((2, 3), np.float32),
             reshaped: weights[reshaped].transpose(1, 0, 2, 3)[:1]}
    del given[missing]
    (folder / "w.safetensors").write_bytes(_safetensors({}, given))
    dataset = bench.once("everything-data", data.everything)
    done = bench.run("everything", "train", "--data", dataset, "--out", folder / "run", "--init",
                     folder / "w.safetensors", "--steps", 0)
    done.expect(0, f"{len(weights) - 2} tensors loaded", f"not in the file: {missing}",
                f"of another shape: {reshaped}", "not in this network: stranger.weight")
    _, found = _file((folder / "run/last").read_bytes())
    for name, values in weights.items():
        same = np.array_equal(found[name], values)
        if name in (missing, reshaped):
            require(not same or not values.any(), f"{name} was loaded")
        else:
            require(same, f"{name} was not loaded exactly")
    (folder / "none.safetensors").write_bytes(_safetensors({}, {"stranger": np.ones(2)}))
    bench.run("everything", "train", "--data", dataset, "--out", folder / "none", "--init",
              folder / "none.safetensors", "--steps", 0).expect(3, "no tensor matches")
    damaged = bytearray((_run(bench) / "last").read_bytes())
    damaged[-1] ^= 1
    (folder / "damaged.safetensors").write_bytes(damaged)
    bench.run("everything", "train", "--data", dataset, "--out", folder / "damaged", "--init",
              folder / "damaged.safetensors", "--steps", 0).expect(3, "damaged")
    return f"{len(weights)} tensors, 3 files"


def names_in_files_open_no_others(bench):
    """Names of targets and tensors, and checksums, that look like paths; names of pictures that do not end."""
    folder = bench.folder("names")
    shutil.copytree(bench.once("everything-data", data.everything), folder / "data")
    paths = ("../../../../../../etc/passwd", "/etc/passwd", "kind\0", "../data/kind.npy", "a\x1b[2J")
    (folder / "data/dataset.json").write_text(json.dumps({
        "targets": {path: {"classes": ["a"]} for path in paths},
        "checksums": {path: "0" * 16 for path in paths}}))
    command = ("everything", "train", "--data", folder / "data", "--out", folder / "run", "--steps", 1)
    opened = _opened(bench, *command)
    require(not any("passwd" in name for name in opened), f"opened {opened}")
    metadata, tensors = _file((folder / "run/last").read_bytes())
    tensors.update({path: np.ones(2) for path in paths})
    (folder / "w.safetensors").write_bytes(_safetensors({}, tensors))
    shutil.rmtree(folder / "run")
    done = bench.run(*command, "--init", folder / "w.safetensors").expect(0, "a\\x1b[2J")
    require("\x1b" not in done.stderr, f"control characters on stderr: {done.stderr!r}")
    for text, code in ((b"picture.png\0ignored\n", 3), (b"x" * 100_000, 3), (b"/etc/passwd\n", 3)):
        predict = subprocess.run(bench.command("everything", (
            "predict", "--checkpoint", folder / "run", "-")), input=text, capture_output=True, check=False)
        require(predict.returncode == code, f"{text[:30]!r}: exit {predict.returncode}: {predict.stderr!r}")
        require(predict.stderr.count(b"\n") == 1, f"{text[:30]!r}: not one line: {predict.stderr!r}")
    return f"{len(paths)} names, 3 lists of pictures"


def _opened(bench, *command):
    """The names of the files that a command opens."""
    log = bench.folder("opened") / "log"
    bench.run(*command, environment={"LD_PRELOAD": str(bench.library("open_log")),
                                     "OPEN_LOG": str(log)}).expect(0)
    opened = log.read_text().splitlines()
    require(any(name.endswith("images.npy") for name in opened), f"the log of opened files lacks some: {opened}")
    return opened


def logs_that_were_cut_are_noticed(bench):
    """A losses.csv shorter than the checkpoint knows cannot be continued."""
    folder = bench.folder("cut")
    shutil.copytree(_run(bench), folder / "run", symlinks=True)
    log = folder / "run/losses.csv"
    log.write_bytes(log.read_bytes()[:100])
    bench.run("everything", "train", "--out", folder / "run", "--resume").expect(3, "losses.csv",
                                                                                 "shorter")
    return "1 file"
