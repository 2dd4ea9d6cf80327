"""Range tests: rates rise by the same factor, totals are those of the terms, and the end comes early."""

import csv
import math

import data
from harness import contents, require, same_contents


def _table(path):
    with open(path, newline="") as text:
        return list(csv.DictReader(text))


def _test(bench, name, *options):
    """A range test, its rows, and the rates that it suggests by rule and group."""
    out = bench.folder(name) / "run"
    done = bench.run("lenet", "tune", "--data", bench.once("digits-data", data.digits), "--out", out,
                     *options).expect(0)
    header, *rows = csv.reader(done.stdout.splitlines())
    require(header == ["rule", "group", "rate"], f"stdout begins with {header}")
    return out, _table(out / "range-test.csv"), {(rule, group): float(rate) for rule, group, rate in rows}, done


def a_range_test_tells_rates_the_same_everywhere(bench):
    """Two groups, one at twice the rate of the other; with one thread and with three."""
    options = ("--range-test", "1e-5..0.3", "--steps", 160, "--steps-mode", "simultaneous", "--weight", "side=0.7")
    run, rows, rates, done = _test(bench, "one", *options, "--threads", 1)
    again = _test(bench, "three", *options, "--threads", 3)[0]
    same_contents(contents(run), contents(again), "with three threads")
    first, last = rows[0], rows[-1]
    factor = (0.3 / 1e-5) ** (1 / 159)
    for i, row in enumerate(rows):
        fast, slow = float(row["rate.first"]), float(row["rate.second"])
        require(math.isclose(fast, 1e-5 * factor ** i, rel_tol=1e-9) and math.isclose(slow, fast / 2, rel_tol=1e-12),
                f"step {i + 1}: rates {fast}, {slow}")
        total = sum(w * float(row[f"{term}.value"]) for term, w in
                    (("digit", 1), ("side", 0.7), ("decay", 1e-4)) if row[f"{term}.value"])
        require(math.isclose(total, float(row["total"]), rel_tol=1e-9), f"step {i + 1}: total {row['total']}, not {total}")
    logged = [row for row in _table(run / "losses.csv") if row["split"] == "train"]
    require([row["digit.value"] for row in rows] == [row["digit.value"] for row in logged], "losses.csv differs")
    require(all(row["split"] != "test" for row in _table(run / "losses.csv")), "the test split was measured")
    require(float(first["smoothed"]) > 1.5 * min(float(row["smoothed"]) for row in rows), "nothing was learned")
    for rule in ("steepest descent", "least loss / 10"):
        rate = rates[rule, "first"]
        require(1e-4 < rate < 0.05, f"{rule}: {rate}")
        require(math.isclose(rates[rule, "second"], rate / 2, rel_tol=0.06), f"{rule}: {rates}")
    require("fastest at" in done.stderr and str(run / "range-test.csv") in done.stderr, done.tail())
    bench.run("lenet", "verify", run).expect(0)
    return f"{len(rows)} steps, to a rate of {last['rate.first']}"


def a_range_test_ends_where_higher_rates_are_of_no_use(bench):
    """At a multiple of the least loss, at numbers that are not finite, and where nothing can be told."""
    _, rows, rates, done = _test(bench, "high", "--range-test", "1e-4..1e4", "--steps", 200)
    require(60 < len(rows) < 190, f"{len(rows)} rows")
    require(f"ended at step {len(rows)} of 200" in done.stderr and rates, done.tail())
    out = bench.folder("flat") / "run"
    data_set = bench.once("digits-data", data.digits)
    done = bench.run("lenet", "tune", "--data", data_set, "--out", out, "--range-test=1e-9..1e-8", "--steps", 60)
    done.expect(0, "no rate is suggested")
    require(done.stdout == "rule,group,rate\n", done.stdout)
    bench.run("lenet", "tune", "--data", data_set, "--out", out, "--range-test").expect(2, "run")
    bench.run("lenet", "tune", "--data", data_set, "--out", out, "--force", "--range-test=1e3..1e9", "--steps",
              100, "--mix", "uncertainty").expect(5, "a lower range has more to show")
    return f"{len(rows)} steps of 200"
