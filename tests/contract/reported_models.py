"""What a page shows of a model, against what `eval`, `predict` and `info` say: losses record by record,
predictions, areas under curves, the arena."""

import json
import re

import data
import numpy as np
from harness import require

NAMES = {"kind": ["a", "b & c", "<d>", "e", "f"], "grade": ["low", "middle", "high"], "answer": ["no", "yes"]}


def _run_with_page(folder, bench):
    (folder / "data").mkdir()
    data.everything(folder / "data")
    targets = {name: {"classes": classes} for name, classes in NAMES.items()}
    (folder / "data/dataset.json").write_text(json.dumps({"targets": targets}))
    bench.run("everything", "train", "--data", folder / "data", "--out", folder / "run", "--steps", 4).expect(0)
    bench.run("everything", "report", folder / "run", "--samples", 8, "--threads", 2).expect(0)


def _folder(bench):
    return bench.once("reported-model", lambda folder: _run_with_page(folder, bench))


def _plain(html):
    return re.sub("<[^>]*>", "", html).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _section(text, name):
    return re.search(rf'<section id="{name}">.*?</section>', text, re.DOTALL).group()


def _samples(html):
    """Of each record, by its number: what its lines say of heads, and its losses."""
    found = {}
    for article in re.findall(r'<article class="sample">(.*?)</article>', html, re.DOTALL):
        record = int(re.search(r"<p>record (\d+)</p>", article).group(1))
        heads = {name: _plain(rest) for name, rest in
                 re.findall(r"<li(?: class=\"\w+\")?>([\w.]+): (.*?)</li>", article)}
        losses = dict(re.findall(r'loss ([\w.]+) <data[^>]*?value="([^"]+)"', article))
        found[record] = heads, losses
    return found


def _alone(source, folder, record):
    """A dataset folder of one record, for tests."""
    folder.mkdir(exist_ok=True)
    for path in source.glob("*.npy"):
        np.save(folder / path.name, np.load(path)[record:record + 1])
    np.save(folder / "split.npy", np.full(1, 2, np.uint8))


def _losses_of_each(bench, folder):
    """What `eval` says of each validation record where there is no other, by record and term."""
    found = {}
    for record in np.flatnonzero(np.load(folder / "data/split.npy") == 1):
        _alone(folder / "data", folder / "one", record)
        rows = bench.run("everything", "eval", "--checkpoint", folder / "run/best", "--data", folder / "one",
                         "--threads", 1).expect(0).rows()[1:]
        found[record] = {row[2][5:]: row[3] for row in rows if row[2].startswith("term.") and row[3]}
    return found


def losses_of_single_records_are_those_of_eval(bench):
    folder = _folder(bench)
    described = json.loads(bench.run("everything", "info", "--json").expect(0).stdout)
    terms = [term["name"] for term in described["terms"] if not term["penalty"]]
    text = (folder / "run/report.html").read_text()
    each = _losses_of_each(bench, folder)
    worst = _section(text, "worst")
    shown = {**_samples(worst), **_samples(_section(text, "samples"))}
    for record, (_, losses) in shown.items():
        expected = {name: each[record][name] for name in terms if name in each[record]}
        require(losses == expected, f"record {record}: the page has {losses}, eval {expected}")
    lists = re.split(r"<h3>([\w.]+)</h3>", worst)[1:]
    require(lists[::2] == terms, f"the page has the worst of {lists[::2]}")
    for name, html in zip(lists[::2], lists[1::2]):
        have = sorted((record for record in each if name in each[record]), key=lambda r: (-float(each[r][name]), r))
        require(list(_samples(html)) == have[:4], f"worst by {name}: {list(_samples(html))}, not {have[:4]}")
    return f"{len(shown)} records, {len(terms)} losses each; the worst of {len(each)} by each"


def predictions_on_pages_are_those_of_predict(bench):
    folder = _folder(bench)
    bench.run("everything", "report", folder / "run", "--split", "train", "--samples", 40, "--out",
              folder / "train.html").expect(0)
    rows = bench.run("everything", "predict", "--checkpoint", folder / "run/best", "--data", folder / "data",
                     "--split", "train").expect(0).rows()
    said = {int(row[0]): dict(zip(rows[0], row)) for row in rows[1:]}
    shown = _samples(_section((folder / "train.html").read_text(), "samples"))
    order = list(said)
    require(list(shown) == [order[(2 * i + 1) * len(order) // 80] for i in range(40)], f"samples {list(shown)}")
    for record, (heads, _) in shown.items():
        for head, classes in NAMES.items():
            label = int(np.load(folder / f"data/{head}.npy")[record])
            prediction = said[record][head]
            truth = "(not known)" if label < 0 else "" if classes[label] == prediction else f"not {classes[label]}"
            require(heads[head].startswith(prediction) and truth in heads[head],
                    f"record {record}, {head}: '{heads[head]}', predicted {prediction}, true {truth}")
        require("place" in heads, f"record {record} has no values")
    return f"{len(shown)} records, {len(NAMES)} heads on classes"


def _page_data(text):
    return json.loads(re.search(r'<script[^>]*id="medley-data"[^>]*>(.*?)</script>', text, re.DOTALL).group(1))


def curves_and_memory_on_pages_are_those_of_eval_and_info(bench):
    folder = _folder(bench)
    page = _page_data((folder / "run/report.html").read_text())
    rows = bench.run("everything", "eval", "--checkpoint", folder / "run/best", "--data", folder / "data",
                     "--split", "validation").expect(0).rows()[1:]
    auc = next(row for row in rows if row[2] == "answer.auc")
    curve = next(curve for curve in page["model"]["curves"] if curve["name"] == "answer")
    require([curve["area"], curve["standard_error"]] == [float(auc[3]), float(auc[4])], f"area {curve['area']}, not {auc[3]}")
    x, y = np.array(curve["false_positive_rate"]), np.array(curve["true_positive_rate"])
    area = float(np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2))
    require(abs(area - curve["area"]) < 1e-12, f"below the points of the curve lies {area}")
    require([c["class"] for c in page["model"]["curves"] if c["name"] == "kind"] == NAMES["kind"], "curves of classes")
    heads = {head["name"]: head for head in page["model"]["reliability"]}
    known = int((np.load(folder / "data/parts.npy")[np.load(folder / "data/split.npy") == 1] != 255).sum())
    require(heads["parts"]["count"] == known and heads["parts"]["unit"] == "pixels", "pixels that are counted")
    memory = bench.run("everything", "info", "--memory").expect(0).rows()[1:]
    buffers = page["arena"]["activations"]["buffers"]
    found = [[s["name"], str(s["offset"]), str(s["bytes"]), s["lifetime"]] for s in page["arena"]["sections"]]
    found += [["worker 0: activations: " + b["name"], str(b["offset"]), str(b["bytes"]), f"{b['first']}..{b['last']}"]
              for b in buffers]
    require(found == memory, "the arena of the page is not that of info --memory")
    return f"{len(page['model']['curves'])} curves, {len(found)} parts of the arena"
