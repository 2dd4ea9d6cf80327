"""What `predict` writes: CSV, JSON lines and arrays say the same, probabilities and features are those that NumPy
computes, a stream answers line by line, and tiles are put together as NumPy puts them together."""

import csv
import io
import json
import os
import select
import struct
import subprocess
import time
import zlib

import data
import numpy as np
from damaged_files import _file
from foreign import _run as _lenet_run
from harness import Done, require, shorter

ALL = ("--probabilities", "--outputs", "--top", 3)
MASK_HEADS = {"outline": 1, "parts": 3}  # channels


def _everything_run(bench):
    def train(folder):
        bench.run("everything", "train", "--data", bench.once("everything-data", data.everything), "--out",
                  folder / "run", "--steps", 3).expect(0)

    return bench.once("everything-run", train) / "run"


def _softmax(logits):
    power = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return power / power.sum(axis=1, keepdims=True)


def _sigmoid(logits):
    return 1 / (1 + np.exp(-logits.astype(np.float64)))


def _objects(text):
    """Each line is a JSON object, without numbers that JSON has not."""
    def refuse(word):
        raise ValueError(f"{word} is no JSON")

    return [json.loads(line, parse_constant=refuse) for line in text.splitlines()]


def predictions_say_the_same_in_every_form(bench):
    dataset, run = bench.once("everything-data", data.everything), _everything_run(bench)
    options = ("predict", "--checkpoint", run, "--data", dataset, "--split", "all")
    texts = {}
    for threads in (1, 2, 3):
        for form, more in (("csv", ()), ("jsonl", ("--features",))):
            text = bench.run("everything", *options, *ALL, "--format", form, *more, "--threads",
                             threads).expect(0).stdout
            require(texts.setdefault(form, text) == text, f"{form} is another with {threads} threads")
        folder = bench.folder(f"arrays-{threads}")
        bench.run("everything", *options, *ALL[:2], "--features", "--format", "npy", "--out", folder, "--threads",
                  threads).expect(0)
        files = {path.name: path.read_bytes() for path in folder.iterdir()}
        require(texts.setdefault("npy", files) == files, f"arrays are others with {threads} threads")
    plain = bench.run("everything", *options).expect(0).rows()
    rows = list(csv.DictReader(io.StringIO(texts["csv"])))
    require([[row[name] for name in plain[0]] for row in rows] == plain[1:], "the plain columns are others")
    arrays = {name.removesuffix(".npy"): np.load(io.BytesIO(content)) for name, content in texts["npy"].items()
              if name.endswith(".npy")}
    _compare_forms(rows, _objects(texts["jsonl"]), arrays, dataset)
    return f"{len(rows)} records, 3 forms, 1 to 3 threads"


