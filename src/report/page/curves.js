// Curves of runs: metrics, losses, learning rate, and how the losses get along.

const view = {x: "step", log: false, smoothing: 0.03, raw: true, hidden: new Set()};
const isSingle = page.kind === "run";

function place(run) {
  return (table) => (row) => {
    const step = Number(table.cell(row, "step"));
    return view.x === "time" ? run.seconds(step) : step;
  };
}

// Exponential smoothing over x: a point counts e times less for each `width` that it lies behind, with
// the weights' own sum as divisor, so that the beginning is not drawn to 0.
function smoothed(points, width) {
  let sum = 0, weights = 0, last = NaN;
  return points.map(({x, y}) => {
    const kept = weights ? Math.exp(-(x - last) / width) : 0;
    sum = sum * kept + y; weights = weights * kept + 1; last = x;
    return {x, y: sum / weights};
  });
}
function isConstant(points) { return points.every((p) => p.text === points[0].text); }
function positive(points) { return view.log ? points.filter((p) => p.y > 0) : points; }

function lineSet(label, points, look, options = {}) {
  return {
    label, data: positive(points), borderColor: look.colour, backgroundColor: look.colour, borderDash: look.dash,
    borderWidth: 1.6, pointRadius: points.length === 1 ? 3 : 0, ...options,
  };
}
function pointSet(label, points, look, options = {}) {
  return lineSet(label, points, look, {borderWidth: 1, pointRadius: points.length > 60 ? 0 : 2.5, ...options});
}

// Raw and smoothed training of a column that has many rows; what has few is drawn as it is.
function trainingSets(label, points, look, options = {}) {
  if (points.length < 12 || view.smoothing === 0 || options.exact || isConstant(points)) return [lineSet(label, points, look, options)];
  const width = view.smoothing * (points[points.length - 1].x - points[0].x);
  const smooth = lineSet(label, smoothed(points, width).map((p, i) => ({...p, text: shortNumber(p.y) + " smoothed, raw " + points[i].text})), look, options);
  if (!view.raw) return [smooth];
  const raw = lineSet(label + ", raw", points, {colour: pale(look.colour, isSingle ? 0.35 : 0.18), dash: []}, {borderWidth: 1, unnamed: true});
  return [raw, smooth];
}

function xTitle() { return view.x === "time" ? "seconds of training" : "step"; }

// All curves reach over the same steps or seconds.
function xLimits() {
  const steps = Math.max(...runs.map((run) => run.steps)), seconds = Math.max(0, ...runs.map((run) => run.seconds(run.steps) || 0));
  return {min: 0, max: (view.x === "time" ? seconds : steps) || undefined};
}
function curveChart(sets, limits = {}) {
  const y = view.log ? axis("", {log: true}) : axis("", limits);
  return {
    type: "line", data: {datasets: sets},
    options: commonOptions(axis(xTitle(), xLimits()), y, isSingle && sets.filter((s) => !s.unnamed).length > 1),
  };
}

// The sets of one column of one file, over all runs and splits: colours are splits for a single run,
// else runs. A member of a family has a `look` and a `label` of its own, and is named once.
function columnSets(file, column, look = null, label = null) {
  const sets = [];
  runs.forEach((run, r) => {
    const table = run.table(file);
    if (!table || !table.has(column) || view.hidden.has(r)) return;
    const at = place(run)(table);
    const splits = table.has("split") ? ["train", "validation", "test", "whole.train", "best.test"] : [null];
    splits.forEach((split, s) => {
      const points = table.points(column, at, (row) => split === null || table.cell(row, "split") === split);
      if (!points.length) return;
      const colours = look || (isSingle ? mark(s) : mark(r));
      const of = label || (isSingle ? "" : run.name), name = [of, split].filter(Boolean).join(", ") || column;
      const options = {unnamed: label !== null && sets.length > 0, legend: label, exact: file === "learning-rate.csv"};
      if (split === "train" || split === null) sets.push(...trainingSets(name, points, colours, options));
      else if (split.endsWith("test")) sets.push(pointSet(name, points, colours, {pointStyle: "rectRot", pointRadius: 5, showLine: false, ...options}));
      else sets.push(pointSet(name, points, colours, options));
    });
  });
  return sets;
}

