"""Pages of `report`: numbers are those of the files, names cannot break them, a browser draws them."""

import csv
import json
import resource
import shutil
from html.parser import HTMLParser

import browser as chromium
import data
from harness import require

# A class that would end the script, and one that would begin a comment.
HOSTILE = ['</script><script>document.title = "broken"</script>', '<!-- "quoted", & more']
# Unfolds everything, brings each chart into view until it is drawn, and tells what there is.
PROBE = """(async () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
  const canvases = [...document.querySelectorAll("canvas")], pixels = [];
  for (const canvas of canvases) {
    canvas.scrollIntoView();
    for (let i = 0; i < 200 && !canvas.closest("[data-drawn]"); ++i) await new Promise((done) => setTimeout(done, 10));
    const data = canvas.getContext("2d").getImageData(0, 0, canvas.width || 1, canvas.height || 1).data;
    let drawn = 0;
    for (let i = 3; i < data.length; i += 4) drawn += data[i] > 0;
    pixels.push(drawn);
  }
  const root = document.documentElement;
  return {root: {...root.dataset}, pixels, overflow: root.scrollWidth - innerWidth, ground: getComputedStyle(document.body).backgroundColor, html: root.outerHTML};
})()"""


def _run_with_report(folder, bench):
    bench.run("lenet", "train", "--data", bench.once("digits-data", data.digits), "--out", folder / "run",
              "--epochs", 2, "--log-every", 1, "--diagnose", 5).expect(0)
    path = folder / "run/confusion-side-test.csv"
    rows = list(csv.reader(path.open(newline="")))
    for i, name in enumerate(HOSTILE):
        rows[0][i + 1] = rows[i + 1][0] = name
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    with (folder / "run/losses.csv").open("a") as file:
        file.write("1,999,train,123.456")  # a row that is still being written


def _run(bench):
    return bench.once("reported-run", lambda folder: _run_with_report(folder, bench)) / "run"


def _study(folder):
    header = ("setting,name,lr,mix,trials,a.accuracy.mean,a.accuracy.standard_error,b.accuracy.mean,"
              "b.accuracy.standard_error,on_front,chosen\n")
    rows = "".join(f"{i},{'default' if i == 0 else ''},{0.001 * (i + 1)},{'sum' if i % 2 else 'upgrad'},3,"
                   f"{0.9 + 0.01 * i},0.0123456789,{0.95 - 0.01 * i},0.004,1,{int(i == 2)}\n" for i in range(5))
    (folder / "settings.csv").write_text(header + rows)
    (folder / "answer.txt").write_text("Weights matter: a <and> b.\n")
    (folder / "range-test.csv").write_text("step,rate.all,total,smoothed\n" + "".join(
        f"{i},{1e-5 * 1.5 ** i},{2 - 0.05 * i},{2 - 0.05 * i}\n" for i in range(1, 20)))