def _compare_forms(rows, objects, arrays, dataset):
    numbers = [int(row["record"]) for row in rows]
    require([o["record"] for o in objects] == numbers, "JSON has other records")

    def same(what, a, b, most=0.0):
        a, b = (np.asarray(x, np.float32).astype(np.float64) for x in (a, b))
        require(a.shape == b.shape and (abs(a - b) <= most).all(), f"{what}: {a.ravel()[:5]} and {b.ravel()[:5]}")

    def of(head, member):
        return [o["heads"][head][member] for o in objects]

    for head, classes in (("kind", 5), ("grade", 3), ("answer", 2)):
        outputs = arrays[f"{head}.outputs"]
        same(head, arrays[head], [int(row[head]) for row in rows])
        same(head, arrays[head], [int(c) for c in of(head, "class")])
        same(f"{head}: outputs", outputs, of(head, "outputs"))
        same(f"{head}: outputs", outputs, [[np.float32(row[f"{head}.output.{i}"]) for i in range(outputs.shape[1])]
                                           for row in rows])
        best = arrays[head] == (outputs.argmax(1) if outputs.shape[1] > 1 else outputs[:, 0] > 0)
        require(best.all(), f"{head}: another class is the best")
        top = [[int(one["class"]) for one in tops] for tops in of(head, "top")]
        require(all(len(set(t)) == min(3, classes) for t in top), f"{head}: top is {top[0]}")
        if outputs.shape[1] > 1:
            same(f"{head}: top", top, np.argsort(-outputs, axis=1, kind="stable")[:, :3])
        same(f"{head}: second", [int(row[f"{head}.top2"]) for row in rows], [t[1] for t in top])
        if head == "grade":  # a hinge has no probabilities
            require("grade.probabilities" not in arrays and "grade.probability.0" not in rows[0], "odd probabilities")
            continue
        p = arrays[f"{head}.probabilities"]
        one = _sigmoid(outputs)
        expected = _softmax(outputs) if classes > 2 else np.concatenate([1 - one, one], axis=1)
        same(f"{head}: probabilities", p, expected, 1e-6)
        same(f"{head}: their sum", p.sum(1), np.ones(len(p)), 1e-6)
        same(f"{head}: probabilities", p, [[np.float32(x) for x in q.values()] for q in of(head, "probabilities")])
        same(f"{head}: probabilities", p, [[np.float32(row[f"{head}.probability.{c}"]) for c in range(classes)]
                                           for row in rows])
        same(f"{head}: the best's", [one["probability"] for one in (t[0] for t in of(head, "top"))], p.max(1), 1e-7)
    same("place", arrays["place"], of("place", "values"))
    for head, channels in MASK_HEADS.items():
        outputs, p = arrays[f"{head}.outputs"], arrays[f"{head}.probabilities"]
        require(outputs.shape[1:] == (channels, 16, 16), f"{head}: outputs of {outputs.shape}")
        same(f"{head}: outputs", outputs, of(head, "outputs"))
        expected = outputs.argmax(1) if channels > 1 else outputs[:, 0] > 0
        require((arrays[head] == expected).all(), f"{head}: another mask")
        same(f"{head}: probabilities", p, _softmax(outputs) if channels > 1
             else np.concatenate([1 - _sigmoid(outputs), _sigmoid(outputs)], axis=1), 1e-6)
        shares = np.stack([(arrays[head] == c).mean((1, 2)) for c in range(max(2, channels))], axis=1)
        same(f"{head}: shares", shares, [list(s.values()) for s in of(head, "shares")], 1e-7)
    same("features", arrays["features"], [o["features"] for o in objects])
    require(arrays["features"].shape == (len(np.load(dataset / "images.npy")), 18, 8, 8),
            f"features of {arrays['features'].shape}")


def _convolution(x, weight, bias, padding):
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(x, weight.shape[2:], (2, 3))
    return np.einsum("nchwij,ocij->nohw", windows, weight, optimize=True) + bias[:, None, None]


