"""Data: a dataset folder that is not right is refused, by the name of file and record."""

import os
import shutil
import signal
import subprocess
import sys

import data
import numpy as np
from harness import HERE, require, wait_until, whole_checkpoints


def _save(name, change):
    def damage(folder):
        array = np.load(folder / f"{name}.npy")
        np.save(folder / f"{name}.npy", change(array))

    return damage


def _groups(array):
    def damage(folder):
        np.save(folder / "group.npy", array)

    return damage


def _at(record, value):
    def change(array):
        array[record] = value
        return array

    return change


def _cut(name, size):
    def damage(folder):
        path = folder / f"{name}.npy"
        path.write_bytes(path.read_bytes()[:size])

    return damage


def _header(name, old, new):
    """Another text of the same length in an array's header."""

    def damage(folder):
        path = folder / f"{name}.npy"
        content = path.read_bytes()
        require(old in content[:128] and len(old) == len(new), f"{name}.npy has no {old}")
        path.write_bytes(content.replace(old, new, 1))

    return damage


def _json(text):
    def damage(folder):
        (folder / "dataset.json").write_text(text)

    return damage


def _lfs_pointer(file):
    """What a clone has in place of a file that Git LFS has not fetched."""

    def damage(folder):
        (folder / file).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")

    return damage


def _removed(name):
    def damage(folder):
        (folder / f"{name}.npy").unlink()

    return damage


# What is done to the folder, and what the message must name.
DAMAGES = (
    ("a class out of range", _save("kind", _at(77, 5)), "kind.npy", "record 77", "class 5"),
    ("a mask's class out of range", _save("parts", _at(12, 3)), "parts.npy", "record 12"),
    ("an infinite value", _save("place", _at((99, 1), np.inf)), "place.npy", "record 99"),
    ("an unknown split", _save("split", _at(50, 3)), "split.npy", "record 50"),
    ("labels of float", _save("kind", lambda a: a.astype(np.float32)), "kind.npy", "float32"),
    ("pictures of float", _save("images", lambda a: a / np.float32(255)), "images.npy", "float32",
     "save (x * 255).round().astype('uint8')"),
    ("pictures of half precision", _save("images", lambda a: (a / 255).astype(np.float16)), "images.npy",
     "float16", "save (x * 255).round().astype('uint8')"),
    ("pictures of float from 0 to 255", _save("images", lambda a: a.astype(np.float64)), "images.npy",
     "float64", "save x.round().astype('uint8')"),
    ("floats with the channels last", _save("images", lambda a: a.transpose(0, 2, 3, 1) / 255), "images.npy",
     "save (x.transpose(0, 3, 1, 2) * 255).round().astype('uint8')"),
    ("values of double", _save("place", lambda a: a.astype(np.float64)), "place.npy", "float64"),
    ("a mask of int32", _save("outline", lambda a: a.astype(np.int32)), "outline.npy", "int32"),
    ("pictures without channels", _save("images", lambda a: a[:, 0]), "images.npy", "(137, 16, 16)"),
    ("channels last", _save("images", lambda a: a.transpose(0, 2, 3, 1).copy()), "images.npy", "shape",
     "save x.transpose(0, 3, 1, 2)"),
    ("a mask with a channel", _save("outline", lambda a: a[..., None]), "outline.npy", "save x[..., 0]"),
    ("labels of text", _save("kind", lambda a: a.astype(str)), "kind.npy", "np.unique"),
    ("Fortran order", _save("images", np.asfortranarray), "images.npy"),
    ("big-endian labels", _save("kind", lambda a: a.astype(">i4")), "kind.npy"),
    ("three values", _save("place", lambda a: np.repeat(a, 2, 1)[:, :3]), "place.npy", "shape"),
    ("groups of float", _groups(np.zeros(137)), "group.npy", "float64", "return_inverse"),
    ("a group too few", _groups(np.zeros(136, int)), "group.npy", "136"),
    ("a label too few", _save("grade", lambda a: a[:-1]), "grade.npy", "136"),
    ("no picture", _save("images", lambda a: a[:0]), "images.npy", "no pictures"),
    ("no training record", _save("split", lambda a: np.maximum(a, 1)), "training split"),
    ("pickled objects", _save("kind", lambda a: np.array([{}] * len(a), object)), "kind.npy"),
    ("pictures cut off", _cut("images", 5000), "images.npy"),
    ("labels cut off", _cut("kind", 200), "kind.npy"),
    ("a header cut off", _cut("kind", 40), "kind.npy"),
    ("an empty file", _cut("place", 0), "place.npy"),
    ("a shape whose size overflows", _header("kind", b"(137,), }           ", b"(9223372036854775808"),
     "kind.npy"),
    ("a negative shape", _header("kind", b"(137,)", b"(-37,)"), "kind.npy"),
    ("a pointer of Git LFS", _lfs_pointer("images.npy"), "images.npy", "git lfs pull"),
    ("a pointer for JSON", _lfs_pointer("dataset.json"), "dataset.json", "git lfs pull"),
    ("no target", _removed("answer"), "answer.npy", "missing"),
    ("no split", _removed("split"), "split.npy", "missing"),
    ("a mean that is no number", _json('{"mean": [1, NaN, 3], "deviation": [1, 1, 1]}'), "dataset.json"),
    ("a mean of null", _json('{"mean": [1, null, 3], "deviation": [1, 1, 1]}'), "dataset.json", "mean"),
    ("two means", _json('{"mean": [1, 2], "deviation": [1, 1, 1]}'), "dataset.json", "mean"),
    ("a deviation of 0", _json('{"mean": [1, 2, 3], "deviation": [1, 0, 1]}'), "dataset.json", "deviation"),
    ("a mean that overflows", _json('{"mean": [1e99, 2, 3], "deviation": [1, 1, 1]}'), "dataset.json"),
    ("another format", _json('{"format": "other"}'), "dataset.json", "format"),
    ("JSON cut off", _json('{"mean": [1,'), "dataset.json"),
    ("JSON of great depth", _json("[" * 200000), "dataset.json"),
    ("a wrong checksum", _json('{"checksums": {"kind.npy": "0123456789abcdef"}}'), "kind.npy", "checksum"),
    ("class names too few", _json('{"targets": {"kind": {"classes": ["a"]}}}'), "dataset.json", "kind"),
)