class _Page(HTMLParser):
    """Tables as rows of cells (a cell is the number of its <data>, or its text), the data, what is loaded."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.scripts, self.data, self.loads = [], 0, None, []
        self.cell, self.in_data = None, False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.loads += [v for k, v in attributes.items() if k in ("src", "href") and v and not v.startswith(("#", "data:"))]
        if tag == "script":
            self.scripts += 1
            self.in_data = attributes.get("id") == "medley-data"
        elif tag == "table":
            self.tables.append([])
        elif tag == "tr" and self.tables:
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.cell = []
        elif tag == "data" and self.cell is not None:
            self.cell.append(("value", attributes["value"]))

    def handle_endtag(self, tag):
        if tag in ("td", "th") and self.cell is not None:
            values = [text for kind, text in self.cell if kind == "value"]
            self.tables[-1][-1].append(values[0] if values else "".join(t for _, t in self.cell).strip())
            self.cell = None
        elif tag == "script":
            self.in_data = False

    def handle_data(self, text):
        if self.in_data:
            self.data = json.loads(text)
        elif self.cell is not None:
            self.cell.append(("text", text))

    def figure(self, name, split):
        """The cell of the table of figures."""
        table = next(table for table in self.tables if table[0][0] == "figure")
        found = [row for row in table if row[0] == name]
        require(found, f"the page has no figure '{name}'")
        return found[0][table[0].index(split)]


def _last(path, split):
    return [row for row in csv.DictReader(path.open(newline="")) if row["split"] == split][-1]


def _require_same_numbers(page, run):
    """Figures, confusion matrices and the rows behind the curves against the files."""
    for split in ("validation", "test"):
        figures = {**_last(run / "metrics.csv", split), **_last(run / "losses.csv", split)}
        for name, value in figures.items():
            if name in ("epoch", "step", "split") or name.endswith((".weight", ".gradient_norm")) or name.startswith("cosine."):
                continue
            require(page.figure(name, split) == value, f"{split} {name}: {page.figure(name, split)} in the page, {value} in the file")
    matrices = {json.dumps([row[:-1] for row in table[1:]]) for table in page.tables if table[0][-1] == "right"}
    for path in run.glob("confusion-*.csv"):
        rows = list(csv.reader(path.open(newline="")))[1:]
        require(json.dumps(rows) in matrices, f"{path.name}: no such matrix in the page")
    for table in page.data["runs"][0]["tables"]:
        if not (run / table["file"]).exists():
            require(table["file"] == "learning-rate.csv", f"{table['file']}: of no file")
            continue
        lines = (run / table["file"]).read_text().replace("\r", "").split("\n")[:-1]
        drawn = table["csv"].split("\n")[:-1]
        require(drawn == lines, f"{table['file']}: the page has other rows")
        require(table["rows"] == table["drawn"] == len(lines) - 1, f"{table['file']}: counts")


def a_page_has_the_numbers_of_its_files(bench):
    run = _run(bench)
    bench.run("lenet", "report", run, "--csv", run.parent / "csv").expect(0)
    text = (run / "report.html").read_text()
    page = _Page(text)
    _require_same_numbers(page, run)
    require(page.scripts == 4 and 'document.title = "broken"<' not in text, "a class's name became a script")
    require(not page.loads and "http-equiv" in text, f"the page loads {page.loads}")
    rows = [row for row in csv.DictReader((run.parent / "csv/losses.csv").open(newline=""))]
    expected = [(row["step"], row["split"], name, value) for row in csv.DictReader((run / "losses.csv").open(newline=""))
                for name, value in row.items() if value and name not in ("epoch", "step", "split")][:-1]
    require([tuple(row.values())[1:] for row in rows] == expected, "--csv: other losses than the file's")
    return f"{len(page.tables)} tables, {sum(len(t['csv']) for t in page.data['runs'][0]['tables'])} bytes of rows"


def what_cannot_be_reported_is_told(bench):
    folder = bench.folder("unreportable")
    (folder / "none").mkdir()
    bench.run("lenet", "report", folder / "none").expect(3, "neither a run", "nor a study")
    bench.run("lenet", "report", folder / "absent").expect(3, "neither a run")
    bench.run("lenet", "report").expect(2, "missing")
    bench.run("lenet", "report", _run(bench), "--out", folder / "no/such/folder.html").expect(4)
    (folder / "study").mkdir()
    _study(folder / "study")
    bench.run("lenet", "report", _run(bench), folder / "study").expect(3, "is a study")
    run = folder / "replaced"
    shutil.copytree(_run(bench), run, symlinks=True)
    bench.run("lenet", "report", run).expect(0)
    digits = bench.once("digits-data", data.digits)
    bench.run("lenet", "train", "--data", digits, "--out", run, "--steps", 1, "--force").expect(0)
    require(not (run / "report.html").exists(), "--force left the page of another run")
    for name in ("metrics.csv", "timing.csv", "diagnostics.csv", "log.txt"):
        (run / name).unlink(missing_ok=True)
    bench.run("lenet", "report", run, "--samples", 0).expect(0)
    require("no metrics.csv" in (run / "report.html").read_text(), "a missing file is not told")
    return "7 ways"


def _require_drawn(browser, page, width, dark, charts):
    """Opens the page in a window of this width; returns what PROBE tells."""
    what = f"{page.name} at {width} pixels"
    browser.open(f"file://{page}", width, dark=dark)
    seen = browser.value_of(PROBE)
    require(not browser.complaints(), f"{what}: {browser.complaints()}")
    require(seen["root"]["errors"] == "0" and seen["root"].get("ready") == "yes", f"{what}: {seen['root']}")
    require(seen["overflow"] <= 0, f"{what}: wider than the window by {seen['overflow']}")
    require((seen["ground"] == "rgb(255, 255, 255)") != dark, f"{what}: its ground is {seen['ground']}")
    require(len(seen["pixels"]) >= charts and min(seen["pixels"]) > 1000, f"{what}: charts have {seen['pixels']} pixels")
    return seen


def pages_are_drawn_by_a_browser(bench):
    chromium.find()
    folder, run, charts = bench.folder("pages"), _run(bench), 0
    _study(folder)
    bench.run("lenet", "report", run, "--out", folder / "one.html").expect(0)
    bench.run("lenet", "report", run, run, "--out", folder / "two.html").expect(0)
    bench.run("lenet", "report", folder, "--out", folder / "study.html").expect(0)
    looks = [("one", 390, False, 20), ("study", 1280, True, 6)]
    if not bench.quick:
        looks += [("two", 1280, False, 20), ("one", 1280, True, 20), ("study", 390, False, 6)]
    with chromium.Browser(folder / "profile") as browser:
        for name, width, dark, least in looks:
            seen = _require_drawn(browser, folder / f"{name}.html", width, dark, least)
            charts += len(seen["pixels"])
            if name == "one":
                _require_same_numbers(_Page(seen["html"]), run)
        browser.value_of("document.getElementById('digits').click()")
        require(browser.value_of("[...document.querySelectorAll('data')].every((d) => d.value === d.textContent)"), "not all digits")
        browser.value_of("document.getElementById('theme').click()")
        require(browser.value_of("document.documentElement.dataset.theme") in ("light", "dark"), "the theme's switch")
    return f"{len(looks)} pages, {charts} charts"


def a_page_of_long_runs_is_small_and_quick(bench):
    folder = bench.folder("long")
    columns = ["epoch", "step", "split", "total"] + [f"t{i}.{what}" for i in range(4) for what in ("value", "weight", "gradient_norm")]
    row = ",".join(f"0.{i}234567890123456" for i in range(13))
    for i in range(20):
        run = folder / f"run-{i}"
        run.mkdir()
        (run / "config.ini").write_text(f"# Options of this run of medley-lenet; --config takes them back.\nseed = {i}\n")
        (run / "losses.csv").write_text(",".join(columns) + "\r\n" + "".join(
            f"0,{step},train,{row}\r\n" for step in range(1, 10001)))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    bench.run("lenet", "report", *folder.glob("run-*"), "--out", folder / "page.html").expect(0)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    size = (folder / "page.html").stat().st_size
    require(size < 5e6, f"{size} bytes")
    require(seconds < 2, f"{seconds:.1f} s of a processor")
    tables = [table for run in _Page((folder / "page.html").read_text()).data["runs"] for table in run["tables"]]
    require(len(tables) == 20 and all(t["rows"] == 10000 and 100 < t["drawn"] < 10000 for t in tables), "rows are not thinned")
    return f"20 runs of 10,000 rows: {size / 1e6:.1f} MB, {seconds:.2f} s of a processor, {tables[0]['drawn']} rows of each drawn"
