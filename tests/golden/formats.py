#!/usr/bin/env python3
"""Writes formats.json: BMP and WebP files as Pillow and OpenCV write them, and what Pillow reads of them.

Run it where Pillow and OpenCV are installed: python3 tests/golden/formats.py
"""

import base64
import io
import json
import pathlib

import cv2
import numpy as np
import PIL
from PIL import Image, ImageOps

rng = np.random.default_rng(5)
Y, X = np.mgrid[:11, :19]
GRAY = (12 * X + 3 * Y).astype(np.uint8)
COLOURS = np.stack([GRAY, 20 * Y + rng.integers(0, 30, Y.shape), 255 - 9 * X - 4 * Y], -1).clip(0, 255).astype(np.uint8)
ALPHA = np.dstack([COLOURS, np.where(X < 6, 0, np.where(X < 12, 255, 128 + X)).astype(np.uint8)])


def by_pillow(array, kind, mode=None, **options):
    picture = Image.fromarray(array)
    if mode:
        picture = picture.convert(mode)
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def by_opencv(array, kind, *options):
    swapped = array if array.ndim == 2 else array[..., [2, 1, 0, 3][:array.shape[2]]]
    return cv2.imencode(kind, np.ascontiguousarray(swapped), list(options))[1].tobytes()


def files():
    turned = Image.Exif()
    turned[0x0112] = 6
    quality = cv2.IMWRITE_WEBP_QUALITY
    frames = [Image.fromarray(COLOURS), Image.fromarray(255 - COLOURS)]
    animated = io.BytesIO()
    frames[0].save(animated, "WEBP", save_all=True, append_images=frames[1:])
    return {
        "bmp gray Pillow": by_pillow(GRAY, "BMP"), "bmp black and white Pillow": by_pillow(GRAY, "BMP", "1"),
        "bmp palette Pillow": by_pillow(COLOURS, "BMP", "P"), "bmp colours Pillow": by_pillow(COLOURS, "BMP"),
        "bmp alpha Pillow": by_pillow(ALPHA, "BMP"), "bmp gray OpenCV": by_opencv(GRAY, ".bmp"),
        "bmp colours OpenCV": by_opencv(COLOURS, ".bmp"), "bmp alpha OpenCV": by_opencv(ALPHA, ".bmp"),
        "webp lossy Pillow": by_pillow(COLOURS, "WEBP", quality=60),
        "webp lossless Pillow": by_pillow(COLOURS, "WEBP", lossless=True),
        "webp alpha Pillow": by_pillow(ALPHA, "WEBP", lossless=True, exact=True),
        "webp lossy alpha Pillow": by_pillow(ALPHA, "WEBP", quality=80),
        "webp turned Pillow": by_pillow(COLOURS, "WEBP", quality=90, exif=turned.tobytes()),
        "webp lossy OpenCV": by_opencv(COLOURS, ".webp", quality, 40),
        "webp lossless OpenCV": by_opencv(COLOURS, ".webp", quality, 101),
        "webp animated Pillow": animated.getvalue()}


def main():
    rows = []
    for name, file in files().items():
        picture = ImageOps.exif_transpose(Image.open(io.BytesIO(file)))
        if name == "bmp alpha Pillow":  # which Pillow writes, and does not read
            picture = Image.fromarray(ALPHA)
        pixels = np.asarray(picture.convert("RGBA" if "A" in picture.mode else "RGB")).astype(int)
        if pixels.shape[2] == 4:  # laid on white
            alpha = pixels[..., 3:]
            pixels = (pixels[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255
        rows.append({"name": name, "file": base64.b64encode(file).decode(), "height": pixels.shape[0],
                     "width": pixels.shape[1], "pixels": pixels.ravel().tolist()})
    made_by = f"tests/golden/formats.py, Pillow {PIL.__version__}, OpenCV {cv2.__version__}"
    lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    pathlib.Path(__file__).with_name("formats.json").write_text(
        f'{{"made_by":"{made_by}","files":[\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
