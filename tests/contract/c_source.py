"""What `export --c` writes: C99 that compilers take without a warning, that computes what `predict` tells within the
memory that it names, here and on a microcontroller."""

import csv
import json
import re
import shutil
import subprocess

import data
import numpy as np
from damaged_files import _file
from harness import HERE, Skipped, require

BOARDS = HERE / "boards"
C99 = ("-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wdouble-promotion", "-Wundef",
       "-Wcast-align", "-Wmissing-prototypes", "-Wstrict-prototypes", "-Werror", "-I", BOARDS)
SANITIZED = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
CORTEX_M7 = ("-mcpu=cortex-m7", "-mthumb", "-mfpu=fpv5-d16", "-mfloat-abi=hard", "-ffreestanding", "-nostdlib")
EMULATOR = ("qemu-system-arm", "-machine", "mps2-an500", "-nographic", "-monitor", "none", "-serial", "none",
            "-semihosting-config", "enable=on,target=native", "-kernel")
TOLERANCE = 1e-5


def _compile(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    require(done.returncode == 0, f"{command[0]}: {done.stderr[:1500]}")


def _identifier(text):
    return re.sub(r"[^A-Za-z0-9]", "_", text)


class _Model:
    """A checkpoint of an experiment after some steps, its C file, and what `predict` tells of some pictures."""

    def __init__(self, bench, experiment, pixels=None):
        """`pixels` makes other pixels of those of the data set."""
        self.bench, self.experiment, self.name = bench, experiment, _identifier(experiment)
        self.described = json.loads(bench.run(experiment, "info", "--json").expect(0).stdout)
        makers = {"everything": ("everything-data", data.everything), "lenet": ("digits-data", data.digits)}
        dataset = bench.once(*makers.get(
            experiment, (f"{experiment}-noise", lambda folder: data.noise(folder, self.described))))
        self.folder = bench.folder(f"c-{experiment}-{pixels.__name__ if pixels else 'bytes'}")
        self.run = self.folder / "run"
        if pixels:
            dataset = pixels(dataset, self.folder / "data")
        bench.run(experiment, "train", "--data", dataset, "--out", self.run, "--steps", 3).expect(0)
        self.file = self.folder / "model.c"
        self.told = self.export("--c", self.file, "--c-header", self.folder / "model.h")
        require(f"_MEMORY_BYTES {self.told['c.memory_bytes']}\n" in self.file.read_text(), "another size of memory")
        self.pictures = np.load(dataset / "images.npy")[:bench.count(7, 60)]
        np.save(self.folder / "images.npy", self.pictures)
        if (dataset / "dataset.json").exists():
            (self.folder / "dataset.json").write_text(json.dumps(
                {name: value for name, value in json.loads((dataset / "dataset.json").read_text()).items()
                 if name == "range"}))
        out = self.folder / "predicted"
        bench.run(experiment, "predict", "--checkpoint", self.run, "--data", self.folder, "--split", "all",
                  "--outputs", "--probabilities", "--format", "npy", "--out", out).expect(0)
        self.predicted = {path.stem: np.load(path) for path in out.glob("*.npy")}
        self.heads = [head["name"] for head in self.described["heads"]]

    def export(self, *options):
        told = self.bench.run(self.experiment, "export", "--checkpoint", self.run, *options).expect(0)
        return dict(csv.reader(told.stdout.splitlines()))

    def outputs(self, head):
        return self.predicted[f"{head}.outputs"]

    def has_classes(self, head):
        return self.predicted.get(head, np.zeros(0, np.float32)).dtype.kind in "iu"

    def answer_type(self):
        """What the driver gives of a picture: for each head the outputs, its class or mask, probabilities."""
        fields = []
        for head in self.heads:
            shape = self.outputs(head).shape[1:]
            fields.append((f"{head}.outputs", np.float32, shape))
            if self.has_classes(head):
                is_mask = self.predicted[head].ndim > 1
                fields.append((head, np.uint8, shape[1:]) if is_mask else (head, np.int32))
            if f"{head}.probabilities" in self.predicted:
                fields.append((f"{head}.probabilities", np.float32, shape))
        return np.dtype(fields)

    def driver(self, model="model.c"):
        """A C file that takes pictures and gives answers, then how many bytes of the memory were written."""
        arguments, declared, lines = [], [], []
        for head in self.heads:
            name, macro = _identifier(head), _identifier(head).upper()
            arguments.append(f"{name}_out")
            declared.append(f"static float {name}_out[$_{macro}_FLOATS];")
            lines.append(f"give({name}_out, sizeof {name}_out);")
            if self.has_classes(head) and self.predicted[head].ndim > 1:
                declared.append(f"static unsigned char {name}_mask[$_{macro}_HEIGHT * $_{macro}_WIDTH];")
                lines.append(f"@_{name}_mask({name}_out, {name}_mask);\n    give({name}_mask, sizeof {name}_mask);")
            elif self.has_classes(head):
                declared.append(f"static int {name}_class;")
                lines.append(f"{name}_class = @_{name}_class({name}_out);\n    give(&{name}_class, 4);")
            if f"{head}.probabilities" in self.predicted:
                lines.append(f"@_{name}_probabilities({name}_out);\n    give({name}_out, sizeof {name}_out);")
        text = DRIVER.replace("DECLARED", "\n".join(declared)).replace("GIVEN", "\n    ".join(lines))
        text = text.replace("ARGUMENTS", ", ".join(arguments)).replace("MODEL", model)
        return self.write("driver.c", text)

    def write(self, name, text):
        """A C file, in which @ stands for the model's name and $ for that in capitals."""
        file = self.folder / name
        file.write_text(text.replace("@", self.name).replace("$", self.name.upper()))
        return file

    def compare(self, raw, what):
        """The largest difference; of outputs above 1 relative to them. Also requires that the memory was used."""
        what = f"{self.experiment}, {what}"
        answer = self.answer_type()
        require(len(raw) == len(self.pictures) * answer.itemsize + 4, f"{what}: {len(raw)} bytes")
        found, most = np.frombuffer(raw[:-4], answer), 0.0
        for name in answer.names:
            expected = self.predicted[name]
            if name in self.heads:  # where two outputs are next to the same, either class will do
                share = np.mean(found[name] != expected)
                require(share <= (1e-4 if expected.ndim > 1 else 0), f"{what}: {share:.1%} other classes of {name}")
                continue
            if name.endswith(".probabilities") and found[name].shape != expected.shape:
                expected = expected[:, 1:]  # of a single output, that of the second class
            error = np.abs(found[name] - expected) / np.maximum(1, np.abs(expected))
            require(error.max() <= TOLERANCE, f"{what}: {name} is {error.max():.1e} from what predict tells")
            most = max(most, float(error.max()))
        memory, used = int(self.told["c.memory_bytes"]), int.from_bytes(raw[-4:], "little")
        require(memory - 16 < used <= memory, f"{what}: {used} of {memory} bytes are written")
        return most


# The memory begins with another pattern each time and has guards around it.
DRIVER = r"""
#include "board.h"
#include <stdint.h>
#define $_DECLARATIONS
#include "MODEL"
enum { guard = 64 };
static float block[($_MEMORY_BYTES + 2 * guard) / sizeof(float)];
DECLARED
int main(void) {
  unsigned char *const bytes = (unsigned char *)block;
  static $_PIXEL picture[$_CHANNELS * $_HEIGHT * $_WIDTH];
  uint32_t used = 0;
  for (int n = 0; take(picture, sizeof picture); ++n) {
    const int pattern = n % 2 ? 0xff : 0x5a;
    for (size_t i = 0; i < sizeof block; ++i) bytes[i] = (unsigned char)pattern;
    if (@_predict(picture, bytes + guard, ARGUMENTS) != 0) return 2;
    for (size_t i = 0; i < guard; ++i)
      if (bytes[i] != pattern || bytes[sizeof block - 1 - i] != pattern) return 3;
    for (uint32_t i = used; i < $_MEMORY_BYTES; ++i)
      if (bytes[guard + i] != pattern) used = i + 1;
    GIVEN
  }
  give(&used, sizeof used);
  return 0;
}
"""


def _run(program, given=b"", folder=None):
    command = [str(word) for word in (program if isinstance(program, tuple) else (program,))]
    done = subprocess.run(command, input=given, capture_output=True, check=False, timeout=300, cwd=folder)
    require(done.returncode == 0, f"{command[0]}: exit {done.returncode}: {done.stderr.decode()[:1000]}")
    return done.stdout


def _model(bench, experiment):
    """The same for all tests of a worker."""
    key = f"c-model-{experiment}"
    if key not in bench.made:
        bench.made[key] = _Model(bench, experiment)
    return bench.made[key]


def _experiments(bench, *quick):
    """Those for a quick run, or all of which there are binaries."""
    all_of_them = ("lenet", "everything", "garments", "clothing", "unet", "parity", "three-losses", "readme",
                   "two-tasks")
    return [e for e in (quick if bench.quick else all_of_them) if (bench.binaries / f"medley-{e}").exists()]


def the_c_file_computes_what_predict_tells(bench):
    """By gcc and clang, under sanitizers, at several levels, with pictures in either order."""
    experiments, most, compiled = _experiments(bench, "everything"), 0.0, 0
    for experiment in experiments:
        model = _model(bench, experiment)
        given, driver = model.pictures.tobytes(), model.driver()
        turned = np.ascontiguousarray(model.pictures.transpose(0, 2, 3, 1)).tobytes()
        interleaved = f"-D{model.name.upper()}_INTERLEAVED"
        ways = [(given, "gcc", *SANITIZED), (turned, "gcc", "-O3", interleaved)]
        if shutil.which("clang"):
            ways.append((given, "clang", "-O1"))
        if not bench.quick:
            ways += [(given, "gcc", "-O2", "-march=native", "-ffp-contract=fast"), (given, "gcc", "-Os"),
                     (turned, "gcc", *SANITIZED, interleaved)]
        for pictures, *way in ways:
            program = model.folder / "program"
            _compile(*way, *C99, "-I", model.folder, model.file, driver, BOARDS / "host.c", "-o", program)
            most = max(most, model.compare(_run(program, pictures), " ".join(way)))
            compiled += 1
    return f"{', '.join(experiments)}: {compiled} programs, largest difference {most:.1e}"


def a_microcontroller_computes_what_predict_tells(bench):
    """A Cortex-M7 that QEMU emulates, without a C library."""
    for tool in ("arm-none-eabi-gcc", "qemu-system-arm"):
        if shutil.which(tool) is None:
            raise Skipped(f"no {tool}")
    experiments, most = _experiments(bench, "lenet", "everything"), 0.0
    for experiment in experiments:
        model = _model(bench, experiment)
        if int(model.told["c.constant_bytes"]) > 3 << 20:
            continue
        (model.folder / "pictures.bin").write_bytes(model.pictures.tobytes())
        program, driver = model.folder / "program.elf", model.driver()
        for way in (("-O2",), ("-Os", "-ffp-contract=fast"))[:bench.count(1, 2)]:
            _compile("arm-none-eabi-gcc", *way, *C99, *CORTEX_M7, "-I", model.folder, model.file, driver,
                     BOARDS / "cortex_m.c", "-T", BOARDS / "mps2-an500.ld", "-o", program)
            _run((*EMULATOR, program), folder=model.folder)
            answers = (model.folder / "outputs.bin").read_bytes()
            most = max(most, model.compare(answers, "on a Cortex-M7"))
    return f"{', '.join(experiments)}: largest difference {most:.1e}"


def _words(dataset, folder):
    """The data set with pixels of 16 bits."""
    shutil.copytree(dataset, folder, ignore=shutil.ignore_patterns("dataset.json"))
    pictures = np.load(folder / "images.npy")
    np.save(folder / "images.npy", pictures.astype(np.uint16) * 200 + 17)
    return folder


def _floats(dataset, folder):
    """The data set with floats from -1 to 2."""
    _words(dataset, folder)
    pictures = np.load(folder / "images.npy").astype(np.float32)
    np.save(folder / "images.npy", pictures / np.float32(65535) * 3 - 1)
    (folder / "dataset.json").write_text(json.dumps({"range": [-1, 2]}))
    return folder


def c_files_take_pixels_of_the_type_of_the_data(bench):
    most, kinds = 0.0, ((_words, "unsigned short"), (_floats, "float"))
    for pixels, kind in kinds:
        model = _Model(bench, "lenet", pixels)
        require(f"#define LENET_PIXEL {kind}\n" in model.file.read_text(), f"{pixels.__name__}: not {kind}")
        _compile("gcc", "-O1", *C99, "-I", model.folder, model.file, model.driver(), BOARDS / "host.c", "-o",
                 model.folder / "program")
        most = max(most, model.compare(_run(model.folder / "program", model.pictures.tobytes()), kind))
    return f"{', '.join(kind for _, kind in kinds)}: largest difference {most:.1e}"


# The functions of the file beside the C library's in double precision, over all floats at even distances of their bits.
RANGES = r"""
#include "model.c"
#include <math.h>
#include <stdio.h>
#include <string.h>
static double worst[5];
static void tell(int which, double found, double exact, double least) {
  const double error = fabs(found - exact) / fmax(fabs(exact), least);
  if (!(error <= worst[which])) worst[which] = error;
}
int main(void) {
  for (uint64_t i = 0; i < UINT64_C(0x100000000); i += STEP) {
    const uint32_t bits = (uint32_t)i;
    float x, sigmoid, hyperbolic;
    memcpy(&x, &bits, sizeof x);
    sigmoid = hyperbolic = x;
    @_sigmoid(&sigmoid, 1);
    @_tanh(&hyperbolic, 1);
    if (isnan(x)) {
      if (!isnan(@_exp(x)) || !isnan(sigmoid) || !isnan(hyperbolic)) return 1;
      continue;
    }
    if (x >= -87.0f && x <= 88.0f) tell(0, (double)@_exp(x), exp((double)x), 0.0);
    if (x < -87.0f && @_exp(x) != @_exp(-87.0f)) return 2;
    if (x > 88.0f && @_exp(x) != @_exp(88.0f)) return 3;
    tell(1, (double)sigmoid, 1.0 / (1.0 + exp(-(double)x)), 1e-31);
    tell(2, (double)hyperbolic, tanh((double)x), 1e-30);
    if (x >= 1e-6f && x < 3e38f) tell(3, (double)@_inverse_root(x), 1.0 / sqrt((double)x), 0.0);
  }
  for (int i = 0; i < 4; ++i) printf("%.3g\n", worst[i]);
  return 0;
}
"""


def its_own_functions_are_exact_over_all_floats(bench):
    """Not by -ffast-math, which takes away what NaN is; contracted or not."""
    model, found = _model(bench, "everything"), []
    for way in (("-O2",), ("-O2", "-march=native", "-ffp-contract=fast"))[:bench.count(1, 2)]:
        source = model.write("ranges.c", RANGES.replace("STEP", bench.count("4099", "257")))
        _compile("gcc", "-std=c99", *way, "-D_DEFAULT_SOURCE", "-w", source, "-lm", "-o", model.folder / "ranges")
        errors = [float(line) for line in _run(model.folder / "ranges").split()]
        for name, error, limit in zip(("exp", "sigmoid", "tanh", "1/sqrt"), errors, (1.2e-7, 2e-7, 2e-7, 2e-7)):
            require(error <= limit, f"{name}: a relative error of {error}, beyond {limit}")
        found.append(", ".join(f"{error:.2g}" for error in errors))
    return f"exp, sigmoid, tanh, 1/sqrt: {'; '.join(found)}"


def constants_of_the_c_file_are_those_of_the_checkpoint(bench):
    model = _model(bench, "everything")
    text = model.file.read_text()
    found = np.array([float(number) for table in re.findall(r"float \w+\[\d+\] = \{\n([^}]*)\}", text)
                      for number in re.findall(r"(\S+)f,", table)]).astype(np.float32)
    require(found.nbytes == int(model.told["c.constant_bytes"]), f"{found.nbytes} bytes of constants")
    _, tensors = _file((model.run / "last").read_bytes())
    expected = [values for name, values in tensors.items()
                if name.startswith(("trunk.", "heads.")) and not re.match(r"trunk\.1\.", name)]
    lost = set(np.concatenate([values.ravel() for values in expected]).tolist()) - set(found.tolist())
    require(not lost, f"{len(lost)} numbers of the checkpoint are not in the file, such as {sorted(lost)[:3]}")
    names = [*re.findall(r"^CONSTANT float (\w+)\[", text.replace("EVERYTHING_", ""), re.M)]
    require(len(names) == len(set(names)) > 20, f"{len(names)} tables")
    return f"{len(found)} numbers in {len(names)} tables"


# What users may ask for: two models in one program, memory of its own, floats as pixels, no outputs.
TOGETHER = r"""
#define FIRST_STATIC_MEMORY
#include "first.c"
#define SECOND_PIXEL float
#include "second.c"
#include <stdio.h>
int main(void) {
  static unsigned char bytes[FIRST_CHANNELS * FIRST_HEIGHT * FIRST_WIDTH];
  static float floats[sizeof bytes], memory[SECOND_MEMORY_BYTES / sizeof(float) + 1];
  float a[FIRST_DIGIT_FLOATS], b[SECOND_DIGIT_FLOATS], side = 3.0f, other = 3.0f;
  for (size_t i = 0; i < sizeof bytes; ++i) floats[i] = (float)(bytes[i] = (unsigned char)(i * 7));
  if (first_predict(bytes, NULL, a, &side) != 0) return 1;
  if (second_predict(floats, NULL, b, &other) != -1) return 2;
  if (second_predict(NULL, memory, b, &other) != -1) return 3;
  if (second_predict(floats, (char *)memory + 1, b, &other) != -1) return 4;
  if (second_predict(floats, memory + 1, b, NULL) != 0) return 5;
  if (other != 3.0f || side == 3.0f) return 6;
  for (int i = 0; i < FIRST_DIGIT_FLOATS; ++i)
    if (a[i] != b[i]) return 7;
  if (second_predict(floats, memory, NULL, &other) != 0 || other != side) return 8;
  if (second_predict(floats, memory, NULL, NULL) != 0) return 9;
  return first_digit_class(a) == second_digit_class(b) ? 0 : 10;
}
"""

IN_CPP = r"""
#include "model.h"
#include "model.h"
int main() {
  static unsigned char picture[LENET_CHANNELS * LENET_HEIGHT * LENET_WIDTH];
  static float memory[LENET_MEMORY_BYTES / sizeof(float)], digit[LENET_DIGIT_FLOATS];
  return lenet_predict(picture, memory, digit, nullptr) + (lenet_digit_class(digit) < 0);
}
"""


def models_live_together_and_in_cpp(bench):
    model = _model(bench, "lenet")
    for name in ("first", "second"):
        model.export("--c", model.folder / f"{name}.c", "--c-name", name)
    program = model.folder / "program"
    _compile("gcc", "-O1", *C99, "-I", model.folder, model.write("together.c", TOGETHER), "-o", program)
    _run(program)
    (model.folder / "in.cpp").write_text(IN_CPP)
    _compile("gcc", "-c", *C99, model.file, "-o", model.folder / "model.o")
    _compile("g++", "-std=c++11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", model.folder / "in.cpp",
             model.folder / "model.o", "-o", program)
    _run(program)
    bench.run("lenet", "export", "--checkpoint", model.run, "--c", model.folder / "none" / "model.c").expect(4, "none")
    require(not (model.folder / "none").exists(), "a folder was made")
    bench.run("lenet", "export", "--checkpoint", model.run, "--c-name", "x").expect(2, "say what to write")
    bench.run("lenet", "export", "--checkpoint", model.run, "--c", program, "--c-header", program).expect(
        2, "another name")
    return "two in one unit, one behind C++, three refused"
