#!/usr/bin/env python3
"""Writes mask_files.json: masks as Pillow and OpenCV write them, what Pillow or OpenCV reads of them, and how Pillow's
NEAREST resizes them.

Run it where Pillow and OpenCV are installed: python3 tests/golden/mask_files.py
"""

import base64
import io
import json
import pathlib

import cv2
import numpy as np
import PIL
from PIL import Image

Y, X = np.mgrid[:7, :10]
CLASSES = ((X // 3 + Y // 2) % 4).astype(np.uint8)
COLOURS = np.array([[0, 0, 0], [128, 0, 0], [0, 128, 0], [7, 7, 7]], np.uint8)


def by_pillow(picture, **options):
    file = io.BytesIO()
    picture.save(file, **{"format": "PNG", **options})
    return file.getvalue()


def by_opencv(array, kind=".png"):
    return cv2.imencode(kind, array)[1].tobytes()


def indexed(classes, **options):
    picture = Image.fromarray(classes, "P")
    picture.putpalette(COLOURS.ravel().tolist() + [0] * 756)
    return by_pillow(picture, **options)


def main():
    void = np.where(X == 9, 255, CLASSES).astype(np.uint8)
    binary = (255 * (CLASSES > 1)).astype(np.uint8)
    gray, colours = 1, 2
    files = {
        "indices": (indexed(CLASSES, bits=8), CLASSES, 0), "indices of 2 bits": (indexed(CLASSES), CLASSES, 0),
        "indices with void": (indexed(void), void, 0),
        "indices with a transparent one": (indexed(CLASSES, transparency=0), CLASSES, 0),
        "gray": (by_pillow(Image.fromarray(CLASSES)), CLASSES, gray),
        "gray OpenCV": (by_opencv(binary), binary, gray),
        "black and white": (by_pillow(Image.fromarray(binary).convert("1")), binary // 255, gray),
        "16 bits": (by_opencv(CLASSES.astype(np.uint16) * 300), CLASSES.astype(int) * 300, gray),
        "gray and alpha": (by_pillow(Image.fromarray(CLASSES).convert("LA")), CLASSES, gray),
        "colours": (by_pillow(Image.fromarray(COLOURS[CLASSES])), COLOURS[CLASSES].astype(int), colours),
        "colours and alpha": (by_pillow(Image.fromarray(COLOURS[CLASSES]).convert("RGBA")),
                              COLOURS[CLASSES].astype(int), colours),
        "tiff": (by_pillow(Image.fromarray(CLASSES), format="TIFF", compression="tiff_lzw"), CLASSES, gray),
        "tiff of 16 bits": (by_opencv(CLASSES.astype(np.uint16), ".tiff"), CLASSES, gray),
        "tiff of 32 bits": (by_pillow(Image.fromarray(CLASSES.astype(np.int32)), format="TIFF"), CLASSES, gray),
        "bmp": (by_opencv(binary, ".bmp"), np.stack([binary.astype(int)] * 3, -1), colours),
        "webp": (by_pillow(Image.fromarray(COLOURS[CLASSES]), format="WEBP", lossless=True),
                 COLOURS[CLASSES].astype(int), colours)}
    rows = []
    for name, (file, values, kind) in files.items():
        if values.ndim == 3:
            values = values[..., 0] << 16 | values[..., 1] << 8 | values[..., 2]
        rows.append({"name": name, "file": base64.b64encode(file).decode(), "kind": kind,
                     "height": values.shape[0], "width": values.shape[1], "values": values.ravel().tolist()})
    transparent = np.dstack([COLOURS[CLASSES], 255 * (X > 2)]).astype(np.uint8)
    refused = {"transparent": base64.b64encode(by_pillow(Image.fromarray(transparent))).decode(),
               "colours of 16 bits": base64.b64encode(by_opencv(np.zeros((3, 3, 3), np.uint16))).decode()}
    resized = []
    for height, width in ((7, 10), (3, 5), (14, 20), (4, 4), (1, 1), (13, 6), (16, 16)):
        picture = Image.fromarray(CLASSES).resize((width, height), Image.Resampling.NEAREST)
        resized.append({"height": height, "width": width, "classes": np.asarray(picture).ravel().tolist()})
    content = {"made_by": f"tests/golden/mask_files.py, Pillow {PIL.__version__}, OpenCV {cv2.__version__}",
               "files": rows, "refused": refused, "classes": CLASSES.ravel().tolist(), "resized": resized}
    target = pathlib.Path(__file__).with_name("mask_files.json")
    target.write_text(json.dumps(content, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