// All columns that some run has in a file.
function columnsOf(file) {
  const names = new Set();
  for (const run of runs) for (const name of run.table(file)?.names || []) names.add(name);
  ["epoch", "step", "split"].forEach((name) => names.delete(name));
  return [...names];
}
function noteOf(file) { return thinnedNote(runs.map((run) => run.table(file))); }
// The only text that all runs have in a column, training; null where there are several, "" for none.
function constantOf(file, column) {
  const texts = new Set();
  for (const run of runs) {
    const table = run.table(file);
    if (!table || !table.has(column)) continue;
    for (const row of table.rows) if (table.cell(row, column)) texts.add(table.cell(row, column));
    if (texts.size > 1) return null;
  }
  return texts.size ? [...texts][0] : "";
}
function isMeasured(file, column) { return constantOf(file, column) !== ""; }

// One chart for each column, or, of a single run, one for a family of columns with a line each.
function addColumn(parent, file, column, title, note = "", limits = {}) {
  if (!isMeasured(file, column)) return;
  addChart(parent, title, [note, noteOf(file)].filter(Boolean).join("; "), () => curveChart(columnSets(file, column), limits));
}
function addFamily(parent, file, title, members, note = "", limits = {}) {
  members = members.filter(({column}) => isMeasured(file, column));
  if (!members.length) return;
  if (!isSingle) {
    for (const {column, label} of members) addColumn(parent, file, column, `${title}: ${label}`, note, limits);
    return;
  }
  addChart(parent, title, [note, noteOf(file)].filter(Boolean).join("; "),
           () => curveChart(members.flatMap(({column, label}, i) => columnSets(file, column, mark(i), label)), limits));
}

// What never changes needs no curve: a sentence in its place.
function addUnlessConstant(parent, sentences, file, title, members, note, limits) {
  const constants = members.map(({column}) => constantOf(file, column));
  if (members.length && constants.every((text) => text !== null && text !== "")) {
    const same = constants.every((text) => text === constants[0]);
    sentences.push(`${title}: ${same ? shortNumber(Number(constants[0])) : members.map(({label}, i) => `${label} ${shortNumber(Number(constants[i]))}`).join(", ")} throughout.`);
  } else {
    addFamily(parent, file, title, members, note, limits);
  }
}

// "left.accuracy" and "right.accuracy" are a family "accuracy" with the members left and right.
function families(columns) {
  const byName = new Map();
  for (const column of columns) {
    const dot = column.indexOf("."), name = dot < 0 ? column : column.slice(dot + 1);
    if (!byName.has(name)) byName.set(name, []);
    byName.get(name).push({column, label: dot < 0 ? column : column.slice(0, dot)});
  }
  return byName;
}
const wellKnown = {auc: "AUC", f1: "F1", macro_f1: "Macro F1", mean_iou: "Mean IoU"};
function words(name) {
  const text = name.replaceAll("_", " ");
  return wellKnown[name] || text[0].toUpperCase() + text.slice(1);
}

// Metrics that cannot be above 1 and come near it are shown up to 1.
function metricLimits(members) {
  let most = -Infinity;
  for (const run of runs) {
    const table = run.table("metrics.csv");
    for (const {column} of members) if (table?.has(column)) for (const row of table.rows) most = Math.max(most, Number(table.cell(row, column)));
  }
  return most > 0.5 && most <= 1 ? {max: 1} : {};
}

function drawMetricsAndLosses() {
  const metrics = document.getElementById("metric-charts");
  for (const [name, members] of families(columnsOf("metrics.csv"))) {
    addFamily(metrics, "metrics.csv", words(name), members, "", metricLimits(members));
  }
  const losses = document.getElementById("loss-charts");
  addColumn(losses, "losses.csv", "total", "Total: the losses times their weights");
  for (const column of columnsOf("losses.csv").filter((c) => c.endsWith(".value"))) {
    addColumn(losses, "losses.csv", column, `Loss ${column.slice(0, -".value".length)}`);
  }
  const rates = document.getElementById("rate-charts");
  addFamily(rates, "learning-rate.csv", "Learning rate", columnsOf("learning-rate.csv").map((column) => ({column, label: column.replace(/^rate\./, "")})), "", {min: 0});
  drawRangeTest(rates);
}

