#!/usr/bin/env python3
"""Writes own_size.json: outputs of networks interpolated to other sizes, and the classes of their pixels, by PyTorch.

Run it where PyTorch is installed: python3 tests/golden/own_size.py
"""

import json
import pathlib

import torch
import torch.nn.functional as F

SIZES = [((3, 4, 5), (9, 7)), ((2, 8, 8), (5, 13)), ((1, 6, 4), (6, 4)), ((4, 3, 3), (1, 10)), ((1, 5, 5), (23, 3))]


def main():
    random = torch.Generator().manual_seed(20240611)
    cases = []
    for shape, size in SIZES:
        outputs = torch.randn(shape, generator=random)
        between = F.interpolate(outputs[None], size, mode="bilinear", align_corners=False)[0]
        mask = between.argmax(0) if shape[0] > 1 else (between[0] > 0).long()
        others = between.sort(0).values[-2:].diff(dim=0) if shape[0] > 1 else between.abs()
        assert others.min() > 1e-5, "a pixel whose class hangs on rounding"
        cases.append({"shape": shape, "outputs": outputs.flatten().tolist(), "height": size[0], "width": size[1],
                      "mask": mask.flatten().tolist()})
    target = pathlib.Path(__file__).with_name("own_size.json")
    content = {"made_by": f"tests/golden/own_size.py, PyTorch {torch.__version__.split('+')[0]}", "cases": cases}
    target.write_text(json.dumps(content, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
