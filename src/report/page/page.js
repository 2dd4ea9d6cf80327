// What all pages have: the theme's switch, tables that sort, digits on demand, downloads.

function currentTheme() {
  return document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
}
function setUpTheme() {
  const button = document.getElementById("theme");
  const wanted = /[#&]theme=(dark|light)/.exec(location.hash);
  if (wanted) document.documentElement.dataset.theme = wanted[1];
  const name = () => { button.textContent = currentTheme() === "dark" ? "Light" : "Dark"; };
  const repaint = () => { name(); colourRuns(); redraw(); };
  name();
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = currentTheme() === "dark" ? "light" : "dark";
    repaint();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
}

// Numbers in tables are rounded for the eye; all of their digits on hover, or of all at once by a button.
function setUpDigits() {
  const button = document.getElementById("digits"), figures = [...document.querySelectorAll("data")];
  const rounded = figures.map((figure) => figure.textContent);
  for (const figure of figures) figure.title = figure.value;
  button.addEventListener("click", () => {
    const all = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", all);
    figures.forEach((figure, i) => { figure.textContent = all ? figure.value : rounded[i]; });
  });
  document.getElementById("switches").hidden = false;
}

// A cell's number, or its text.
function sortKey(cell) {
  const data = cell.querySelector("data");
  const text = data ? data.value : cell.textContent;
  return text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}
function compareKeys(a, b) {
  if (a === "" || b === "") return (a === "") - (b === "");
  return typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1;
}
function sortTable(table, column, header) {
  const descending = header.getAttribute("aria-sort") === "ascending";
  for (const other of table.querySelectorAll("th")) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", descending ? "descending" : "ascending");
  const body = table.tBodies[0], rows = [...body.rows];
  const fixed = rows.filter((row) => row.className === "mean");  // stay at the end
  const moving = rows.filter((row) => row.className !== "mean");
  moving.sort((a, b) => compareKeys(sortKey(a.cells[column]), sortKey(b.cells[column])) * (descending ? -1 : 1));
  body.append(...moving, ...fixed);
}
function setUpSorting() {
  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((header, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      button.addEventListener("click", () => sortTable(table, column, header));
      header.append(button);
    });
  }
}

// The rows in this page as CSV files.
function setUpDownloads() {
  const parent = document.getElementById("downloads");
  const add = (name, table) => {
    const link = document.createElement("a");
    link.href = "#";
    link.download = name;
    link.textContent = name;
    link.addEventListener("click", () => { link.href = URL.createObjectURL(new Blob([table.csv], {type: "text/csv"})); });
    parent.append(link, " ");
  };
  for (const run of page.runs || []) {
    if (page.runs.length > 3) break;
    for (const table of run.tables) add(page.runs.length > 1 ? `${run.name}-${table.file}`.replaceAll("/", "-") : table.file, table);
  }
  for (const name of ["settings", "trials"]) if (page.study?.[name]) add(page.study[name].file, page.study[name]);
  if (parent.children.length) parent.prepend("Rows in this page: ");
}

setUpTheme();
setUpDigits();
setUpSorting();
drawCurves();
drawStudy();
drawModel();
setUpDownloads();
document.documentElement.dataset.ready = "yes";