// The pair in "cosine.left.right".
function pairLabel(column, prefix) { return column.slice(prefix.length).replace(".", " / "); }

// Of diagnostics.csv: title, what is to be said of it, limits of its axis. The first ones are shown, the
// others on demand.
const cosineLimits = {min: -1, max: 1, stepSize: 0.5}, shareLimits = {min: 0, max: 1, stepSize: 0.25};
const diagnostics = {
  corrected: ["Cosines without noise", "beyond 1 or -1 is noise alone", {min: -1.5, max: 1.5, stepSize: 0.5}],
  contribution: ["Contribution to the direction", "weight times norm"],
  affinity: ["Affinity", "share of the second loss that a step down the first takes away"],
  share: ["Share of the direction", "", shareLimits],
  control: ["Cosine of a loss with itself", "gradients of two halves of a batch: 1 without noise", cosineLimits],
  similarity: ["Similarity of the norms", "", shareLimits],
  predicted: ["Predicted change by the step", "to first order"],
  real: ["Real change by the step", "on the same batch"],
  lookahead: ["Lookahead", "as affinity, by taking the step"],
  eigenvalue: ["Eigenvalues of the Gramian"],
  condition: ["Condition of the cosines"],
  effective_rank: ["Effective rank of the Gramian"],
  stationarity: ["Stationarity", "norm of the least convex combination of the gradients"],
  "stationarity.relative": ["Relative stationarity", "the same over the losses' own weights"],
  length: ["Length of the direction", "over that with the losses' own weights"],
  "exact.cosine": ["Cosine to the exact direction", "", cosineLimits],
};

// Families of diagnostics.csv with their members, in the order above.
function diagnosticFamilies() {
  const grouped = new Map(Object.keys(diagnostics).map((family) => [family, []]));
  for (const column of columnsOf("diagnostics.csv")) {
    const pair = /^(similarity|corrected|affinity|lookahead|eigenvalue)\./.exec(column);
    const own = /\.(contribution|share|predicted|real|control)$/.exec(column);
    const family = pair ? pair[1] : own ? own[1] : column;
    const label = pair ? pairLabel(column, pair[0]) : own ? column.slice(0, -own[0].length) : column;
    if (!grouped.has(family)) grouped.set(family, []);
    grouped.get(family).push({column, label});
  }
  return [...grouped].filter(([, members]) => members.length);
}

// A <details> whose charts are drawn when it opens.
function foldedCharts(parent, title) {
  const details = document.createElement("details"), summary = document.createElement("summary"), list = document.createElement("div");
  summary.textContent = title;
  list.className = "charts";
  details.append(summary, list);
  parent.append(details);
  return list;
}

function drawAgreement() {
  const parent = document.getElementById("agreement-charts"), section = parent.closest("section");
  const losses = columnsOf("losses.csv"), sentences = [];
  const of = (suffix) => losses.filter((c) => c.endsWith(suffix)).map((column) => ({column, label: column.slice(0, -suffix.length)}));
  addUnlessConstant(parent, sentences, "losses.csv", "Weights as used", of(".weight"));
  addFamily(parent, "losses.csv", "Norms of the gradients", of(".gradient_norm"));
  addFamily(parent, "losses.csv", "Cosines between the gradients",
            losses.filter((c) => c.startsWith("cosine.")).map((column) => ({column, label: pairLabel(column, "cosine.")})), "", cosineLimits);
  const families = diagnosticFamilies(), shown = 2;
  const rest = families.length > shown ? foldedCharts(section, "More of diagnostics.csv") : parent;
  families.forEach(([family, members], i) => {
    const [title, note, limits] = diagnostics[family] || [words(family)];
    addUnlessConstant(i < shown ? parent : rest, sentences, "diagnostics.csv", title, members, note, limits);
  });
  if (sentences.length) {
    const told = document.createElement("p");
    told.textContent = sentences.join(" ");
    parent.before(told);
  }
  if (!parent.children.length && !sentences.length) section.remove();
}

