"""Import: pictures and a CSV file become a dataset folder; dirty rows are told, or listed and skipped."""

import csv
import gzip
import json
import shutil
import subprocess
import sys

import data
import numpy as np
from harness import HERE, Skipped, require


def _pictures(folder, count):
    (folder / "pictures").mkdir()
    data.pictures(folder / "pictures", count)


def _import(bench, folder, out, *options, experiment="lenet"):
    return bench.run(experiment, "import", "--csv", folder / "rows.csv", "--images", folder / "pictures",
                     "--out", out, *options)


def _opens(folder):
    done = subprocess.run([sys.executable, HERE / "numpy_opens_datasets.py", folder], capture_output=True,
                          text=True, check=False)
    require(done.returncode == 0, f"numpy_opens_datasets: {done.stderr}")


def _rows(count):
    """Clean rows with all that a CSV file may have: CRLF, quotes, commas and line breaks, any letters."""
    lines = ["image,note,digit,side,by"]
    for i in range(count):
        note = ('plain', '"a ""quoted"", text"', '"two\r\nlines"', '"Grüße, 世界"')[i % 4]
        lines.append(f"p{i},{note},{i % 10},{('left', 'right')[i % 2]},u{i % 7}")
    return "\r\n".join(lines) + "\r\n"


def pictures_and_a_csv_file_become_a_dataset_that_trains(bench):
    folder = bench.folder("import")
    _pictures(folder, 60)
    (folder / "pictures/p3.png").rename(folder / "pictures/dämmerung 世.png")
    (folder / "rows.csv").write_bytes(_rows(60).replace("p3,", "dämmerung 世,").encode())
    options = ("--split-by", "by", "--split-fractions", "0.6,0.2,0.2")
    for name in ("first", "second"):
        rows = _import(bench, folder, folder / name, *options).expect(0, "60 written").rows()
        require(rows[0] == ["target", "class", "train", "validation", "test"], f"header {rows[0]}")
    for file in (folder / "first").iterdir():
        require(file.read_bytes() == (folder / "second" / file.name).read_bytes(),
                f"{file.name} differs between two imports")
    _opens(folder / "first")
    names = json.loads((folder / "first/dataset.json").read_text())["targets"]["side"]["classes"]
    require(names == ["left", "right"], f"classes {names}")
    bench.run("lenet", "train", "--data", folder / "first", "--out", folder / "run", "--steps", 2).expect(0)
    return "60 pictures, 2 times"


# A dirty row in place of a clean one, and what the message must say besides file and row.
DIRTY = (
    ("a missing picture", "nothing,x,1,left,u1", "nothing"),
    ("a broken picture", "broken,x,1,left,u1", "broken"),
    ("a cut picture", "cut,x,1,left,u1", "cut"),
    ("a JPEG of garbage", "garbage,x,1,left,u1", "garbage"),
    ("a cell too few", "p1,x,1,left", "4"),
    ("a cell too many", "p1,x,1,left,u1,more", "6"),
    ("a picture outside of the folder", "../secret,x,1,left,u1", "secret"),
    ("a picture beside the folder", "@/pictures,x,1,left,u1", "leaves the folder"),
    ("a picture anywhere", "/dev/zero,x,1,left,u1", "leaves the folder"),
    ("a zero byte", "p1\0,x,1,left,u1", "zero byte"),
    ("control characters", "\x1b]0;owned\x07,x,1,left,u1", "\\x1b]0;owned\\x07"),
    ("a line of ours", '"x\nmedley-lenet: all is well",x,1,left,u1', "x\\x0amedley-lenet: all is well"),
    ("no UTF-8", b"p1,\xff\xfe,\xff1,left,u1", "UTF-8"),
)


