// A trained model: ranking, reliability; and the arena as a picture.

function diagonal(label) {
  return {label, unnamed: true, data: [{x: 0, y: 0, text: ""}, {x: 1, y: 1, text: ""}], borderColor: themeColour("--soft"), borderDash: [3, 3], borderWidth: 1, pointRadius: 0, pointHitRadius: 0, tell: () => ""};
}
const unit = {min: 0, max: 1, stepSize: 0.25};
const unitRoom = {min: -0.02, max: 1.02, stepSize: 0.25};

// Several classes of one head are lines of one chart.
function curvesByHead(curves) {
  const heads = new Map();
  for (const curve of curves) heads.set(curve.name, [...(heads.get(curve.name) || []), curve]);
  return heads;
}
function rankingChart(curves, x, y, titles, withDiagonal) {
  const sets = curves.map((curve, i) => ({
    label: curve.class, borderColor: mark(i).colour, borderDash: mark(i).dash, backgroundColor: mark(i).colour, borderWidth: 1.6, pointRadius: 0,
    data: curve[x].map((value, k) => ({x: value, y: curve[y][k], threshold: curve.threshold[k]})),
    tell: (p) => `${curve.class}: ${titles[0]} ${shortNumber(p.x)}, ${titles[1]} ${shortNumber(p.y)}${p.threshold === null ? "" : `, threshold ${shortNumber(p.threshold)}`}`,
  }));
  if (withDiagonal) sets.push(diagonal("chance"));
  return {type: "line", data: {datasets: sets}, options: commonOptions(axis(titles[0], unit), axis(titles[1], unitRoom), curves.length > 1)};
}
function drawRanking(curves) {
  const parent = document.getElementById("ranking-charts");
  if (!parent) return;
  for (const [name, of] of curvesByHead(curves)) {
    const note = of.some((curve) => curve.thinned) ? "not all thresholds are drawn" : "";
    addChart(parent, `ROC, ${name}`, note, () => rankingChart(of, "false_positive_rate", "true_positive_rate", ["false positive rate", "true positive rate"], true));
    addChart(parent, `Precision and recall, ${name}`, note, () => rankingChart(of, "true_positive_rate", "precision", ["recall", "precision"], false));
  }
}

function reliabilityChart(head) {
  const look = mark(0);
  const points = head.bins.filter((bin) => bin.count > 0).map((bin) => ({
    x: bin.confidence, y: bin.accuracy, ...(bin.high === null ? {} : {yLow: bin.low, yHigh: bin.high}),
    lines: [`${bin.count} ${head.unit} said ${shortNumber(bin.confidence)}`, `right: ${shortNumber(bin.accuracy)}${bin.high === null ? "" : `, 95 %: ${shortNumber(bin.low)} to ${shortNumber(bin.high)}`}`],
  }));
  const line = {label: head.name, data: points, borderColor: look.colour, backgroundColor: look.colour, errorColour: pale(look.colour, 0.5), borderWidth: 1.2, pointRadius: 3.5, tell: (p) => p.lines};
  return {type: "line", data: {datasets: [line, diagonal("agreement")]}, options: commonOptions(axis("said: mean probability", unit), axis("right: share", unitRoom), false)};
}
function drawReliability(heads) {
  const parent = document.getElementById("reliability-charts");
  if (!parent) return;
  for (const head of heads) addChart(parent, `Reliability, ${head.name}`, `${head.count.toLocaleString("en")} ${head.unit}`, () => reliabilityChart(head));
}

// --- arena -----------------------------------------------------------------------------------------

// Boxes in a frame whose sides are 1; names are told on hover and to readers.
function box(parent, left, top, width, height, colour, title) {
  const element = document.createElement("div");
  Object.assign(element.style, {left: `${left * 100}%`, top: `${top * 100}%`, width: `${width * 100}%`, height: `${height * 100}%`, background: colour});
  element.title = title;
  parent.append(element);
}
function bytesText(bytes) { return bytes >= 1 << 20 ? `${(bytes / (1 << 20)).toFixed(1)} MiB` : `${(bytes / (1 << 10)).toFixed(1)} KiB`; }

function mapFrame(parent, className, caption) {
  const figure = document.createElement("figure"), title = document.createElement("figcaption"), frame = document.createElement("div");
  title.textContent = caption;
  frame.className = `map ${className}`;
  figure.append(title, frame);
  parent.append(figure);
  return frame;
}

// The sections side by side as they lie; below, when each buffer of a worker's activations is in use.
function drawArena(arena) {
  const parent = document.getElementById("arena-map");
  if (!parent || !arena) return;
  parent.replaceChildren();
  const kinds = arena.kinds.map((kind) => kind.kind);
  const colour = (kind) => {
    const i = kinds.indexOf(kind), again = Math.floor(i / seriesColours().length);
    return kind === "alignment" ? "transparent" : pale(mark(i).colour, again ? 0.4 : 0.85);
  };
  const legend = document.createElement("p");
  legend.className = "legend";
  for (const kind of kinds.filter((k) => k !== "alignment")) {
    const entry = document.createElement("span"), swatch = document.createElement("i");
    swatch.style.background = colour(kind);
    entry.append(swatch, kind);
    legend.append(entry);
  }
  parent.append(legend);
  const bar = mapFrame(parent, "bar", "The arena from its first to its last byte");
  for (const s of arena.sections) box(bar, s.offset / arena.bytes, 0, s.bytes / arena.bytes, 1, colour(s.kind), `${s.name}: ${bytesText(s.bytes)} from ${s.offset}, ${s.lifetime}`);
  const a = arena.activations;
  if (!a || !a.buffers.length) return;
  const steps = a.last - a.first + 1;
  const map = mapFrame(parent, "lifetimes", "A worker's activations: across, the steps of a pass, forward then backward; up, where each buffer lies");
  a.buffers.forEach((b, i) => {
    box(map, (b.first - a.first) / steps, 1 - (b.offset - a.offset + b.bytes) / a.bytes, (b.last - b.first + 1) / steps, b.bytes / a.bytes,
        pale(mark(i).colour, 0.55), `${b.name}: ${bytesText(b.bytes)}, steps ${b.first} to ${b.last}`);
  });
}

function drawModel() {
  drawArena(page.arena);
  if (!page.model) return;
  drawRanking(page.model.curves);
  drawReliability(page.model.reliability);
}
