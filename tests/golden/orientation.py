#!/usr/bin/env python3
"""Writes orientation.json: JPEG files of every Exif orientation, in both byte orders, and how Pillow turns
each upright.

Run it where Pillow is installed: python3 tests/golden/orientation.py
"""

import base64
import io
import json
import pathlib

import numpy as np
import PIL
from PIL import Image, ImageOps

TAG = 0x0112


def picture():
    """16 wide, 8 high: no two of its turned and mirrored forms are alike."""
    y, x = np.mgrid[:8, :16]
    return Image.fromarray((10 * x + 8 * y + 60 * (x < 4) * (y < 3)).astype(np.uint8))


def main():
    files = []
    for orientation in range(1, 9):
        for endian in "<>":
            exif = Image.Exif()
            exif.endian = endian
            exif[0x010F] = "a camera"  # comes first
            exif[TAG] = orientation
            data = io.BytesIO()
            picture().save(data, "JPEG", quality=90, exif=exif.tobytes())
            found = Image.open(io.BytesIO(data.getvalue()))
            assert found.getexif()[TAG] == orientation
            upright = np.asarray(ImageOps.exif_transpose(found))
            files.append({"orientation": orientation, "order": "II" if endian == "<" else "MM",
                          "file": base64.b64encode(data.getvalue()).decode(), "height": upright.shape[0],
                          "width": upright.shape[1], "pixels": upright.ravel().tolist()})
            assert (b"II*\0" if endian == "<" else b"MM\0*") in data.getvalue()
    target = pathlib.Path(__file__).with_name("orientation.json")
    content = {"made_by": f"tests/golden/orientation.py, Pillow {PIL.__version__}", "files": files}
    target.write_text(json.dumps(content, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
