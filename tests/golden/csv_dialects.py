#!/usr/bin/env python3
"""Writes the files of csv_dialects/: one table as pandas writes it, with every setting that people use, and byte by
byte as Excel saves it (German: semicolons, decimal commas; "CSV UTF-8": a byte order mark; "Unicode text": UTF-16 with
tabs). table.json has what is in it.

Run it where pandas is installed: python3 tests/golden/csv_dialects.py
"""

import csv
import json
import pathlib

import pandas as pd

FOLDER = pathlib.Path(__file__).resolve().parent / "csv_dialects"
TABLE = pd.DataFrame({
    "image": [f"p{i}" for i in range(6)],
    "größe in cm": [1.5, 0.25, None, -12.0, 1234.5, 3.0],
    "grade": [10.0, 1.0, 2.0, None, 10.0, 1.0],
    "note": ["plain", "a; b", "two, three", 'a "quoted" word', "x\ty|z", ""],
})
PANDAS = {
    "pandas": {},
    "pandas-semicolon": {"sep": ";", "decimal": ","},
    "pandas-tab": {"sep": "\t"},
    "pandas-pipe-quoted": {"sep": "|", "quoting": csv.QUOTE_ALL},
    "pandas-comma-comma": {"decimal": ","},
    "pandas-utf16": {"sep": "\t", "encoding": "utf-16"},
    "pandas-crlf-bom": {"lineterminator": "\r\n", "encoding": "utf-8-sig"},
}


def excel(separator, mark):
    """The rows as Excel has them: quotes where they must be, 1.5 with the country's mark, whole numbers without."""
    def cell(value):
        if pd.isna(value):
            return ""
        text = value if isinstance(value, str) else f"{value:g}".replace(".", mark)
        special = separator in text or '"' in text or "\n" in text
        return '"' + text.replace('"', '""') + '"' if special else text
    rows = [TABLE.columns.tolist(), *TABLE.to_numpy().tolist()]
    return "".join(separator.join(cell(v) for v in row) + "\r\n" for row in rows)


def main():
    FOLDER.mkdir(exist_ok=True)
    for name, settings in PANDAS.items():
        TABLE.to_csv(FOLDER / f"{name}.csv", index=False, **settings)
    german = excel(";", ",")
    (FOLDER / "excel-german.csv").write_bytes(b"\xef\xbb\xbf" + german.encode())
    (FOLDER / "excel-german-rows-below.csv").write_bytes(b"\xef\xbb\xbf" + german.encode() + b";;;\r\n" * 3)
    (FOLDER / "excel-sep.csv").write_bytes(b"sep=;\r\n" + german.encode())
    (FOLDER / "excel-unicode-text.txt").write_bytes(b"\xff\xfe" + excel("\t", ",").encode("utf-16-le"))
    (FOLDER / "excel-big-endian.txt").write_bytes(b"\xfe\xff" + excel("\t", ",").encode("utf-16-be"))
    content = {"made_by": f"tests/golden/csv_dialects.py, pandas {pd.__version__}",
               **{name: [None if pd.isna(v) else v for v in TABLE[name]] for name in TABLE.columns}}
    (FOLDER / "table.json").write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