def bad_data_is_exit_3_naming_file_and_record(bench):
    source = bench.once("everything-data", data.everything)
    for what, damage, *texts in DAMAGES:
        folder = bench.folder("bad") / "data"
        shutil.copytree(source, folder)
        damage(folder)
        done = bench.run("everything", "train", "--data", folder, "--out", folder.parent / "run", "--steps",
                         1)
        require(done.code == 3, f"{what}: exit {done.code}, not 3: {done.tail()}")
        require(done.stdout == "", f"{what}: wrote to stdout")
        for text in texts:
            require(text in done.stderr, f"{what}: does not say '{text}': {done.tail()}")
        require(not (folder.parent / "run").exists(), f"{what}: left a run folder")
    return f"{len(DAMAGES)} kinds"


def missing_targets_count_for_other_terms_only(bench):
    """A record without a target trains as one whose loss on it is left out: no target, no effect."""
    source = bench.once("everything-data", data.everything)
    runs = []
    for value in (-1, -100):  # what stands there must not matter
        folder = bench.folder(f"missing{value}") / "data"
        shutil.copytree(source, folder)
        kind = np.load(folder / "kind.npy")
        kind[kind < 0] = value
        np.save(folder / "kind.npy", kind)
        place = np.load(folder / "place.npy")
        half = np.isnan(place).any(axis=1)
        place[half] = np.nan if value == -1 else [np.nan, 123]
        np.save(folder / "place.npy", place)
        done = bench.run("everything", "train", "--data", folder, "--out", folder.parent / "run",
                         "--steps", 4, "--log-every", 1).expect(0)
        runs.append((dict(done.rows())["digest"], (folder.parent / "run/losses.csv").read_bytes()))
    require(runs[0] == runs[1], "what stands in the place of a missing target changes the result")
    return "2 runs"


def numpy_opens_what_is_written_and_checkpoints_keep_the_format(bench):
    """numpy_opens_datasets.py on a generated data set, strict_safetensors.py on checkpoints."""
    folder = bench.folder("formats")
    run = folder / "run"
    bench.run("everything", "train", "--data", bench.once("everything-data", data.everything), "--out", run,
              "--steps", 5, "--checkpoint-every", 1, "--keep", 9).expect(0)
    checked = sorted((run / "checkpoints").iterdir())
    for path in checked:
        done = subprocess.run([sys.executable, HERE / "strict_safetensors.py", path], capture_output=True,
                              text=True, check=False)
        require(done.returncode == 0, f"{path.name}: {done.stderr}")
        for name in ("trunk.0.weight\tF32\t12x3x5x5", "heads.kind.5.weight\tF32\t5x35",
                     "optimizer.labels.momentum.trunk.0.weight\tF32\t12x3x5x5", "input.mean\tF32\t3"):
            require(name in done.stdout, f"{path.name} has no {name!r}")
    require(len(checked) == 5, f"{len(checked)} checkpoints")
    return f"{len(checked)} checkpoints"


