"""Writes tiff.json: TIFF files by tifffile, Pillow and OpenCV, and what NumPy says is in them.

usage: python3 tests/golden/tiff.py     (tifffile, imagecodecs, Pillow, opencv-python)
"""

import base64
import io
import json
import tempfile
from pathlib import Path

import cv2
import numpy as np
import tifffile
from PIL import Image

random = np.random.RandomState(5)
files = []


def noise(shape, dtype):
    top = {"u1": 256, "u2": 65536}.get(dtype, 1000)
    return random.randint(0, top, shape).astype(dtype)


def add(name, content, pages, kind):
    """`pages` are N x H x W x C as they are to be read."""
    files.append({"name": name, "file": base64.b64encode(content).decode(), "type": kind,
                  "shape": list(pages.shape), "values": np.asarray(pages, float).ravel().tolist()})


def by_tifffile(name, array, pages, kind, **options):
    out = io.BytesIO()
    tifffile.imwrite(out, array, **options)
    add(f"tifffile {name}", out.getvalue(), pages, kind)


def by_pillow(name, image, pages, kind, **options):
    out = io.BytesIO()
    image.save(out, "TIFF", **options)
    add(f"Pillow {name}", out.getvalue(), pages, kind)


gray = noise((6, 5), "u1")
by_tifffile("8 bits", gray, gray[None, ..., None], "uint8")
deep = noise((6, 5), "u2")
by_tifffile("16 bits, big-endian", deep, deep[None, ..., None], "uint16", byteorder=">")
by_tifffile("16 bits, white is 0", deep, 65535 - deep[None, ..., None], "uint16", photometric="miniswhite")
colour = noise((6, 5, 3), "u2")
for compression in ("zlib", "lzw", "zstd", "lzma", "packbits"):
    predictor = compression in ("zlib", "lzw", "zstd")
    by_tifffile(f"16 bits, colour, {compression}", colour, colour[None], "uint16", photometric="rgb",
                compression=compression, predictor=predictor or None)
by_tifffile("16 bits, colour in planes", colour.transpose(2, 0, 1), colour[None], "uint16", photometric="rgb",
            planarconfig="separate", compression="zlib")
five = noise((6, 5, 5), "u2")
by_tifffile("5 channels", five, five[None], "uint16", photometric="minisblack", planarconfig="contig",
            extrasamples=[0] * 4)
by_tifffile("5 channels in planes", five.transpose(2, 0, 1), five[None], "uint16", photometric="minisblack",
            planarconfig="separate", extrasamples=[0] * 4, compression="lzw")
many = noise((3, 4, 16), "u1")
by_tifffile("16 channels", many, many[None], "uint8", photometric="minisblack", planarconfig="contig",
            extrasamples=[0] * 15)
tiles = noise((20, 17, 2), "u2")
by_tifffile("tiles", tiles, tiles[None], "uint16", photometric="minisblack", planarconfig="contig",
            extrasamples=[0], tile=(16, 16), compression="zlib")
floats = (random.randint(-999, 999, (6, 5)) / 64).astype("f4")
by_tifffile("float32", floats, floats[None, ..., None], "float32")
by_tifffile("float32, zlib", floats, floats[None, ..., None], "float32", compression="zlib", predictor=True)
by_tifffile("float64, big-endian", floats.astype("f8"), floats[None, ..., None], "float32", byteorder=">")
by_tifffile("float16", floats.astype("f2"), floats.astype("f2")[None, ..., None], "float32")
signed = random.randint(-500, 500, (6, 5)).astype("i2")
by_tifffile("int16", signed, signed[None, ..., None], "float32")
stack = noise((4, 6, 5), "u2")
by_tifffile("4 pages", stack, stack[..., None], "uint16", photometric="minisblack")
by_tifffile("BigTIFF", stack, stack[..., None], "uint16", photometric="minisblack", bigtiff=True)
by_tifffile("ImageJ", stack, stack[..., None], "uint16", imagej=True)
turned = noise((6, 5), "u2")
by_tifffile("turned by 90 degrees", turned, np.rot90(turned, -1)[None, ..., None], "uint16",
            extratags=[(274, 3, 1, 6, True)])
pyramid = io.BytesIO()
with tifffile.TiffWriter(pyramid) as writer:
    writer.write(tiles[..., 0], photometric="minisblack")
    writer.write(tiles[::2, ::2, 0].copy(), photometric="minisblack", subfiletype=1)
    writer.write(deep, photometric="minisblack")
add("tifffile with a smaller copy", pyramid.getvalue(), tiles[None, ..., :1], "uint16")

rgb = noise((6, 5, 3), "u1")
for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits"):
    by_pillow(f"colour, {compression}", Image.fromarray(rgb), rgb[None], "uint8", compression=compression)
by_pillow("palette", Image.fromarray(gray).quantize(8), np.asarray(Image.fromarray(gray).quantize(8).convert("RGB"))[None],
          "uint8")
bits = gray > 99
by_pillow("1 bit, fax", Image.fromarray(bits), 255 * bits[None, ..., None], "uint8", compression="group4")
by_pillow("16 bits", Image.fromarray(deep), deep[None, ..., None], "uint16")
by_pillow("floats", Image.fromarray(floats), floats[None, ..., None], "float32")
smooth = np.add.outer(np.arange(16) * 5, np.arange(16) * 3)[..., None] + np.array([20, 60, 100])
smooth = smooth.astype("u1")
lossy = io.BytesIO()
Image.fromarray(smooth).save(lossy, "TIFF", compression="jpeg", quality=95)
add("Pillow JPEG", lossy.getvalue(), np.asarray(Image.open(lossy).convert("RGB"))[None], "uint8")

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "a.tiff"
    cv2.imwrite(str(path), colour[..., ::-1])
    add("OpenCV, 16 bits, colour", path.read_bytes(), colour[None], "uint16")
    cv2.imwrite(str(path), floats)
    add("OpenCV, floats", path.read_bytes(), floats[None, ..., None], "float32")

out = Path(__file__).with_suffix(".json")
out.write_text("{\"files\": [\n" + ",\n".join(json.dumps(f) for f in files) + "\n]}\n")
print(len(files), "files,", out.stat().st_size, "bytes")
