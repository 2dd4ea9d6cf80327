"""Writes image_folder.txt: in which order torchvision's ImageFolder has the pictures of a tree.

    image_folder.py [FILE]

A line for each picture: the number of its class, a space, its path. Needs torchvision.
"""

import sys
import tempfile
from pathlib import Path

from torchvision.datasets import ImageFolder

TREE = ("Zebra/1.jpg", "apple/10.png", "apple/9.PNG", "apple/b/c/2.jpg", "apple/b-c/1.jpg", "apple/b/z.Jpeg",
        "apple/notes.txt", "cat fish/ .png", "cat fish/B.png", "cat fish/a.png", "Ärmel/Grün.png", "éclair/1.png",
        "世界/日.png", "世界/a.png", "10/x.png", "9/x.png", "_/x.png", "z.png")


def main():
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_suffix(".txt")
    with tempfile.TemporaryDirectory() as root:
        for name in TREE:
            path = Path(root, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        samples = ImageFolder(root).samples
        lines = [f"{number} {Path(path).relative_to(root)}\n" for path, number in samples]
    target.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
