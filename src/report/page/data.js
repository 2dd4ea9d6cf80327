// The rows behind the charts: CSV texts as the files have them, read where they are drawn.

const page = JSON.parse(document.getElementById("medley-data").textContent);

// The fields of a CSV text, row by row, quotes undone.
function readCsv(text) {
  const rows = [];
  let row = [], field = "", quoted = false;
  for (let i = 0; i < text.length; ++i) {
    const c = text[i];
    if (quoted) {
      if (c !== '"') field += c;
      else if (text[i + 1] === '"') { field += c; ++i; }
      else quoted = false;
    } else if (c === '"') {
      quoted = true;
    } else if (c === ",") {
      row.push(field); field = "";
    } else if (c === "\n") {
      row.push(field); rows.push(row);
      row = []; field = "";
    } else {
      field += c;
    }
  }
  return rows;
}

// A table by columns: names, rows of texts, and for each name the column's place.
class Table {
  constructor(drawn) {
    [this.names, ...this.rows] = readCsv(drawn.csv);
    this.file = drawn.file;
    this.total = drawn.rows;
    this.place = new Map(this.names.map((name, i) => [name, i]));
  }
  has(name) { return this.place.has(name); }
  cell(row, name) { return row[this.place.get(name)]; }

  // Points {x, y, text} of a column; `at(row)` gives x. Rows with an empty cell, or whose x is not
  // known, have none.
  points(name, at, wanted = () => true) {
    const column = this.place.get(name), points = [];
    for (const row of this.rows) {
      const text = row[column];
      if (text === "" || text === undefined || !wanted(row)) continue;
      const x = at(row), y = Number(text);
      if (Number.isFinite(x) && Number.isFinite(y)) points.push({x, y, text});
    }
    return points;
  }
}

// A run's tables by file name, and seconds of training at a step.
class Run {
  constructor(data) {
    this.name = data.name;
    this.steps = data.steps;
    this.tables = new Map(data.tables.map((t) => [t.file, new Table(t)]));
    this.marks = [[0, 0]];
    const timing = this.table("timing.csv");
    for (const row of timing ? timing.rows : []) {
      const step = Number(timing.cell(row, "step")), seconds = Number(timing.cell(row, "seconds"));
      const [lastStep, lastSeconds] = this.marks[this.marks.length - 1];
      if (step > lastStep) this.marks.push([step, lastSeconds + seconds]);
    }
  }
  table(file) { return this.tables.get(file); }
  get isTimed() { return this.marks.length > 1; }

  // Between the ends of epochs in proportion to the steps; beyond the last as in it.
  seconds(step) {
    if (!this.isTimed) return NaN;
    let i = this.marks.findIndex((mark) => mark[0] >= step);
    if (i < 0) i = this.marks.length - 1;
    i = Math.max(i, 1);
    const [a, from] = this.marks[i - 1], [b, to] = this.marks[i];
    return from + (to - from) * (step - a) / (b - a);
  }
}

const runs = (page.runs || []).map((data) => new Run(data));

// "how many of how many rows", where not all are drawn.
function thinnedNote(tables) {
  const thin = tables.filter((t) => t && t.rows.length < t.total);
  if (!thin.length) return "";
  const drawn = thin.reduce((sum, t) => sum + t.rows.length, 0), all = thin.reduce((sum, t) => sum + t.total, 0);
  return `${drawn.toLocaleString("en")} of ${all.toLocaleString("en")} rows are drawn`;
}