def changed_records_are_noticed_by_resume(bench):
    """Whatever byte is another one, and whatever the times of the files say."""
    source = bench.once("everything-data", data.everything)
    split = np.load(source / "split.npy")
    train, test = (int(np.flatnonzero(split == s)[-1]) for s in (0, 2))

    def swapped(images):
        """Pixels of a training picture in another order, which leaves mean and deviation as they are."""
        images[train, 1] = images[train, 1, ::-1].copy()
        return images

    changes = (("images", swapped), ("images", _at((test, 2, 15, 15), 7)), ("kind", _at(60, 1)),
               ("parts", _at((test, 3, 3), 2)))
    for name, change in changes:
        folder = bench.folder("changed")
        shutil.copytree(source, folder / "data")
        bench.run("everything", "train", "--data", folder / "data", "--out", folder / "run", "--steps",
                  2).expect(0)
        path = folder / f"data/{name}.npy"
        times = path.stat()
        sound = path.read_bytes()
        _save(name, change)(folder / "data")
        require(path.read_bytes() != sound, f"{name} is as it was")
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        before = (folder / "run/last").resolve().read_bytes()
        bench.run("everything", "train", "--out", folder / "run", "--resume").expect(
            3, "the records of", "are not those that this run was trained on")
        require((folder / "run/last").resolve().read_bytes() == before, "--resume changed a checkpoint")
        bench.run("everything", "verify", folder / "run").expect(3, "from data that are not the same")
    return f"{len(changes)} changes"


def data_cut_off_while_in_use_is_exit_4_naming_the_file(bench):
    source = bench.once("digits-data", data.digits)
    for threads in (1, 3):
        folder = bench.folder("cut-off")
        shutil.copytree(source, folder / "data")
        process = bench.start("lenet", "train", "--data", folder / "data", "--out", folder / "run", "--epochs",
                              100000, "--threads", threads)
        wait_until(lambda: (folder / "run/last").exists(), 60, "a checkpoint")
        os.truncate(folder / "data/images.npy", 5000)
        done = bench.end(process)
        require(done.code == 4, f"exit {done.code}, not 4: {done.tail()}")
        for text in ("images.npy can no longer be read", "cut off while in use", "--resume"):
            require(text in done.stderr, f"does not say '{text}': {done.tail()}")
        require(whole_checkpoints(folder / "run") > 0, "no checkpoint is left")
        shutil.copy(source / "images.npy", folder / "data")
        process = bench.start("lenet", "train", "--out", folder / "run", "--resume")
        wait_until(lambda: "resuming after" in (folder / "run/log.txt").read_text(), 60, "resuming")
        bench.end(process, signal.SIGTERM).expect(143)
    return "2 trainings"


def suspicious_records_are_told_before_training(bench):
    """On stderr and in log.txt; and nothing is said of sound ones."""
    source = bench.once("everything-data", data.everything)
    cases = (
        (None, None),
        (lambda f: _save("images", lambda a: (a / 256).astype(np.uint8))(f), "are black"),
        (lambda f: _save("outline", lambda a: np.where(a == 1, 255, a))(f), "divide the masks by 255"),
        (lambda f: _save("kind", lambda a: np.where(a == 3, 0, a))(f), "class 3 never occurs"),
        (lambda f: _save("split", lambda a: np.where(a == 1, 0, a))(f), "the validation split is empty"),
        (lambda f: _save("place", lambda a: a + np.where(np.load(f / "split.npy") == 1, np.nan, 0)[
            :, None].astype(np.float32))(f), "'place' has no label in the validation split"),
    )
    for damage, text in cases:
        folder = bench.folder("suspicious")
        shutil.copytree(source, folder / "data")
        if damage:
            damage(folder / "data")
        done = bench.run("everything", "train", "--data", folder / "data", "--out", folder / "run", "--steps",
                         1).expect(0)
        log = (folder / "run/log.txt").read_text()
        for where, said in (("stderr", done.stderr), ("log.txt", log)):
            lines = [line for line in said.splitlines() if line.startswith("warning: ")]
            require(len(lines) == (1 if text else 0), f"{text}: {where} has {lines}")
            require(not text or text in lines[0], f"{where} does not say '{text}': {lines}")
        if text == "are black":
            bench.run("everything", "eval", "--checkpoint", folder / "run", "--data", folder / "data").expect(
                0, "warning: all pictures of the test split are black")
    return f"{len(cases)} data sets"
