"""What README.md shows of `make run` is what everyone gets."""

import re

from harness import ROOT, Failed, Skipped, require


def _shown(readme):
    """The name,value rows of the transcript, but for the run's folder."""
    rows = re.findall(r"^(steps|digest|test\.[\w.]+),(\S+)$", readme, re.MULTILINE)
    return dict(rows)


def make_run_ends_as_the_readme_shows(bench):
    """The digest of all parameters and the figures after the whole training of the default."""
    if not (bench.binaries / "medley-garments").exists():
        raise Skipped("medley-garments is not built")
    shown = _shown((ROOT / "README.md").read_text(encoding="utf-8"))
    require("digest" in shown and len(shown) > 3, f"README.md shows {shown} only")
    done = bench.run("garments", "train", "--out", bench.folder("transcript") / "run", timeout=3000)
    facts = dict(done.expect(0).rows())
    for name, value in shown.items():
        if facts.get(name) != value:
            raise Failed(f"README.md shows {name},{value}; it is {facts.get(name)}")
    return f"digest {shown['digest']} and {len(shown) - 1} figures"
