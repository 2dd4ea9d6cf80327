// A study's settings: the front, each option against each figure, all of them at once.

// A setting by column, numbers as numbers.
function settingsOf(table) {
  return table.rows.map((row) => {
    const text = (name) => table.cell(row, name) ?? "";
    const number = (name) => (text(name) === "" ? NaN : Number(text(name)));
    return {
      id: text("setting"), name: text("name"), chosen: text("chosen") === "1", front: text("on_front") === "1", text, number,
      mean: (objective) => number(`${objective}.mean`), error: (objective) => number(`${objective}.standard_error`) || 0,
    };
  });
}

function settingTitle(setting, searched) {
  const options = searched.map((name) => `${name} ${setting.text(name)}`).join(", ");
  return `setting ${setting.id}${setting.name ? ` (${setting.name})` : ""}${options ? `: ${options}` : ""}`;
}
function withError(setting, objective) {
  const error = setting.error(objective);
  return `${objective} ${setting.text(`${objective}.mean`)}${error ? ` ± ${setting.text(`${objective}.standard_error`)}` : ""}`;
}

// Each kind looks another way in colour and in shape. Of a search: chosen, on the front, the default, others.
const searchKinds = [
  {label: "chosen", is: (s) => s.chosen, colour: 1, style: "rectRot", radius: 8},
  {label: "on the front", is: (s) => s.front, colour: 0, style: "circle", radius: 5},
  {label: "default", is: (s) => s.name === "default", colour: 2, style: "triangle", radius: 6},
  {label: "others", is: () => true, colour: -1, style: "circle", radius: 4},
];
// Of a comparison, where each arm has its chosen setting: what the arms are.
const armKinds = [
  {label: "other learning rates", is: (s) => !s.chosen, colour: -1, style: "circle", radius: 3},
  {label: "plain sum", is: (s) => s.name === "sum", colour: 1, style: "rectRot", radius: 8},
  {label: "a loss alone", is: (s) => s.name.endsWith(" alone"), colour: 3, style: "rect", radius: 6},
  {label: "fixed weights", is: (s) => s.text("mix") === "weighted_sum" && s.text("steps-mode") === "joint", colour: 0, style: "circle", radius: 5},
  {label: "mixes and step modes", is: () => true, colour: 2, style: "triangle", radius: 6},
];
let settingKinds = searchKinds;
function kindOf(setting) { return settingKinds.find((kind) => kind.is(setting)); }
function kindColour(kind) { return kind.colour < 0 ? themeColour("--soft") : mark(kind.colour).colour; }

function settingSets(settings, point) {
  return [...settingKinds].reverse().map((kind) => ({
    label: kind.label, type: "scatter", data: settings.filter((s) => kindOf(s) === kind).map(point).filter((p) => Number.isFinite(p.x) && Number.isFinite(p.y)),
    borderColor: kindColour(kind), backgroundColor: pale(kindColour(kind), kind.colour < 0 ? 0.5 : 0.85), errorColour: pale(kindColour(kind), 0.45),
    pointStyle: kind.style, pointRadius: kind.radius, tell: (p) => p.lines,
  })).filter((set) => set.data.length).reverse();
}

// Room for the bars at both ends.
function limits(values, errors) {
  const low = Math.min(...values.map((v, i) => v - errors[i])), high = Math.max(...values.map((v, i) => v + errors[i]));
  const room = (high - low || Math.abs(high) || 1) * 0.06;
  return {min: low - room, max: high + room};
}
function objectiveAxis(settings, objective, title = objective) {
  const known = settings.filter((s) => Number.isFinite(s.mean(objective)));
  return axis(title, limits(known.map((s) => s.mean(objective)), known.map((s) => s.error(objective))));
}

function frontChart(settings, study, a, b) {
  const sets = settingSets(settings, (s) => ({
    x: s.mean(a), y: s.mean(b), xError: s.error(a), yError: s.error(b), name: settings.length <= 24 ? s.name : "",
    lines: [settingTitle(s, study.searched), withError(s, a), withError(s, b)],
  }));
  const front = settings.filter((s) => s.front).map((s) => ({x: s.mean(a), y: s.mean(b)})).sort((p, q) => p.x - q.x);
  sets.push({label: "front", unnamed: true, type: "line", data: front, borderColor: pale(mark(0).colour, 0.5), borderWidth: 1.5, pointRadius: 0, pointHitRadius: 0, tell: () => ""});
  return {type: "scatter", data: {datasets: sets}, options: commonOptions(objectiveAxis(settings, a), objectiveAxis(settings, b), "points")};
}

// Which two of several objectives: a choice where there are more than two.
function drawFront(settings, study) {
  const parent = document.getElementById("front-chart");
  if (!parent) return;
  const chosen = {a: study.objectives[0], b: study.objectives[1]};
  if (study.objectives.length > 2) {
    const controls = document.createElement("div");
    controls.className = "controls";
    for (const side of ["a", "b"]) controls.append(choice(side === "a" ? "across" : "up", study.objectives.map((o) => [o, o]), chosen[side], (o) => { chosen[side] = o; }));
    parent.append(controls);
  }
  addChart(parent, study.objectives.length > 2 ? "Two figures of each setting" : `${chosen.b} against ${chosen.a}`,
           "bars: standard errors", () => frontChart(settings, study, chosen.a, chosen.b), "tall");
}

