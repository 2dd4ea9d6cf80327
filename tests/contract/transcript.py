"""What README.md shows of `make run` is what everyone gets."""

import re

from harness import ROOT, Failed, Skipped, require, wait_until


def _shown(readme):
    """The name,value rows of the transcript, but for the run's folder."""
    rows = re.findall(r"^(steps|digest|test\.[\w.]+),(\S+)$", readme, re.MULTILINE)
    return dict(rows)


# Early in the training that ends with the digest FINAL: what the whole of it was when these were noted. A thorough
# run holds both.
EARLY_STEP, EARLY, FINAL = 96, "df3b397fb4a71f1a", "9cc35a85606b52af"


def _early(bench):
    """The digest after the first steps, which do not wait for the others."""
    run = bench.folder("transcript") / "run"
    process = bench.start("garments", "train", "--out", run, "--checkpoint-every", EARLY_STEP)
    checkpoint = run / f"checkpoints/step-{EARLY_STEP:08}.safetensors"
    wait_until(lambda: process.poll() is not None or checkpoint.exists(), 300, f"step {EARLY_STEP}")
    process.kill()
    process.communicate()
    return dict(bench.run("garments", "digest", checkpoint).expect(0).rows())


def make_run_ends_as_the_readme_shows(bench):
    """The digest of all parameters and the figures after the whole training of the default; in a quick run the
    digest after its first steps, which changes whenever the last one does but for what the last steps or the
    figures alone depend on."""
    if not (bench.binaries / "medley-garments").exists():
        raise Skipped("medley-garments is not built")
    shown = _shown((ROOT / "README.md").read_text(encoding="utf-8"))
    require("digest" in shown and len(shown) > 3, f"README.md shows {shown} only")
    require(shown["digest"] == FINAL,
            f"README.md shows the digest {shown['digest']}; tests/contract/transcript.py has {FINAL}, and {EARLY} "
            f"after {EARLY_STEP} steps: note both anew")
    early = _early(bench)["digest"]
    require(early == EARLY, f"after {EARLY_STEP} steps the digest is {early}, not {EARLY}: README.md's is not {FINAL}")
    if bench.quick:
        return f"digest {EARLY} after {EARLY_STEP} steps"
    done = bench.run("garments", "train", "--out", bench.folder("transcript") / "run", timeout=3000)
    facts = dict(done.expect(0).rows())
    for name, value in shown.items():
        if facts.get(name) != value:
            raise Failed(f"README.md shows {name},{value}; it is {facts.get(name)}")
    return f"digest {shown['digest']} and {len(shown) - 1} figures"