def dirty_rows_stop_by_default_and_are_listed_with_skip_bad(bench):
    folder = bench.folder("dirty")
    _pictures(folder, 30)
    picture = (folder / "pictures/p0.png").read_bytes()
    (folder / "pictures/broken.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    (folder / "pictures/cut.png").write_bytes(picture[:len(picture) // 2])
    (folder / "pictures/garbage.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(range(256)) * 4)
    for name in ("secret.png", "pictures.png"):
        (folder / name).write_bytes(picture)
    clean = _rows(30).encode()
    for what, row, text in DIRTY:
        row = row.replace("@", str(folder)).encode() if isinstance(row, str) else row
        (folder / "rows.csv").write_bytes(clean + row + b"\r\n")
        done = _import(bench, folder, folder / "out")
        require(done.code == 3, f"{what}: exit {done.code}, not 3: {done.tail()}")
        require(done.stdout == "" and not (folder / "out").exists(), f"{what}: left something behind")
        for part in ("rows.csv", "row 32", text):
            require(part in done.stderr, f"{what}: does not say '{part}': {done.tail()}")
        require(done.stderr.count("\n") == 1, f"{what}: not one line: {done.stderr!r}")
        done = _import(bench, folder, folder / "out", "--skip-bad").expect(0, "skipped: ", "30 written",
                                                                          "1 bad and skipped")
        require(text in done.stderr, f"{what}: the list does not say '{text}': {done.tail()}")
        require("\x1b" not in done.stderr, f"{what}: control characters on stderr: {done.stderr!r}")
        _opens(folder / "out")
        shutil.rmtree(folder / "out")
    return f"{len(DIRTY)} kinds of row, each without and with --skip-bad"


def an_existing_folder_is_not_replaced_without_force(bench):
    folder = bench.folder("replace")
    _pictures(folder, 20)
    (folder / "rows.csv").write_bytes(_rows(20).encode())
    _import(bench, folder, folder / "out").expect(0)
    done = _import(bench, folder, folder / "out")
    require(done.code == 2 and "--force" in done.stderr, f"exit {done.code}: {done.tail()}")
    _import(bench, folder, folder / "out", "--force").expect(0)
    (folder / "mine").mkdir()
    (folder / "mine/letter.txt").write_text("dear")
    done = _import(bench, folder, folder / "mine", "--force")
    require(done.code in (2, 3, 4) and (folder / "mine/letter.txt").exists(),
            f"a foreign folder: exit {done.code}: {done.tail()}")
    return "4 imports"


def real_photographs_are_imported(bench):
    """The first rows of the clothing photographs, as the experiment `clothing` reads them."""
    source = bench.shared / "data/clothing"
    if not (source / "images.csv").exists():
        raise Skipped(f"{source} is absent")
    if not (bench.binaries / "medley-clothing").exists():
        raise Skipped("medley-clothing is not built")
    folder = bench.folder("clothing")
    with open(source / "images.csv", newline="", encoding="utf-8") as text:
        table = list(csv.reader(text))
    rows = [row for row in table[1:] if row[2] not in ("Not sure", "Other", "Skip")]
    common = sorted({row[2] for row in rows}, key=lambda c: -sum(row[2] == c for row in rows))[:14]
    rows = [row for row in rows if row[2] in common]
    # Some of each category, so that all fourteen are there.
    chosen = [row for c in common for row in [r for r in rows if r[2] == c][:bench.count(5, 21)]]
    with open(folder / "rows.csv", "w", newline="", encoding="utf-8") as text:
        csv.writer(text).writerows([table[0], *chosen])
    options = ("--target", "category=label", "--split-by", "sender_id")
    done = bench.run("clothing", "import", "--csv", folder / "rows.csv", "--images", source / "images",
                     "--out", folder / "out", *options)
    done.expect(0, f"{len(chosen)} written")
    _opens(folder / "out")
    with open(folder / "rows.csv", "a", newline="", encoding="utf-8") as text:
        text.write(f"no-such-picture,1,{common[0]},False\r\n")
    arguments = ("import", "--csv", folder / "rows.csv", "--images", source / "images", "--out",
                 folder / "dirty", *options)
    bench.run("clothing", *arguments).expect(3, "rows.csv", f"row {len(chosen) + 2}", "no-such-picture")
    bench.run("clothing", *arguments, "--skip-bad").expect(0, "no-such-picture", "1 bad and skipped")
    return f"{len(chosen)} photographs"


def idx_files_become_a_dataset_that_trains(bench):
    """Whole or compressed, the same bytes; a cut file stops the import and leaves no folder."""
    folder = bench.folder("idx")
    rng = np.random.default_rng(3)

    def write(name, array):
        head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
        (folder / name).write_bytes(head + array.tobytes())
        (folder / f"{name}.gz").write_bytes(gzip.compress((folder / name).read_bytes()))

    for start, count in (("", 60), ("t-", 20)):
        write(f"{start}images", rng.integers(0, 256, (count, 20, 20), np.uint8))
        write(f"{start}digit", (np.arange(count) % 10).astype(np.uint8))
        write(f"{start}side", (np.arange(count) % 2).astype(np.uint8))

    def run(out, end="", images="images"):
        return bench.run("lenet", "import", "--idx", folder / f"{images}{end}",
                         "--idx-labels", f"digit={folder}/digit{end}", "--idx-labels", f"side={folder}/side{end}",
                         "--idx-test", folder / f"t-images{end}", "--idx-test-labels",
                         f"digit={folder}/t-digit{end}", "--idx-test-labels", f"side={folder}/t-side{end}",
                         "--out", folder / out)

    rows = run("whole").expect(0).rows()
    require([int(n) for n in rows[1][2:]] == [51, 9, 20], f"records {rows[1]}")
    run("packed", ".gz").expect(0)
    for name in ("images", "digit", "side", "split"):
        require((folder / f"whole/{name}.npy").read_bytes() == (folder / f"packed/{name}.npy").read_bytes(),
                f"{name}.npy differs between whole and compressed files")
    _opens(folder / "whole")
    bench.run("lenet", "train", "--data", folder / "whole", "--out", folder / "run", "--steps", 2).expect(0)
    cut = (folder / "images").read_bytes()
    (folder / "cut").write_bytes(cut[:16 + 400 * 40 + 7])
    run("none", images="cut").expect(3, "cut, record 40: the file ends")
    require(not (folder / "none").exists(), "a folder is left of an import that failed")
    return "4 imports"


def folders_and_labels_become_a_dataset_that_trains(bench):
    """A folder a class, splits above, another target joined by name; the same bytes with any number of threads."""
    folder = bench.folder("folders")
    _pictures(folder, 60)
    rows = ["picture,side,who"]
    for i in range(60):
        place = folder / "tree" / ("Train", "Train", "test")[i % 3] / str(i % 10)
        place.mkdir(parents=True, exist_ok=True)
        (folder / f"pictures/p{i}.png").rename(place / f"p{i}.{'PNG' if i % 2 else 'png'}")
        rows.append(f"p{i},{('left', 'right', '')[i % 3]},u{i % 7}")
    (folder / "tree/Train/.DS_Store").write_bytes(b"\0")
    (folder / "labels.csv").write_text("\n".join(rows), encoding="utf-8")

    def run(out, *options):
        return bench.run("lenet", "import", "--folders", folder / "tree", "--labels", folder / "labels.csv",
                         "--image", "picture", "--out", folder / out, *options)

    table = run("one", "--threads", 1).expect(0, "1 left out", "60 written").rows()
    require([int(n) for n in table[1][2:]] == [34, 6, 20], f"records {table[1]}")
    run("three", "--threads", 3).expect(0)
    for file in (folder / "one").iterdir():
        if file.name != "dataset.json":
            require(file.read_bytes() == (folder / "three" / file.name).read_bytes(),
                    f"{file.name} differs between 1 and 3 threads")
    _opens(folder / "one")
    digits, sides = (np.load(folder / f"one/{name}.npy") for name in ("digit", "side"))
    require(all((digits == c).sum() == 6 for c in range(10)) and [(sides == s).sum() for s in (-1, 0, 1)] == [20] * 3,
            f"labels {digits} {sides}")
    bench.run("lenet", "train", "--data", folder / "one", "--out", folder / "run", "--steps", 2).expect(0)
    (folder / "tree/Train/3/p3.PNG").write_bytes(b"no picture")
    run("none", "--threads", 3).expect(3, "Train/3/p3.PNG: ")
    require(not (folder / "none").exists(), "a folder is left of an import that failed")
    run("none", "--skip-bad", "--split-by", "who").expect(0, "skipped: ", "59 written", "groups of column 'who'")
    require((folder / "none/group.npy").exists(), "no group.npy")
    return "4 imports"


def cifar_files_become_a_dataset(bench):
    """Records as NumPy writes them; the same labels come out, with the names beside the files."""
    folder = bench.folder("cifar")
    rng = np.random.default_rng(5)
    labels = {}
    for name, count in (("data_batch_1", 40), ("data_batch_2", 30), ("test_batch", 20)):
        labels[name] = rng.permutation(count).astype(np.uint8) % 10
        pictures = rng.integers(0, 256, (count, 3072), np.uint8)
        (folder / f"{name}.bin").write_bytes(np.hstack((labels[name][:, None], pictures)).tobytes())
    (folder / "batches.meta.txt").write_text("".join(f"kind {c}\n" for c in range(10)) + "\n")

    def run(out, *files):
        return bench.run("lenet", "import", "--cifar", *files, "--target", "side=", "--out", folder / out)

    rows = run("all", folder).expect(0).rows()
    require([int(n) for n in rows[1][2:]] == [60, 10, 20] and rows[5][1] == "kind 3", f"table {rows[:6]}")
    require((np.load(folder / "all/digit.npy") == np.concatenate(list(labels.values()))).all(), "other labels")
    _opens(folder / "all")
    run("two", folder / "data_batch_1.bin", folder / "test_batch.bin").expect(0)
    (folder / "data_batch_2.bin").write_bytes((folder / "data_batch_2.bin").read_bytes()[:-1])
    run("none", folder).expect(3, "data_batch_2.bin has 92189 bytes")
    require(not (folder / "none").exists(), "a folder is left of an import that failed")
    return "3 imports"
