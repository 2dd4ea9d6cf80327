// Glue between tables and Chart.js: colours of the theme, one look for all charts, drawn when near.

const charts = [];  // {frame, build, chart}: what build() gives is a Chart.js configuration

function themeColour(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }
function seriesColours() { return themeColour("--series").split(",").map((c) => c.trim()); }
const dashes = [[], [6, 3], [2, 2], [8, 3, 2, 3]];

// Colour and dash of the i-th run or series: colours first, then dashes.
function mark(i) {
  const colours = seriesColours();
  return {colour: colours[i % colours.length], dash: dashes[Math.floor(i / colours.length) % dashes.length]};
}

// "#rrggbb" with an opacity.
function pale(colour, opacity) {
  return colour + Math.round(opacity * 255).toString(16).padStart(2, "0");
}

function shortNumber(x) {
  if (x === 0) return "0";
  const size = Math.abs(x);
  return size >= 1e-3 && size < 1e5 ? String(Number(x.toPrecision(4))) : x.toExponential(1);
}

// `at` names the places of the only ticks, `names` what stands there.
function axis(title, options = {}) {
  const log = options.log, soft = themeColour("--soft"), line = themeColour("--line");
  const named = options.names && {
    afterBuildTicks: (scale) => { scale.ticks = options.names.map((name, value) => ({value})); },
  };
  return {
    ...named,
    type: log ? "logarithmic" : "linear",
    title: {display: Boolean(title), text: title, color: soft, font: {size: 11}},
    grid: {color: line, drawBorder: false, tickLength: 4},
    ticks: {
      color: soft, font: {size: 11}, maxRotation: named ? 35 : 0, autoSkipPadding: 14, includeBounds: Boolean(named || log), stepSize: options.stepSize,
      autoSkip: !named,
      callback: (x, i, ticks) => {
        if (named) return shortName(options.names[x]);
        return log && !isRound(x, ticks) ? "" : shortNumber(x);
      },
    },
    min: options.min, max: options.max,
  };
}

function shortName(name) { return typeof name === "string" && name.length > 16 ? `${name.slice(0, 15)}…` : name; }

// Which ticks of a logarithmic axis have their numbers: decades; 2 and 5 as well where there are few.
function isRound(x, ticks) {
  const digit = x / 10 ** Math.floor(Math.log10(x) + 1e-9);
  const isFew = ticks[ticks.length - 1].value / ticks[0].value < 1e3;
  return (isFew ? [1, 2, 5] : [1]).some((round) => Math.abs(digit - round) < 1e-6);
}

// Bars of standard errors and names beside points: points of a data set may have name, and xError and yError, or yLow
// and yHigh, of an interval.
const errorBars = {
  id: "errorBars",
  beforeDatasetsDraw(chart) {
    const {ctx, scales: {x, y}} = chart;
    chart.data.datasets.forEach((set, i) => {
      if (!chart.isDatasetVisible(i) || !set.data.some((p) => p && (p.yError || p.xError || p.yHigh !== undefined))) return;
      ctx.save();
      ctx.strokeStyle = set.errorColour || set.borderColor;
      ctx.beginPath();
      for (const p of set.data) {
        const px = x.getPixelForValue(p.x), py = y.getPixelForValue(p.y);
        if (p.yHigh !== undefined) { ctx.moveTo(px, y.getPixelForValue(p.yLow)); ctx.lineTo(px, y.getPixelForValue(p.yHigh)); }
        if (p.yError) { ctx.moveTo(px, y.getPixelForValue(p.y - p.yError)); ctx.lineTo(px, y.getPixelForValue(p.y + p.yError)); }
        if (p.xError) { ctx.moveTo(x.getPixelForValue(p.x - p.xError), py); ctx.lineTo(x.getPixelForValue(p.x + p.xError), py); }
      }
      ctx.stroke();
      ctx.restore();
    });
  },
  afterDatasetsDraw(chart) {
    const {ctx, chartArea, scales: {x, y}} = chart, taken = [];
    ctx.save();
    ctx.font = `11px ${Chart.defaults.font.family}`;
    ctx.fillStyle = themeColour("--text");
    for (const p of chart.data.datasets.flatMap((set) => set.data)) {
      if (!p?.name) continue;
      const width = ctx.measureText(p.name).width, px = x.getPixelForValue(p.x), py = y.getPixelForValue(p.y);
      const left = px + 9 + width > chartArea.right ? px - 9 - width : px + 9;
      // Above or below the point, where no other name is; nowhere where there is no room.
      const top = [py - 16, py + 6, py - 29, py + 19, py - 42, py + 32].find((t) => t > chartArea.top && taken.every(
        (other) => t + 12 < other.top || t > other.top + 12 || left > other.right + 6 || left + width + 6 < other.left));
      if (top === undefined) continue;
      taken.push({top, left, right: left + width});
      ctx.fillText(p.name, left, top + 10);
    }
    ctx.restore();
  },
};

Chart.defaults.animation = false;
Chart.defaults.maintainAspectRatio = false;
Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
Chart.register(errorBars);

// `legend`: true, false, or "points" where points have shapes.
function commonOptions(x, y, legend) {
  return {
    parsing: false, normalized: true, clip: {left: 8, right: 8, top: 4, bottom: 4},
    interaction: {mode: "nearest", axis: "xy", intersect: false},
    scales: {x, y},
    elements: {point: {hitRadius: 6}},
    plugins: {
      legend: {
        display: Boolean(legend), position: "bottom", align: "start",
        labels: {color: themeColour("--text"), boxWidth: legend === "points" ? 8 : 16, boxHeight: legend === "points" ? 8 : 2, usePointStyle: legend === "points", font: {size: 11}, padding: 8,
                 filter: (item, data) => {
                   const set = data.datasets[item.datasetIndex];
                   item.text = set.legend || item.text;
                   return !set.unnamed;
                 }},
      },
      tooltip: {
        displayColors: false,
        callbacks: {
          title: () => "",
          label: (item) => item.dataset.tell ? item.dataset.tell(item.raw)
                                             : `${item.dataset.label}: ${item.raw.text} at ${shortNumber(item.raw.x)}`,
        },
      },
    },
  };
}

// A figure with a canvas in `parent`; `build` is called when it comes near the window, and again when
// the theme or a control changes. Returns the figure.
function addChart(parent, title, note, build, size = "") {
  const figure = document.createElement("figure");
  const caption = document.createElement("figcaption");
  caption.textContent = title;
  if (note) {
    const small = document.createElement("small");
    small.textContent = note;
    caption.append(small);
  }
  const frame = document.createElement("div");
  frame.className = `canvas ${size}`;
  const canvas = document.createElement("canvas");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", note ? `${title}: ${note}` : title);
  frame.append(canvas);
  figure.append(caption, frame);
  parent.append(figure);
  charts.push({frame, canvas, build, chart: null, near: false});
  watcher.observe(frame);
  return figure;
}

function drawChart(entry) {
  if (entry.chart) entry.chart.destroy();
  entry.chart = new Chart(entry.canvas, entry.build());
  entry.frame.dataset.drawn = "yes";
}

const watcher = new IntersectionObserver((seen) => {
  for (const {target, isIntersecting} of seen) {
    const entry = charts.find((c) => c.frame === target);
    if (!isIntersecting || entry.chart) continue;
    entry.near = true;
    drawChart(entry);
  }
}, {rootMargin: "600px"});

function redraw() { for (const entry of charts) if (entry.near) drawChart(entry); }
