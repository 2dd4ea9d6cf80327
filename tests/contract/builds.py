"""The same bits from other builds: other compilers, optimizations and processors."""

import csv
import json
import shutil
import struct
import subprocess

import data
import numpy as np
import same_bits
from harness import Bench, Skipped, contents, every_mix, require, same_contents

EM_X86_64, EM_AARCH64 = 62, 183


class _Build:
    """A folder of binaries that were built otherwise, and what it takes to run them here."""

    def __init__(self, folder):
        self.folder = folder
        self.name = "/".join(folder.parts[-2:])

    def launcher(self, binary):
        machine = struct.unpack_from("<H", binary.read_bytes()[:20], 18)[0]
        return ["qemu-aarch64-static"] if machine == EM_AARCH64 else []

    def run(self, experiment, *arguments):
        binary = self.folder / f"medley-{experiment}"
        command = [*self.launcher(binary), str(binary), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
        require(done.returncode == 0, f"{self.name}: exit {done.returncode}: {done.stderr[-300:]}")


def _builds(bench: Bench, experiment):
    builds = [_Build(folder) for folder in bench.other_builds
              if (folder / f"medley-{experiment}").exists()]
    if not builds:
        raise Skipped(f"no other build of {experiment} is at hand ('make other-builds')")
    return builds


def _some_of(source, folder, split_sizes):
    """A dataset folder with the first records of each split of another."""
    split = np.load(source / "split.npy")
    chosen = np.concatenate([np.flatnonzero(split == s)[:n] for s, n in enumerate(split_sizes)])
    folder.mkdir()
    for path in source.glob("*.npy"):
        np.save(folder / path.name, np.load(path, mmap_mode="r")[chosen])


def other_builds_train_to_the_same_bytes(bench):
    """Every layer, loss, penalty and optimizer; under emulation where the processor is another. In a quick
    run to the first steps of the second epoch."""
    builds = _builds(bench, "everything")
    folder = bench.once("everything-data", data.everything)
    length = bench.count(("--steps", 4), ())
    expected = same_bits._train(bench, "everything", "builds", *length)
    for build in builds:
        out = bench.folder("other-build") / "run"
        build.run("everything", "train", "--data", folder, "--out", out, *same_bits.RECIPE, *length,
                  "--threads", 2)
        same_contents(expected, contents(out), build.name)
    return f"{', '.join(build.name for build in builds)}: {len(expected)} files each"


def other_builds_mix_to_the_same_bytes(bench):
    """Every mix, each of a group of `everything`, in as few runs as its groups allow; in a quick run without
    what goes with any mix, and under emulation two runs of mixes from all over the list."""
    builds = _builds(bench, "everything")
    folder = bench.folder("mix-builds")
    _some_of(bench.once("everything-data", data.everything), folder / "data", (32, 4, 4))
    described = json.loads(bench.run("everything", "info", "--json").expect(0).stdout)
    groups = [group["name"] for group in described["steps"][0]["groups"]]
    # (Whose loss a limit is of depends on the group.)
    mixes = [mix for mix in every_mix(bench, "everything") if "limit." not in mix]
    plain = [mix for mix in mixes if ":" not in mix]
    few = plain[::len(plain) // (2 * len(groups)) + 1]

    def compare(chosen, builds):
        for first in range(0, len(chosen), len(groups)):
            options = ["--data", folder / "data", "--steps", 3, "--batch-size", 12, "--log-every", 1,
                       "--threads", 2]
            for group, mix in zip(groups, chosen[first:]):
                options += ["--mix", f"{group}={mix}"]
            here = bench.folder("this-build") / "run"
            bench.run("everything", "train", "--out", here, *options).expect(0)
            for build in builds:
                out = bench.folder("other-build") / "run"
                build.run("everything", "train", "--out", out, *options)
                same_contents(contents(here), contents(out),
                              f"{build.name}: {' '.join(map(str, options))}")

    emulated = [build for build in builds if build.launcher(build.folder / "medley-everything")]
    compare(bench.count(plain, mixes), [build for build in builds if build not in emulated])
    compare(bench.count(few, plain), emulated)
    return (f"{', '.join(build.name for build in builds)}: {len(bench.count(plain, mixes))} mixes"
            f"{bench.count('', ' and what goes with them')}, emulated {len(bench.count(few, plain))}")


def an_old_processor_gets_a_clear_message(bench):
    """Emulated: one without AVX2 and FMA, and one without AVX-512."""
    emulator = shutil.which("qemu-x86_64-static")
    binary = bench.binaries / "medley-everything"
    if not emulator or struct.unpack_from("<H", binary.read_bytes()[:20], 18)[0] != EM_X86_64:
        raise Skipped("there is no qemu-x86_64-static ('make cross-packages')")
    folder = bench.folder("old")
    _some_of(bench.once("everything-data", data.everything), folder / "data", (4, 1, 1))

    def train(processor, out):
        command = [emulator, "-cpu", processor, binary, "train", "--steps", "2", "--out", folder / out,
                   "--data", folder / "data"]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)

    done = train("Nehalem", "none")
    require(done.returncode == 2 and "instruction sets" in done.stderr and "avx2" in done.stderr,
            f"Nehalem: exit {done.returncode}: {done.stderr[-300:]}")
    require(not (folder / "none").exists(), "Nehalem: it left a run folder")
    done = train("Haswell", "avx2")
    require(done.returncode == 0 and ", avx2" in done.stderr,
            f"Haswell: exit {done.returncode}: {done.stderr[-300:]}")
    return "2 processors"


def _pictures_and_rows(bench, folder):
    """PNG files of odd sizes, and JPEG files where real pictures are at hand."""
    (folder / "pictures").mkdir()
    names = data.pictures(folder / "pictures", 30)
    real = bench.shared / "data/clothing"
    if real.is_dir():
        with open(real / "images.csv", newline="", encoding="utf-8") as file:
            for row in list(csv.DictReader(file))[:30]:
                shutil.copy(real / f"images/{row['image']}.jpg", folder / "pictures")
                names.append(row["image"] + ".jpg")
    lines = ["image,colour,size"] + [f"{name},{i % 8},{'SMLX'[i % 4]}" for i, name in enumerate(names)]
    (folder / "rows.csv").write_text("\n".join(lines) + "\n")
    return len(names)


def other_builds_import_the_same_bytes(bench):
    """Decoding, resizing, splitting and statistics."""
    builds = _builds(bench, "drawn")
    folder = bench.folder("import-builds")
    count = _pictures_and_rows(bench, folder)
    command = ("import", "--csv", folder / "rows.csv", "--images", folder / "pictures", "--out")
    bench.run("drawn", *command, folder / "here").expect(0)
    expected = contents(folder / "here")
    require("images.npy" in expected, f"import wrote {', '.join(expected)}")
    for build in builds:
        out = folder / "there"
        shutil.rmtree(out, ignore_errors=True)
        build.run("drawn", *command, out)
        same_contents(expected, contents(out), build.name)
    return f"{', '.join(build.name for build in builds)}: {count} pictures each"


def other_builds_draw_the_same_garments(bench):
    """Pictures of the generator, in a quick run some, and a short training on a few of them."""
    experiment = bench.count("drawn", "garments")
    builds = _builds(bench, experiment)
    folder = bench.folder("garments")
    bench.run(experiment, "import", "--generated", "--out", folder / "here").expect(0)
    _some_of(folder / "here", folder / "some", (64, 10, 9))
    training = ("train", "--data", folder / "some", "--epochs", 1, "--log-every", 1, "--out")
    bench.run(experiment, *training, folder / "run").expect(0)
    drawn, trained = contents(folder / "here"), contents(folder / "run")
    for build in builds:
        for name in ("there", "other-run"):
            shutil.rmtree(folder / name, ignore_errors=True)
        build.run(experiment, "import", "--generated", "--out", folder / "there")
        same_contents(drawn, contents(folder / "there"), build.name)
        build.run(experiment, *training, folder / "other-run")
        same_contents(trained, contents(folder / "other-run"), build.name)
    return f"{', '.join(build.name for build in builds)}: {len(drawn)} and {len(trained)} files each"
