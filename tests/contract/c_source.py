"""What `export --c` writes: C99 that compilers take without a warning, that computes what `predict` tells within the
memory that it names, here and on a microcontroller."""

import csv
import json
import re
import shutil
import subprocess

import data
import numpy as np
from harness import HERE, require, Skipped

WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wdouble-promotion", "-Wundef",
            "-Wcast-align", "-Wmissing-prototypes", "-Wstrict-prototypes", "-Werror")
C99 = ("-std=c99", *WARNINGS)
CORTEX_M7 = ("-mcpu=cortex-m7", "-mthumb", "-mfpu=fpv5-d16", "-mfloat-abi=hard", "-ffreestanding")
GUARD = 64  # bytes on both sides of the memory
TOLERANCE = 1e-5


def _compile(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    require(done.returncode == 0, f"{command[0]}: {done.stderr[:1500]}")


def _identifier(text):
    return re.sub(r"[^A-Za-z0-9]", "_", text)


class _Model:
    """A checkpoint of an experiment after some steps on a data set, and its C file."""

    def __init__(self, bench, experiment, steps=3):
        self.bench, self.experiment, self.name = bench, experiment, _identifier(experiment)
        self.described = json.loads(bench.run(experiment, "info", "--json").expect(0).stdout)
        make = {"everything": data.everything, "lenet": data.few_digits}.get(
            experiment, lambda folder: data.noise(folder, self.described))
        self.data = bench.once(f"{experiment}-data" if experiment == "everything" else f"{experiment}-few", make)
        self.folder = bench.folder(f"c-{experiment}")
        self.run = self.folder / "run"
        bench.run(experiment, "train", "--data", self.data, "--out", self.run, "--steps", steps).expect(0)
        self.file = self.folder / "model.c"
        told = bench.run(experiment, "export", "--checkpoint", self.run, "--c", self.file, "--c-header",
                         self.folder / "model.h").expect(0)
        self.told = dict(csv.reader(told.stdout.splitlines()))
        # Heads that a target has, in their order: what `predict` tells of each.
        self.heads = [head["name"] for head in self.described["heads"]]

    def pictures(self, count):
        return np.load(self.data / "images.npy")[:count]

    def driver(self, name, text, model="model.c"):
        """A C file that calls the model: @ stands for its name, $ for the name in capitals."""
        outputs = "\n".join(f"static float {_identifier(h)}_out[$_{_identifier(h).upper()}_FLOATS];" for h in self.heads)
        arguments = ", ".join(f"{_identifier(h)}_out" for h in self.heads)
        each = "\n".join(f"  GIVE({_identifier(h)}_out, sizeof {_identifier(h)}_out);" for h in self.heads)
        text = text.replace("OUTPUTS", outputs).replace("ARGUMENTS", arguments).replace("EACH", each)
        text = text.replace("MODEL", model).replace("@", self.name).replace("$", self.name.upper())
        file = self.folder / name
        file.write_text(text)
        return file

    def predicted(self, count):
        """What `predict` tells of the first records: outputs of each head, records x floats."""
        folder = self.bench.folder(f"c-{self.experiment}-predicted")
        np.save(folder / "images.npy", self.pictures(count))
        self.bench.run(self.experiment, "predict", "--checkpoint", self.run, "--data", folder, "--split", "all",
                       "--outputs", "--format", "npy", "--out", folder / "out").expect(0)
        return {head: np.load(folder / "out" / f"{head}.outputs.npy").reshape(count, -1) for head in self.heads}

    def floats(self, head):
        shape = next(h["shape"] for h in self.described["heads"] if h["name"] == head)
        return int(np.prod(shape))

    def split(self, raw, count):
        """The outputs of all heads, from what a driver has given picture by picture."""
        sizes = [self.floats(head) for head in self.heads]
        values = np.frombuffer(raw, np.float32)
        require(len(values) == count * sum(sizes), f"{self.experiment}: {len(values)} floats, not {count * sum(sizes)}")
        parts = np.split(values.reshape(count, -1), np.cumsum(sizes)[:-1], axis=1)
        return dict(zip(self.heads, parts))

    def compare(self, found, expected, what):
        """The largest difference, of outputs above 1 relative to them; classes are the same but where outputs tie."""
        worst = 0.0
        for head, values in expected.items():
            error = np.abs(found[head] - values) / np.maximum(1, np.abs(values))
            require(np.isfinite(found[head]).all(), f"{self.experiment}, {what}: {head} has numbers that are none")
            require(error.max() <= TOLERANCE,
                    f"{self.experiment}, {what}: {head} is {error.max():.2e} from what predict tells")
            worst = max(worst, float(error.max()))
        return worst


# Reads pictures from stdin, and writes all outputs of each. Its memory begins with another pattern each time and has
# guards around it; how much of it was written goes to stderr.
ON_A_SYSTEM = r"""
#include <stdio.h>
#include <string.h>
#define $_DECLARATIONS
#include "MODEL"
#define GUARD 64
#define GIVE(values, bytes) fwrite(values, bytes, 1, stdout)
static float block[($_MEMORY_BYTES + 2 * GUARD) / sizeof(float)];
OUTPUTS
int main(void) {
  unsigned char *const bytes = (unsigned char *)block;
  static unsigned char picture[$_CHANNELS * $_HEIGHT * $_WIDTH];
  size_t used = 0;
  for (int n = 0; fread(picture, sizeof picture, 1, stdin) == 1; ++n) {
    const int pattern = n % 2 ? 0xff : 0x5a;
    memset(block, pattern, sizeof block);
    if (@_predict(picture, bytes + GUARD, ARGUMENTS) != 0) return 2;
    for (size_t i = 0; i < GUARD; ++i)
      if (bytes[i] != pattern || bytes[sizeof block - 1 - i] != pattern) return 3;
    for (size_t i = 0; i < $_MEMORY_BYTES; ++i)
      if (bytes[GUARD + i] != pattern && i >= used) used = i + 1;
EACH
  }
  fprintf(stderr, "%lu", (unsigned long)used);
  return 0;
}
"""


def _outputs(program, pictures):
    done = subprocess.run([str(program)], input=pictures.tobytes(), capture_output=True, check=False, timeout=300)
    require(done.returncode == 0, f"{program.name}: exit {done.returncode}: {done.stderr.decode()[:1000]}")
    return done.stdout, done.stderr.decode()


def the_c_file_computes_what_predict_tells(bench):
    """Compiled by gcc and clang at several levels and under sanitizers; pictures in either order."""
    count, told, most = bench.count(12, 60), [], 0.0
    for experiment in ("lenet", "everything") if bench.quick else (
            "lenet", "everything", "garments", "clothing", "unet", "parity", "three-losses", "readme", "two-tasks"):
        if not (bench.binaries / f"medley-{experiment}").exists():
            continue
        model = _Model(bench, experiment)
        pictures, expected = model.pictures(count), model.predicted(count)
        driver = model.driver("driver.c", ON_A_SYSTEM)
        ways = [("gcc", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"), ("gcc", "-O3")]
        if not bench.quick:
            ways += [("gcc", "-O2", "-march=native", "-ffp-contract=fast"), ("gcc", "-Os")]
        if shutil.which("clang"):
            ways.append(("clang", "-O2"))
        for i, way in enumerate(ways):
            program = model.folder / f"program-{i}"
            _compile(*way, *C99, "-I", model.folder, model.file, driver, "-o", program)
            raw, used = _outputs(program, pictures)
            most = max(most, model.compare(model.split(raw, len(pictures)), expected, " ".join(way)))
            memory = int(model.told["c.memory_bytes"])
            require(memory - 16 < int(used) <= memory, f"{experiment}: {used} of {memory} bytes are written")
        interleaved = model.folder / "interleaved"
        _compile("gcc", "-O1", *C99, f"-D{model.name.upper()}_INTERLEAVED", "-I", model.folder, model.file, driver,
                 "-o", interleaved)
        turned, _ = _outputs(interleaved, np.ascontiguousarray(pictures.transpose(0, 2, 3, 1)))
        model.compare(model.split(turned, len(pictures)), expected, "interleaved")
        told.append(experiment)
    return f"{', '.join(told)}: {count} pictures each, largest difference {most:.1e}"
