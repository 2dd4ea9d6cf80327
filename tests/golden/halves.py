"""Writes halves.json beside this file: what NumPy makes of all halves, and of doubles, as F32.

crc32: of the float32 values, little-endian, of all 65,536 bit patterns in order, those left out that are
not numbers (their bits differ by processor). doubles: a double's digits, the bits of the float32 nearest to it.
"""

import json
import zlib
from pathlib import Path

import numpy as np

all_halves = np.arange(65536, dtype=np.uint16).view(np.float16).astype(np.float32)
numbers = all_halves[~np.isnan(all_halves)]
doubles = [1e-45, 7e-46, 7.1e-46, 1.4e-45, -2.1e-45, 1.17549435e-38, 1.1754943e-38, 5e-324, 3.4028234e38,
           3.4028235677973362e38, 1 + 2**-24, 1 + 2**-24 + 2**-50, 1 + 3 * 2**-24, -0.1, 16777217.0, -0.0,
           float("inf"), float("-inf")]
bits = {repr(x): int(np.float64(x).astype(np.float32).view(np.uint32)) for x in doubles}
golden = {"numbers": len(numbers), "crc32": zlib.crc32(numbers.astype("<f4").tobytes()), "doubles": bits}
Path(__file__).with_suffix(".json").write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")
