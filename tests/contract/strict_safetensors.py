"""A strict reader of the safetensors format, independent of ours. Prints names and shapes.

usage: python3 tests/contract/strict_safetensors.py FILE
Exit 0 if FILE keeps every rule of the format, 1 with the reason if not.
"""

import json
import sys

SIZES = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1,
    "I16": 2, "U16": 2, "F16": 2, "BF16": 2,
    "I32": 4, "U32": 4, "F32": 4, "I64": 8, "U64": 8, "F64": 8,
}  # fmt: skip
ALIGNMENT = 8


def require(condition, reason):
    if not condition:
        sys.exit(f"strict_safetensors: {reason}")


def unique(pairs):
    keys = [key for key, _ in pairs]
    require(len(keys) == len(set(keys)), f"a key occurs twice among {keys}")
    return dict(pairs)


def is_count(value):
    return type(value) is int and value >= 0


def read(path):
    with open(path, "rb") as file:
        content = file.read()
    require(len(content) >= 8, "shorter than 8 bytes")
    length = int.from_bytes(content[:8], "little")
    require(length <= len(content) - 8, "the header is longer than the file")
    text = content[8 : 8 + length]
    require(text[:1] == b"{", "the header does not begin with a brace")
    require(text.rstrip(b" ")[-1:] == b"}", "the header ends in more than spaces")
    require((8 + length) % ALIGNMENT == 0, f"the data begin at {8 + length}, not aligned")
    header = json.loads(text.decode("utf-8"), object_pairs_hook=unique)
    metadata = header.pop("__metadata__", {})
    require(
        isinstance(metadata, dict) and all(isinstance(v, str) for v in metadata.values()),
        "__metadata__ is not a map of text to text",
    )
    return header, metadata, len(content) - 8 - length


def check(header, data_bytes):
    end_of_last = 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        require(set(entry) == {"dtype", "shape", "data_offsets"}, f"{name}: members {set(entry)}")
        require(entry["dtype"] in SIZES, f"{name}: unknown dtype {entry['dtype']}")
        require(all(is_count(n) for n in entry["shape"]), f"{name}: shape {entry['shape']}")
        begin, end = entry["data_offsets"]
        require(is_count(begin) and is_count(end), f"{name}: offsets {begin}, {end}")
        size = SIZES[entry["dtype"]]
        for n in entry["shape"]:
            size *= n
        require(end - begin == size, f"{name}: {end - begin} bytes for shape {entry['shape']}")
        require(begin == end_of_last, f"{name}: begins at {begin}, the last ended at {end_of_last}")
        end_of_last = end
    require(end_of_last == data_bytes, f"{data_bytes} bytes of data, the tensors have {end_of_last}")


def main(path):
    header, metadata, data_bytes = read(path)
    check(header, data_bytes)
    for key, value in metadata.items():
        print(f"# {key}: {value.rstrip(' ')}")
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        print(f"{name}\t{entry['dtype']}\t{'x'.join(map(str, entry['shape']))}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
