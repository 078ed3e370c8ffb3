"use strict";
const dark = window.matchMedia("(prefers-color-scheme: dark)");

function theme() {
  const style = getComputedStyle(document.documentElement);
  const ink = style.getPropertyValue("--ink").trim(), line = style.getPropertyValue("--line").trim();
  const text = { labelColor: ink, titleColor: ink };
  return {
    background: null,
    font: "system-ui, sans-serif",
    view: { stroke: line },
    axis: { ...text, gridColor: line, domainColor: line, tickColor: line, labelFontSize: 12, titleFontSize: 12, titleFontWeight: 500 },
    legend: { ...text, labelFontSize: 12 },
    header: { labelColor: ink },
  };
}

function findTrial(number) {
  const row = document.getElementById(`trial-${number}`);
  if (!row) return;
  document.querySelectorAll("tr.found").forEach((other) => other.classList.remove("found"));
  row.classList.add("found");
  row.scrollIntoView({ block: "center" });
  row.focus({ preventScroll: true });
}

// On a phone, legends have two columns instead of three, and curves stand below each other.
function fitted(text, width) {
  return JSON.parse(text, function (key, value) {
    return key === "columns" && width < 480 ? (this.orient ? 2 : 1) : value;
  });
}

async function draw(script) {
  const place = document.getElementById(script.dataset.for);
  const options = { actions: false, renderer: "svg", config: theme(), tooltip: { theme: dark.matches ? "dark" : "light" } };
  const result = await vegaEmbed(place, fitted(script.textContent, place.clientWidth), options);
  result.view.addEventListener("click", (event, item) => {
    if (item && item.datum && item.datum.trial !== undefined) findTrial(item.datum.trial);
  });
}

// The chart of the front is drawn at once, the others when they come near the view: charts that
// nobody looks at would keep a browser busy for longer than all else. Those of closed parts are
// nowhere until they are opened.
const front = document.querySelector('script.spec[data-for="chart-front"]');
const waiting = new Map(), drawn = new Set(front ? [front] : []);
const nearby = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) drawWaiting(entry.target);
}, { rootMargin: "300px" });

function drawWaiting(place) {
  const script = waiting.get(place);
  nearby.unobserve(place);
  waiting.delete(place);
  drawn.add(script);
  draw(script);
}

function sortBy(heading) {
  const table = heading.closest("table"), body = table.tBodies[0];
  const column = heading.cellIndex, descending = heading.getAttribute("aria-sort") === "ascending";
  const key = (row) => {
    const cell = row.cells[column], number = cell.dataset.sort;
    return number === undefined ? cell.textContent : Number(number);
  };
  const rows = [...body.rows].map((row) => [key(row), row]);
  const empty = (value) => value === "" || value === "-" || Number.isNaN(value);
  rows.sort(([a], [b]) => {
    if (empty(a) || empty(b)) return empty(a) - empty(b);  // what is unknown comes last
    const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true });
    return descending ? -order : order;
  });
  body.append(...rows.map(([, row]) => row));
  table.querySelectorAll("th[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
  heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
}

document.querySelectorAll("table.sortable th").forEach((heading) => {
  heading.querySelector("button").addEventListener("click", () => sortBy(heading));
});
dark.addEventListener("change", () => drawn.forEach(draw));
window.addEventListener("beforeprint", () => {
  for (const place of [...waiting.keys()]) if (!place.closest("details:not([open])")) drawWaiting(place);
});
if (front) draw(front);
for (const script of document.querySelectorAll("script.spec")) {
  if (script === front) continue;
  const place = document.getElementById(script.dataset.for);
  waiting.set(place, script);
  nearby.observe(place);
}
