// Small charts over the same range of time: hovering shows one moment in all of them, dragging narrows the range.
// As the server writes it: four digits that count below a dollar, cents above.
function money(value) {
  if (value === 0) return "$0";
  if (value >= 1) return "$" + value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const digits = value.toLocaleString("en-US", { maximumSignificantDigits: 4 });
  return "$" + (digits.length < 4 ? value.toFixed(2) : digits);
}

const UNITS = {
  count: (value) => value.toLocaleString("en-US"),
  money,
  tokens: (value) => {
    for (const [unit, size] of [["B", 1e9], ["M", 1e6], ["k", 1e3]])
      if (value >= size * 0.9995) return (value / size).toFixed(1).replace(/\.0$/, "") + unit;
    return value.toLocaleString("en-US");
  },
};

const drawn = new Set();

function color(element, name) {
  return getComputedStyle(element).getPropertyValue(name).trim();
}

// light-dark() is resolved by the browser for a color property, not for a custom one.
function inkOf(box) {
  return getComputedStyle(box).color;
}

function bars(times, step) {
  return uPlot.paths.bars({ size: [0.8, 40, 1], align: 1 });
}

function draw(group) {
  const times = JSON.parse(group.dataset.times);
  const step = Number(group.dataset.step);
  if (times.length < 2) return;
  for (const cell of group.querySelectorAll("[data-chart]")) drawCell(group, cell, times, step);
}

function drawCell(group, cell, times, step) {
  const box = cell.querySelector(".sum-chart, .chart-box");
  const values = JSON.parse(cell.dataset.values);
  const spare = box.firstElementChild;
  const ink = inkOf(spare);
  const tall = box.clientHeight;
  const options = {
    width: box.clientWidth,
    height: tall,
    padding: [2, 0, 2, 0],
    legend: { show: false },
    cursor: {
      y: false,
      points: { show: false },
      drag: { x: true, y: false, setScale: false },
      sync: { key: "time" },
    },
    scales: { x: { time: true, range: () => [times[0], times.at(-1) + step] }, y: { range: (_, __, most) => [0, most || 1] } },
    axes: cell.dataset.axes === undefined ? [{ show: false }, { show: false }] : axesOf(cell),
    series: [{}, { fill: ink, stroke: ink, width: 0, paths: bars(times, step), points: { show: false } }],
    hooks: {
      setCursor: [(plot) => read(cell, plot, times, values, step)],
      setSelect: [(plot) => narrow(plot)],
    },
  };
  spare.remove();
  const plot = new uPlot(options, [times, values], box);
  plot.root.setAttribute("role", "img");
  plot.root.setAttribute("aria-label", spare.getAttribute("aria-label"));
  drawn.add({ plot, box, group });
}

// Time below, what it counts to the left; in the page's own ink.
function axesOf(cell) {
  const ink = () => getComputedStyle(document.querySelector(".muted") ?? cell).color;
  const line = () => getComputedStyle(document.querySelector(".list td, .top") ?? cell).borderBottomColor;
  const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
  return [
    { ...axis, size: 24, grid: { show: false }, values: (_, splits) => splits.map(timeMark) },
    { ...axis, size: 64, values: (_, splits) => splits.map(UNITS[cell.dataset.unit]) },
  ];
}

// The day at midnight, the time otherwise.
function timeMark(seconds) {
  const text = moment.format(new Date(seconds * 1000));
  return text.endsWith("00:00") ? text.slice(5, 10) : text.slice(11);
}

const moment = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "short" });
const day = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short" });

function read(cell, plot, times, values, step) {
  const value = cell.querySelector("[data-whole]");
  const at = plot.cursor.left >= 0 ? indexAt(plot, times) : null;
  if (value.dataset.before === undefined) value.dataset.before = value.innerHTML;
  if (at === null) {
    value.innerHTML = value.dataset.before; // ours, as the server wrote it
    return;
  }
  const note = document.createElement("span");
  note.className = "note";
  note.textContent = (step >= 86400 ? day : moment).format(new Date(times[at] * 1000));
  value.replaceChildren(UNITS[cell.dataset.unit](values[at]), " ", note);
}

// The bar under the pointer: each begins at its time and ends at the next.
function indexAt(plot, times) {
  const time = plot.posToVal(plot.cursor.left, "x");
  const at = times.findLastIndex((start) => start <= time);
  return at < 0 ? 0 : at;
}

function narrow(plot) {
  if (plot.select.width < 3) return;
  const iso = (position) => new Date(plot.posToVal(position, "x") * 1000).toISOString();
  const address = new URL(location.href);
  address.searchParams.set("from", iso(plot.select.left));
  address.searchParams.set("to", iso(plot.select.left + plot.select.width));
  address.searchParams.delete("cursor");
  follow(address);
}

// As if a link of the view had been clicked.
function follow(address) {
  const link = document.createElement("a");
  link.href = address.pathname + address.search;
  link.setAttribute("hx-boost", "true");
  link.setAttribute("hx-target", "#view");
  link.setAttribute("hx-select", "#view");
  link.setAttribute("hx-swap", "outerHTML");
  link.hidden = true;
  document.getElementById("view").append(link);
  htmx.process(link);
  link.click();
}

function drawAll() {
  for (const each of drawn) if (!each.group.isConnected) { each.plot.destroy(); drawn.delete(each); }
  for (const group of document.querySelectorAll("[data-times]"))
    if (!group.dataset.drawn) { group.dataset.drawn = "yes"; draw(group); }
}

new ResizeObserver(() => {
  for (const { plot, box } of drawn)
    if (box.clientWidth && box.clientWidth !== plot.width) plot.setSize({ width: box.clientWidth, height: box.clientHeight });
}).observe(document.body);

document.addEventListener("themed", () => {
  for (const { plot, box } of drawn) {
    const ink = inkOf(box);
    plot.series[1].fill = plot.series[1].stroke = () => ink;
    plot.redraw(false);
  }
});
document.addEventListener("htmx:afterSettle", drawAll);
drawAll();