def _pooled(x):
    n, c, h, w = x.shape
    return x.reshape(n, c, h // 2, 2, w // 2, 2).max((3, 5))


def features_are_those_that_numpy_computes(bench):
    """LeNet from its checkpoint: the trunk's output, and layers on the way."""
    dataset, run = bench.once("digits-data", data.digits), _lenet_run(bench)
    _, t = _file((run / "last").read_bytes())
    t = {name: values.astype(np.float64) for name, values in t.items() if not name.startswith("optimizer")}
    images = np.load(dataset / "images.npy")[np.load(dataset / "split.npy") == 2].astype(np.float64)
    x = (images - t["input.mean"][:, None, None]) / t["input.deviation"][:, None, None]
    expected = {}
    expected["trunk.0"] = x = _convolution(x, t["trunk.0.weight"], t["trunk.0.bias"], 2)
    expected["trunk.2"] = x = _pooled(np.maximum(x, 0))
    x = np.maximum(_convolution(x, t["trunk.3.weight"], t["trunk.3.bias"], 0), 0)
    expected["trunk.6"] = x = _pooled(x)  # which a dense layer sees as one row
    x = x.reshape(len(x), -1)
    expected[""] = x = np.maximum(x @ t["trunk.7.weight"].T + t["trunk.7.bias"], 0)
    expected["heads.side.0"] = x @ t["heads.side.0.weight"].T + t["heads.side.0.bias"]
    for layer, values in expected.items():
        folder = bench.folder("features")
        bench.run("lenet", "predict", "--checkpoint", run, "--data", dataset, "--features", "--format", "npy", "--out",
                  folder, *(("--layer", layer) if layer else ()), "--outputs").expect(0)
        found = np.load(folder / "features.npy")
        require(found.shape == values.shape, f"{layer or 'trunk'}: {found.shape}, not {values.shape}")
        error = abs(found - values).max() / abs(values).max()
        require(error < 1e-5, f"{layer or 'trunk'}: off by {error:.2g}")
    require((np.load(folder / "side.outputs.npy") == found).all(), "a head's last layer is not its output")
    # Where a layer is computed along with its neighbour, the output of one of them is nowhere.
    bench.run("lenet", "predict", "--checkpoint", run, "--data", dataset, "--features", "--format", "jsonl", "--layer",
              "trunk.1").expect(2, "no layer 'trunk.1'", "trunk.2")
    return f"{len(expected)} layers of {len(images)} records"


class _Coprocess:
    """`predict` as a filter: a line in, a line out."""

    def __init__(self, bench, *options):
        self.command = bench.command("lenet", ("predict", "--checkpoint", _lenet_run(bench), "--threads", 2, *options))
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, bufsize=0)
        self.read = b""

    def line(self, seconds=20):
        """The next line of stdout, which must come while stdin is open."""
        end = time.monotonic() + seconds
        while b"\n" not in self.read:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))
            require(ready, f"{shorter(self.command)}: waited {seconds} s for an answer")
            part = os.read(self.process.stdout.fileno(), 1 << 16)
            require(part, f"{shorter(self.command)}: ended before it answered")
            self.read += part
        line, self.read = self.read.split(b"\n", 1)
        return line.decode()

    def ask(self, text):
        self.process.stdin.write(text)

    def memory(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

    def end(self):
        stdout, stderr = self.process.communicate(timeout=60)
        return Done(shorter(self.command), self.process.returncode, (self.read + stdout).decode(), stderr.decode())


def a_stream_answers_each_line_before_the_next(bench):
    """Whatever the line holds; for as long as the stream is open, in the memory that it had."""
    folder = bench.folder("stream")
    data.pictures(folder, 2)
    good = [str(folder / "p0.png").encode(), str(folder / "p1.png").encode()]
    names = "\n".join(name.decode() for name in good) + "\n"
    plain = bench.run("lenet", "predict", "--checkpoint", _lenet_run(bench), "--format", "jsonl", *(
        n.decode() for n in good)).expect(0).stdout.splitlines()
    stream = _Coprocess(bench, "--stream", "--format", "jsonl")
    for text, error in ((good[0] + b"\n", ""), (b"\n", "empty line"), (b"missing.png\n", "missing.png"),
                        (b"x" * 100_000 + b"\n", "longer than any"), (b"a\0b\n", "zero byte"), (b"/\n", "/"),
                        (str(folder).encode() + b"/\xFF.png\n", "\ufffd"), (good[1] + b"\r\n", "")):
        stream.ask(text)
        answer = json.loads(stream.line())
        require(error in answer.get("error", "") and ("error" in answer) == bool(error), f"{text[:30]}: {answer}")
        if not error:
            require(answer == json.loads(plain[good.index(text.strip())]), f"{text}: another answer than of a list")
    stream.ask(good[0][:-4])  # half a name is not yet one
    time.sleep(0.05)
    stream.ask(good[0][-4:] + b"\n" + good[1] + b"\n")
    require([stream.line(), stream.line()] == plain, "other answers to two lines")
    for i in range(100):
        stream.ask((good[i % 2], b"missing.png")[i % 3 > 0] + b"\n")
        stream.line()
    before, count = stream.memory(), bench.count(1500, 50_000)
    for i in range(count):
        stream.ask((good[i % 2], b"missing%d.png" % i, b"y" * 5000)[i % 3] + b"\n")
        stream.line()
    grown = stream.memory() - before
    require(grown < 512, f"{grown} KiB more after {count} lines")
    stream.process.stdin.close()
    stream.process.stdin = None
    done = stream.end().expect(0, "skipped")
    require(done.stdout == "", f"more on stdout: {done.stdout[:100]!r}")
    _list_is_answered_too(bench, good, names)
    return f"{count + 110} lines"


def _list_is_answered_too(bench, good, names):
    """A list as well is answered as far as it is known; its empty lines are none."""
    header = _Coprocess(bench, "-")
    require(header.line().startswith("image,digit"), "no header at once")
    header.ask(good[0] + b"\n\n")
    require(header.line().startswith(good[0].decode()), "no answer to a line of a list")
    header.ask(b"missing.png\n")
    header.process.stdin.close()
    header.process.stdin = None
    done = header.end()
    require(done.code == 4 and "missing.png" in done.stderr, f"exit {done.code}: {done.tail()}")
    zeros = _Coprocess(bench, "--stream", "--null", "--top", "2")
    require("digit.top2" in zeros.line(), "no header at once")
    zeros.ask(good[1] + b"\0\0")
    require(zeros.line().startswith(good[1].decode()) and zeros.line() == "," * 8, "no two answers")
    zeros.process.stdin.close()
    zeros.process.stdin = None
    zeros.end().expect(0, "skipped: stdin: an empty line")


def streams_end_as_they_should(bench):
    """A reader that goes away is an error of writing, not a signal; no stdin is an empty one."""
    folder = bench.folder("ends")
    data.pictures(folder, 1)
    name = str(folder / "p0.png").encode() + b"\n"
    stream = _Coprocess(bench, "--stream", "--format", "jsonl")
    stream.ask(name)
    stream.line()
    stream.process.stdout.close()
    stream.ask(name)
    require(stream.process.wait(60) == 4, f"exit {stream.process.returncode}")
    require(b"stdout: cannot be written" in stream.process.stderr.read(), "says nothing of stdout")
    command = bench.command("lenet", ("predict", "--checkpoint", _lenet_run(bench), "--stream"))
    for redirection in ("<&-", "</dev/null"):
        done = subprocess.run(["sh", "-c", f'exec "$@" {redirection}', "sh", *command], capture_output=True, check=False)
        require(done.returncode == 0 and done.stdout.count(b"\n") == 1, f"{redirection}: exit {done.returncode}")
    done = subprocess.run(["sh", "-c", 'exec "$@" </', "sh", *command], capture_output=True, check=False)
    require(done.returncode == 4 and b"directory" in done.stderr, f"a folder: exit {done.returncode}")
    done = subprocess.run(command, input=b"none.png\n" * 3, capture_output=True, check=False)
    require(done.returncode == 3 and b"none of the pictures" in done.stderr, f"all bad: exit {done.returncode}")
    return "5 ends"


def _indices(path):
    """The classes of an indexed PNG."""
    content, at, packed = path.read_bytes(), 8, b""
    while at < len(content):
        size, kind = struct.unpack(">I4s", content[at:at + 8])
        chunk = content[at + 8:at + 8 + size]
        if kind == b"IHDR":
            width, height, bits, colour = struct.unpack(">IIBB", chunk[:10])
            require(colour == 3, "not indexed")
        packed += chunk if kind == b"IDAT" else b""
        at += 12 + size
    stride = (width * bits + 7) // 8
    rows = np.zeros((height, stride), np.uint8)
    raw = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, stride + 1)
    unit = max(1, bits // 8)
    for y in range(height):
        rows[y] = _unfiltered(raw[y, 0], raw[y, 1:], rows[y - 1] if y else np.zeros(stride, np.uint8), unit)
    return np.unpackbits(rows, axis=1).reshape(height, -1, bits)[:, :width] @ (1 << np.arange(bits)[::-1])


def _unfiltered(method, line, above, unit):
    found = line.astype(int)
    for i in range(len(found)):
        a, b = found[i - unit] if i >= unit else 0, int(above[i])
        c = int(above[i - unit]) if i >= unit else 0
        nearest = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
        found[i] = (found[i] + (0, a, b, (a + b) // 2, nearest)[method]) % 256
    return found


def tiles_are_put_together_as_numpy_does_it(bench):
    """Pictures larger and smaller than the network's input: tiles predicted one by one, averaged in NumPy."""
    deep = bench.folder("deep")
    data.everything(deep)
    np.save(deep / "images.npy", np.load(deep / "images.npy").astype(np.uint16) * 200)
    bench.run("everything", "train", "--data", deep, "--out", deep / "run", "--steps", 3).expect(0)
    tiles = _tiles_agree(bench, _everything_run(bench), np.uint8) + _tiles_agree(bench, deep / "run", np.uint16)
    return f"{tiles} tiles of 8 and 16 bits"


def _tiles_agree(bench, run, dtype):
    folder, random, side, overlap = bench.folder("tiles"), np.random.RandomState(5), 16, 6
    pictures = {name: random.randint(0, np.iinfo(dtype).max, (*size, 3)).astype(dtype) for name, size in (
        ("large", (45, 37)), ("tall", (50, 16)), ("small", (9, 12)), ("exact", (16, 16)))}
    names = [folder / f"{name}.png" for name in pictures]
    tiles, places = [], []
    for path, (name, pixels) in zip(names, pictures.items()):
        path.write_bytes(data.png(pixels))
        h, w, _ = pixels.shape
        whole = np.zeros((max(h, side), max(w, side), 3), dtype)
        whole[:h, :w] = pixels
        for top in _starts(h, side, overlap):
            for left in _starts(w, side, overlap):
                tiles.append(whole[top:top + side, left:left + side].transpose(2, 0, 1))
                places.append((name, top, left))
    (folder / "data").mkdir()
    np.save(folder / "data/images.npy", np.array(tiles))
    bench.run("everything", "predict", "--checkpoint", run, "--data", folder / "data", "--probabilities", "--format",
              "npy", "--out", folder / "arrays").expect(0)
    texts = [bench.run("everything", "predict", "--checkpoint", run, "--tile", "--tile-overlap", overlap, "--masks",
                       folder / f"masks{threads}", "--format", "jsonl", "--threads", threads, *names).expect(0).stdout
             for threads in (1, 3)]
    require(texts[0].replace("masks1", "masks3") == texts[1], "tiles are others with more threads")
    for head in MASK_HEADS:
        p = np.load(folder / f"arrays/{head}.probabilities.npy").astype(np.float64)
        for name, pixels in pictures.items():
            expected = _assembled(p, [(i, t, l) for i, (k, t, l) in enumerate(places) if k == name],
                                  *pixels.shape[:2], side)
            found = _indices(folder / f"masks1/{name}.{head}.png")
            require(found.shape == expected.shape, f"{name}: a mask of {found.shape}")
            require((found == expected).mean() > 0.999, f"{name}, {head}: {(found != expected).sum()} pixels are others")
            require(len(np.unique(found)) > 1 or name == "small", f"{name}, {head}: one class alone")
    fitted = bench.run("everything", "predict", "--checkpoint", run, "--format", "jsonl", *names).expect(0).stdout
    require([a["heads"]["kind"] for a in _objects(texts[0])] == [a["heads"]["kind"] for a in _objects(fitted)],
            "heads without a mask see something else")
    return len(tiles)


def _starts(size, side, overlap):
    count = max(1, -(-(size - overlap) // (side - overlap)))
    return [i * (size - side) // (count - 1) if count > 1 else 0 for i in range(count)]


def _assembled(p, tiles, height, width, side):
    near = np.minimum(np.arange(side) + 1, side - np.arange(side))
    weight = near[:, None] * near
    total = np.zeros((p.shape[1], max(height, side), max(width, side)))
    for i, top, left in tiles:
        total[:, top:top + side, left:left + side] += weight * p[i]
    return total.argmax(0)[:height, :width]


def masks_are_as_large_as_asked(bench):
    """As the network sees the picture, or as the picture is; what a crop has cut off is 255."""
    run, folder = _everything_run(bench), bench.folder("sizes")
    name = folder / "wide.png"
    name.write_bytes(data.png(np.random.RandomState(6).randint(0, 256, (20, 60, 3)).astype(np.uint8)))
    sizes = {}
    for fit in ("crop", "stretch", "pad"):
        for size in ("network", "own"):
            masks = folder / f"{fit}-{size}"
            bench.run("everything", "predict", "--checkpoint", run, "--fit", fit, "--masks", masks, "--mask-size",
                      size, name).expect(0)
            sizes[fit, size] = _indices(masks / "wide.parts.png")
    for (fit, size), mask in sizes.items():
        require(mask.shape == ((16, 16) if size == "network" else (20, 60)), f"{fit}, {size}: {mask.shape}")
        cut = np.zeros(mask.shape, bool)
        if (fit, size) == ("crop", "own"):
            cut[:, :20] = cut[:, 40:] = True
        require(((mask == 255) == cut).all(), f"{fit}, {size}: not known where it is known, or the other way round")
    # Where pixels of both sizes have the same middles, they have the same class.
    exact = folder / "exact.png"
    exact.write_bytes(data.png(np.random.RandomState(7).randint(0, 256, (48, 48, 3)).astype(np.uint8)))
    found = []
    for size in ("network", "own"):
        bench.run("everything", "predict", "--checkpoint", run, "--masks", folder / f"exact-{size}", "--mask-size",
                  size, exact).expect(0)
        found.append(_indices(folder / f"exact-{size}/exact.parts.png"))
    require((found[1][1::3, 1::3] == found[0]).all(), "the middle of three pixels has another class")
    return f"{len(sizes) + 2} masks"


def predict_refuses_what_makes_no_sense(bench):
    run, nowhere = _everything_run(bench), bench.folder("refused") / "out"
    cases = (("--format", "xml"), ("--format", "npy"), ("--out", nowhere), ("--features",), ("--top", "0"),
             ("--top", "2", "--format", "npy", "--out", nowhere), ("--layer", "trunk.0"), ("--stream", "--data", "x"),
             ("--stream", "a.png", "b.png"), ("--stream", "--format", "npy", "--out", nowhere), ("--tile",),
             ("--tile", "a.png", "--tile-overlap", "16"), ("--tile-overlap", "2", "a.png"), ("--mask-size", "own"),
             ("--tile", "--format", "npy", "--out", nowhere, "a.png"), ("--mask-size", "huge", "a.png"),
             ("--features", "--format", "jsonl", "--layer", "nowhere.1", "a.png"))
    for case in cases:
        if "a.png" not in case and "--stream" not in case:
            case = (*case, "--data", bench.once("everything-data", data.everything))
        bench.run("everything", "predict", "--checkpoint", run, *case).expect(2)
    require(not nowhere.exists(), "a refused command made its folder")
    bench.run("lenet", "predict", "--checkpoint", _lenet_run(bench), "--tile", "a.png").expect(2, "--tile: no head")
    bench.run("everything", "predict", "--checkpoint", run, "--format", "npy", "--out", nowhere, "bad.png").expect(4)
    require(not any(nowhere.iterdir()), "a failed prediction left files")
    return f"{len(cases) + 2} commands"