// How an option's values lie on an axis: numbers (by their logarithms where they span more than a
// decade), or names in the order in which they come.
function scaleOf(settings, name) {
  const texts = [...new Set(settings.map((s) => s.text(name)))].filter((text) => text !== "");
  const numbers = texts.map(Number);
  if (texts.length && numbers.every(Number.isFinite)) {
    const least = Math.min(...numbers), most = Math.max(...numbers), log = least > 0 && most / least >= 10;
    const room = log ? [least / 1.25, most * 1.25] : [least - (most - least) * 0.06, most + (most - least) * 0.06];
    return {log, texts, isNumber: true, min: room[0], max: room[1], place: (s) => s.number(name),
            share: (x) => (most === least ? 0.5 : log ? Math.log(x / least) / Math.log(most / least) : (x - least) / (most - least)),
            ends: [shortNumber(least), shortNumber(most)]};
  }
  return {texts, isNumber: false, place: (s) => (s.text(name) === "" ? NaN : texts.indexOf(s.text(name))),
          share: (x) => (texts.length < 2 ? 0.5 : x / (texts.length - 1)), ends: [texts[0] ?? "", texts[texts.length - 1] ?? ""]};
}

function optionAxis(settings, name) {
  const scale = scaleOf(settings, name);
  if (scale.isNumber) return axis(name, scale.min < scale.max ? scale : {});
  return axis(name, {min: -0.5, max: scale.texts.length - 0.5, names: scale.texts});
}

function searchedChart(settings, study, name, objective) {
  const scale = scaleOf(settings, name);
  const sets = settingSets(settings, (s) => ({
    x: scale.place(s), y: s.mean(objective), yError: s.error(objective), lines: [settingTitle(s, study.searched), withError(s, objective)],
  }));
  return {type: "scatter", data: {datasets: sets}, options: commonOptions(optionAxis(settings, name), objectiveAxis(settings, objective), false)};
}

function drawSearched(settings, study) {
  const parent = document.getElementById("searched-charts");
  if (!parent) return;
  for (const objective of study.objectives) {
    for (const name of study.searched) addChart(parent, `${objective} by ${name}`, "", () => searchedChart(settings, study, name, objective));
  }
}

// From blue to yellow and from dark to bright, so that the colour-blind see it as well (as in cividis).
function ramp(share) {
  const low = currentTheme() === "dark" ? [70, 110, 200] : [0, 60, 130], high = [225, 180, 40];
  return `rgb(${low.map((c, i) => Math.round(c + (high[i] - c) * share)).join(",")})`;
}

function parallelChart(settings, study) {
  const names = [...study.searched, ...study.objectives.map((o) => `${o}.mean`)];
  const scales = names.map((name) => scaleOf(settings, name));
  const colourBy = scales[study.searched.length];
  const label = (name) => name.replace(/\.mean$/, "");
  const sets = settings.map((s) => {
    const bold = kindOf(s).style === "rectRot";
    const colour = colourBy ? ramp(colourBy.share(colourBy.place(s)) || 0) : mark(0).colour;
    return {
      label: settingTitle(s, []), data: scales.map((scale, i) => ({x: i, y: scale.share(scale.place(s)), name: names[i]})).filter((p) => Number.isFinite(p.y)),
      borderColor: bold ? mark(1).colour : colour, backgroundColor: bold ? mark(1).colour : colour, borderWidth: bold ? 4 : 1.3, pointRadius: bold ? 4 : 2, order: bold ? 0 : 1,
      tell: (p) => [settingTitle(s, study.searched), `${label(p.name)} ${s.text(p.name)}`],
    };
  });
  const x = axis("", {min: -0.3, max: names.length - 0.7, names: names.map((name, i) => [label(name), scales[i].ends[0], `to ${scales[i].ends[1]}`])});
  const y = axis("", {min: -0.02, max: 1.02, names: []});
  return {type: "line", data: {datasets: sets}, options: commonOptions(x, y, false)};
}

function drawStudy() {
  const study = page.study;
  if (!study) return;
  const test = document.getElementById("range-test-chart");
  if (test) addRangeTest(test, new Table(study.range_test), "");
  if (study.settings) {
    const settings = settingsOf(new Table(study.settings));
    if (settings.filter((s) => s.chosen).length > 1) settingKinds = armKinds;
    drawFront(settings, study);
    drawSearched(settings, study);
    const parallel = document.getElementById("parallel-chart");
    if (parallel) {
      parallel.className = "wide";
      addChart(parallel, "Options and figures", "each axis from its least to its greatest value, names in the order in which they come", () => parallelChart(settings, study), "tall");
    }
  }
}