// Loss against the rate on a logarithmic axis.
function rangeTestChart(table, column) {
  const rate = table.names.find((name) => name.startsWith("rate") || name === "lr") || table.names[1];
  const points = (name) => table.points(name, (row) => Number(table.cell(row, rate)));
  const sets = [lineSet(column, points(column), {colour: pale(mark(0).colour, 0.4), dash: []})];
  if (table.has("smoothed")) sets.push(lineSet("smoothed", points("smoothed"), mark(0)));
  return {type: "line", data: {datasets: sets}, options: commonOptions(axis(`learning rate (${rate})`, {log: true}), axis("", {log: view.log}), true)};
}
function addRangeTest(parent, table, name) {
  const column = table.has("total") ? "total" : table.names[table.names.length - 1];
  addChart(parent, `Learning-rate range test${name ? `: ${name}` : ""}`, thinnedNote([table]), () => rangeTestChart(table, column));
}
function drawRangeTest(parent) {
  for (const run of runs) {
    const table = run.table("range-test.csv");
    if (table) addRangeTest(parent, table, isSingle ? "" : run.name);
  }
}

// --- controls --------------------------------------------------------------------------------------

function button(text, pressed, onClick) {
  const element = document.createElement("button");
  element.type = "button";
  element.textContent = text;
  element.setAttribute("aria-pressed", pressed);
  element.addEventListener("click", () => onClick(element));
  return element;
}

// Buttons of which one is pressed.
function choice(label, options, current, onChoose) {
  const group = document.createElement("span");
  group.className = "choice";
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", label);
  group.append(label + " ");
  for (const [text, value] of options) {
    group.append(button(text, value === current, (pressed) => {
      for (const other of group.querySelectorAll("button")) other.setAttribute("aria-pressed", other === pressed);
      onChoose(value);
      redraw();
    }));
  }
  return group;
}

function smoothingControl() {
  const label = document.createElement("label");
  label.className = "choice";
  const range = document.createElement("input");
  Object.assign(range, {type: "range", min: 0, max: 0.2, step: 0.005, value: view.smoothing});
  range.addEventListener("change", () => { view.smoothing = Number(range.value); redraw(); });
  label.append("smoothing ", range);
  return label;
}

function addControls() {
  const parent = document.getElementById("curve-controls");
  const controls = document.createElement("div");
  controls.className = "controls";
  if (runs.some((run) => run.isTimed)) controls.append(choice("by", [["step", "step"], ["time", "time"]], view.x, (x) => { view.x = x; }));
  controls.append(choice("values", [["linear", false], ["logarithmic", true]], view.log, (log) => { view.log = log; }));
  controls.append(choice("raw values", [["on", true], ["off", false]], view.raw, (raw) => { view.raw = raw; }));
  controls.append(smoothingControl());
  parent.append(controls);
  if (isSingle) return;
  const list = document.createElement("div");
  list.className = "runs";
  runs.forEach((run, r) => {
    const toggle = button(run.name, true, (pressed) => {
      view.hidden.has(r) ? view.hidden.delete(r) : view.hidden.add(r);
      pressed.setAttribute("aria-pressed", !view.hidden.has(r));
      redraw();
    });
    const swatch = document.createElement("i");
    toggle.prepend(swatch);
    list.append(toggle);
  });
  parent.append(list);
  colourRuns();
}
function colourRuns() {
  document.querySelectorAll(".runs i").forEach((swatch, r) => swatch.style.setProperty("--mark", mark(r).colour));
}

function drawCurves() {
  if (!document.getElementById("curve-controls")) return;
  view.raw = isSingle;
  addControls();
  drawMetricsAndLosses();
  drawAgreement();
}
