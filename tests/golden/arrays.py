"""Writes arrays.json: .npy and .npz files by NumPy, of every type, byte order and order of axes.

usage: python3 tests/golden/arrays.py
"""

import base64
import io
import json
import zipfile
from pathlib import Path

import numpy as np

random = np.random.RandomState(9)
files = []


def add(name, content, array, member=""):
    files.append({"name": name, "file": base64.b64encode(content).decode(), "member": member,
                  "shape": list(array.shape), "values": np.asarray(array, float).ravel().tolist()})


def saved(save, *arrays, **named):
    out = io.BytesIO()
    save(out, *arrays, **named)
    return out.getvalue()


for dtype in ("?", "i1", "u1", "<i2", ">i2", "<u2", ">u2", "<i4", ">u4", "<i8", ">i8", "<u8", "<f2", ">f2", "<f4", ">f4",
              "<f8", ">f8"):
    array = (random.randint(0, 100, (3, 2, 4)) - (20 if dtype.strip("<>")[0] in "if" else 0)).astype(dtype)
    add(dtype, saved(np.save, array), array)
    add(dtype + " in Fortran order", saved(np.save, np.asfortranarray(array)), array)
deep, labels = random.randint(0, 65536, (4, 3, 5)).astype("<u2"), np.arange(4)
for save in (np.savez, np.savez_compressed):
    add(save.__name__, saved(save, deep), deep)
    add(save.__name__ + " of two", saved(save, x=labels, deep=np.asfortranarray(deep)), deep, "deep")
out = io.BytesIO()
with zipfile.ZipFile(out, "w") as archive:  # an entry of 64-bit sizes, which numpy writes too, and a comment
    with archive.open("a.npy", "w", force_zip64=True) as member:
        np.save(member, deep)
    archive.comment = b"PK\x05\x06 is how a directory's end begins"
add("64-bit sizes and a comment", out.getvalue(), deep)
path = Path(__file__).with_suffix(".json")
path.write_text("{\"files\": [\n" + ",\n".join(json.dumps(f) for f in files) + "\n]}\n")
print(len(files), "files,", path.stat().st_size, "bytes")
