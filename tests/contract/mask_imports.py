"""Import of pictures with mask pictures, for the experiment `everything`: two targets are masks, four are not."""

import json

import data
import numpy as np
from harness import require

COUNT, SIDES, INPUT = 24, (20, 28), 16


def _masks(count=COUNT):
    """Of each picture: 0 and 1; 0 to 2 and 255."""
    random = np.random.RandomState(11)
    outline = random.randint(0, 2, (count, *SIDES)).astype(np.uint8)
    parts = random.choice(np.array([0, 1, 2, 255], np.uint8), (count, *SIDES))
    return outline, parts


def _write(folder):
    """Pictures in folders of splits, outlines as gray 0 and 255 called *_mask, parts as indices, and a CSV file."""
    outline, parts = _masks()
    random = np.random.RandomState(12)
    pictures = random.randint(0, 256, (COUNT, *SIDES, 3)).astype(np.uint8)
    names = []
    for i in range(COUNT):
        split = ("train", "val", "test")[max(0, i - COUNT + 3)]
        names.append(f"{split}/p{i:02}")
        for kind in ("image", "outline", "parts"):
            (folder / kind / split).mkdir(parents=True, exist_ok=True)
        (folder / "image" / f"{names[i]}.png").write_bytes(data.png(pictures[i]))
        (folder / "outline" / f"{names[i]}_mask.png").write_bytes(data.png(255 * outline[i]))
        palette = random.randint(0, 256, (256, 3))
        (folder / "parts" / f"{names[i]}.png").write_bytes(data.png(parts[i], palette))
    rows = [f"p{i:02},{i % 5},{i % 3},{('no', 'yes')[i % 2]},{i / 8},{-i / 8}" for i in range(COUNT)]
    (folder / "labels.csv").write_text("\n".join(["image,kind,grade,answer,x,y", *rows]) + "\n")
    return pictures, outline, parts


def _import(bench, folder, out, *options):
    return bench.run("everything", "import", "--images", folder / "image", "--masks", f"outline={folder}/outline",
                     "--masks", f"parts={folder}/parts", "--labels", folder / "labels.csv", "--target", "place=x",
                     "--target", "place=y", "--out", folder / out, *options)


def _nearest(array, side):
    rows, columns = (((np.arange(side) + 0.5) * n / side).astype(int) for n in array.shape[1:])
    return array[:, rows][:, :, columns]


def pictures_with_masks_become_a_dataset_that_trains(bench):
    """Masks of two kinds beside other targets: their classes in numpy's nearest pixels, whole tiles, and any number of
    threads the same bytes; then four commands from pictures to masks on disk."""
    folder = bench.folder("masks")
    pictures, outline, parts = _write(folder)
    done = _import(bench, folder, "whole", "--fit", "stretch")
    done.expect(0, "0 and 255 are taken for classes 0 and 1", "'*_mask'", 'is taken for "not known"')
    require(done.rows()[1] == ["", "", str(COUNT - 2), "1", "1"], f"records {done.rows()[1]}")
    for name, wanted in (("outline", outline), ("parts", parts)):
        require(np.array_equal(np.load(folder / f"whole/{name}.npy"), _nearest(wanted, INPUT)), f"{name}.npy differs")
    require(np.load(folder / "whole/answer.npy")[:4].tolist() == [0, 1, 0, 1], "labels of other records")

    for threads in (1, 3):
        _import(bench, folder, f"tiles-{threads}", "--tile", "--threads", threads).expect(0, f"{4 * COUNT} tiles")
    for file in (folder / "tiles-1").iterdir():
        require(file.read_bytes() == (folder / "tiles-3" / file.name).read_bytes(),
                f"{file.name} depends on the number of threads")
    images, masks, group = (np.load(folder / f"tiles-1/{n}.npy") for n in ("images", "parts", "group"))
    for k, (top, left) in enumerate(((0, 0), (0, 12), (4, 0), (4, 12))):
        part = slice(top, top + INPUT), slice(left, left + INPUT)
        require(np.array_equal(images[k::4], pictures.transpose(0, 3, 1, 2)[:, :, part[0], part[1]]), f"tile {k}")
        require(np.array_equal(masks[k::4], parts[:, part[0], part[1]]), f"mask of tile {k}")
    require(np.array_equal(group, np.repeat(group[::4], 4)) and len(set(group)) == COUNT, "groups are not pictures")

    bench.run("everything", "train", "--data", folder / "tiles-1", "--out", folder / "run", "--steps", 2).expect(0)
    bench.run("everything", "predict", "--checkpoint", folder / "run/last", "--data", folder / "tiles-1",
              "--masks", folder / "predicted").expect(0)
    require(len(list((folder / "predicted").iterdir())) == 8, "masks of the test tiles are missing")
    return f"{COUNT} pictures, 3 imports"


def masks_that_do_not_fit_are_told(bench):
    """What is wrong with masks is an error that names file and option; a bad picture is skipped where asked."""
    folder = bench.folder("bad-masks")
    _write(folder)
    outline, parts = (folder / f"{kind}/train" for kind in ("outline", "parts"))

    def fails(text, *options, code=3):
        _import(bench, folder, "out", *options).expect(code, text)
        require(not (folder / "out").exists(), f"{text}: a folder is left")

    def spoiled(path, content, text, *options):
        before = path.read_bytes()
        path.write_bytes(content)
        fails(text, *options)
        path.write_bytes(before)

    smooth = np.linspace(0, 255, SIDES[0] * SIDES[1]).astype(np.uint8).reshape(SIDES)
    spoiled(outline / "p03_mask.png", data.png(smooth), "--mask-threshold outline=128")
    spoiled(parts / "p05.png", data.png(np.full(SIDES, 7, np.uint8)), "p05.png: 7 (column 0, row 0) is no class")
    spoiled(parts / "p05.png", data.png(np.zeros((9, 9), np.uint8)), "9 x 9 pixels, but the picture has 28 x 20")
    spoiled(parts / "p05.png", data.png(np.full((*SIDES, 3), [9, 0, 0], np.uint8)), "#090000: --mask-colours")
    spoiled(parts / "p05.png", b"\x89PNG\r\n\x1a\nnonsense", "p05.png: damaged PNG")
    fails("begins with none of the masks", "--masks", "shape=x", code=2)
    fails("--tile cuts", "--tile", "--fit", "pad", code=2)
    (parts / "p05.png").rename(parts / "q05.png")
    fails("there is no mask of 'parts'")
    _import(bench, folder, "skipped", "--skip-bad").expect(0, "skipped: ", "p05.png", f"{COUNT - 1} written",
                                                           "1 bad and skipped", "1 mask without a picture left out")
    _import(bench, folder, "unmasked", "--allow-unmasked").expect(0, f"1 of {COUNT} pictures have no mask")
    require((np.load(folder / "unmasked/parts.npy")[5] == 255).all(), "a mask that is not there is known")
    missing = json.loads((folder / "unmasked/dataset.json").read_text())["targets"]["parts"]["missing"]
    require(missing["train"] == 1, f"missing {missing}")
    return "8 faults, 2 ways to go on"
