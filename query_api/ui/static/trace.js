// The page of one trace: only the rows that can be seen are there, however many spans it has.
const { total, spans: lists } = JSON.parse(document.getElementById("data").textContent);
const NAMES = ["none", "llm", "tool", "agent", "embedding", "retrieval"];
const ROW = 24;
const AROUND = 12;
const SVG = "http://www.w3.org/2000/svg";

const spans = lists.map(([id, depth, name, kind, start, duration, failed, about, tokens, cost, critical, merged]) => ({
  id, depth, name, kind: NAMES[kind], start, duration, failed: failed === 1, about, tokens, cost, critical, merged: merged === 1,
  folded: false,
}));
spans.forEach((span, index) => { span.parent = spans[index + 1]?.depth > span.depth; span.index = index; });

const tree = document.getElementById("tree");
const trace = document.querySelector(".trace");
let visible = spans;
let selected = spans.find((span) => span.id === document.getElementById("panel").dataset.span) ?? spans[0];

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function shape(name, values) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(values)) made.setAttribute(key, value);
  return made;
}

const percent = (ms) => `${((100 * ms) / (total || 1)).toFixed(3)}%`;
const printable = (text) => text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, (one) => String.fromCharCode(0x2400 + one.charCodeAt(0)));

function took(ms) {
  if (ms < 1000) return ms >= 10 || ms === 0 ? `${ms.toFixed(0)} ms` : `${ms.toFixed(1)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)}m ${String(Math.floor((ms % 60_000) / 1000)).padStart(2, "0")}s`;
}

// --- waterfall ---------------------------------------------------------------------------------------------------

function unfolded() {
  const shown = [];
  let hiddenBelow = Infinity;
  for (const span of spans) {
    if (span.depth > hiddenBelow) continue;
    hiddenBelow = span.folded ? span.depth : Infinity;
    shown.push(span);
  }
  return shown;
}

function rowOf(span, place) {
  const row = element("div", `span${span.failed ? " failed" : ""}${span.merged ? " merged" : ""}`);
  row.id = `span-${span.index}`;
  row.setAttribute("role", "treeitem");
  row.setAttribute("aria-level", span.depth + 1);
  row.setAttribute("aria-posinset", place + 1);
  row.setAttribute("aria-setsize", visible.length);
  row.setAttribute("aria-selected", String(span === selected));
  if (span.parent) row.setAttribute("aria-expanded", String(!span.folded));
  row.style.transform = `translateY(${place * ROW}px)`;
  row.append(labelOf(span), barOf(span), element("span", "num muted", took(span.duration)));
  row.span = span;
  return row;
}

function labelOf(span) {
  const label = element("span", "label");
  label.style.paddingLeft = `${Math.min(span.depth, 24) * 12}px`;
  label.append(element("span", "twist", span.parent ? (span.folded ? "▸" : "▾") : ""));
  label.append(element("span", `dot kind-${span.kind}`));
  label.append(element("bdi", "", printable(span.name) || "span"));
  if (span.failed) label.append(element("span", "bad", " ✖ failed"));
  if (span.about && !span.name.includes(span.about)) label.append(element("span", "about", printable(span.about)));
  label.title = `${span.kind === "none" ? "span" : span.kind} ${span.name}`;
  return label;
}

function barOf(span) {
  const svg = shape("svg", { class: `kind-${span.kind}`, width: "100%", height: 16, "aria-hidden": "true" });
  const wide = `${Math.max((100 * span.duration) / (total || 1), 0.2).toFixed(3)}%`;
  svg.append(shape("rect", { class: `full${span.failed ? " failed-bar" : ""}`, x: percent(span.start), width: wide, y: 3, height: 8, rx: 1 }));
  for (const [from, to] of span.critical)
    svg.append(shape("rect", { class: "critical", x: percent(from), width: percent(Math.max(to - from, total * 0.002)), y: 13, height: 2 }));
  return svg;
}

const floor = element("div");

function draw() {
  const first = Math.max(0, Math.floor(tree.scrollTop / ROW) - AROUND);
  const last = Math.min(visible.length, Math.ceil((tree.scrollTop + tree.clientHeight) / ROW) + AROUND);
  const rows = [];
  for (let place = first; place < last; place++) rows.push(rowOf(visible[place], place));
  tree.style.height = floor.style.height = `${visible.length * ROW}px`;
  tree.replaceChildren(floor, ...rows);
  if (selected) tree.setAttribute("aria-activedescendant", `span-${selected.index}`);
}

function fold(span, folded) {
  if (!span.parent || span.folded === folded) return;
  span.folded = folded;
  visible = unfolded();
  draw();
}

function select(span) {
  if (!span || span === selected) return;
  selected = span;
  show();
  load({ span: span.id, full: null });
}

function show() {
  const place = visible.indexOf(selected);
  const top = place * ROW;
  if (top < tree.scrollTop) tree.scrollTop = top;
  else if (top + ROW > tree.scrollTop + tree.clientHeight) tree.scrollTop = top + ROW - tree.clientHeight;
  draw();
  drawFlame();
}

function parentOf(span) {
  for (let index = span.index - 1; index >= 0; index--) if (spans[index].depth < span.depth) return spans[index];
  return null;
}

const at = (by) => visible[Math.min(visible.length - 1, Math.max(0, visible.indexOf(selected) + by))];
const page = () => Math.max(1, Math.floor(tree.clientHeight / ROW) - 1);
const nextFailed = () => [...spans.slice(selected.index + 1), ...spans.slice(0, selected.index)].find((span) => span.failed);

function reveal(span) {
  for (let above = span && parentOf(span); above; above = parentOf(above)) above.folded = false;
  visible = unfolded();
  select(span);
}

const MOVES = {
  ArrowDown: () => select(at(1)),
  ArrowUp: () => select(at(-1)),
  PageDown: () => select(at(page())),
  PageUp: () => select(at(-page())),
  Home: () => select(visible[0]),
  End: () => select(visible.at(-1)),
  ArrowRight: () => (selected.folded ? fold(selected, false) : selected.parent && select(at(1))),
  ArrowLeft: () => (selected.parent && !selected.folded ? fold(selected, true) : select(parentOf(selected))),
  j: () => select(at(1)),
  k: () => select(at(-1)),
  e: () => reveal(nextFailed()),
  Escape: () => closeIn(null),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]") || !selected) return;
  if (event.target.closest("input, textarea, select, [contenteditable], .panel")) return;
  if (!MOVES[event.key]) return;
  event.preventDefault();
  MOVES[event.key]();
});

tree.addEventListener("click", (event) => {
  const span = event.target.closest(".span")?.span;
  if (!span) return;
  if (event.target.closest(".twist") && span.parent) return fold(span, !span.folded);
  select(span);
});

let drawing = 0;
tree.addEventListener("scroll", () => {
  drawing ||= requestAnimationFrame(() => { drawing = 0; draw(); });
});

// --- what a span says --------------------------------------------------------------------------------------------

let wanted = null;
let asking = false;
let waiting = 0;

function load(changes) {
  const address = new URL(location.href);
  for (const [name, value] of Object.entries(changes))
    if (value === null) address.searchParams.delete(name);
    else address.searchParams.set(name, value);
  history.replaceState(null, "", address);
  address.searchParams.set("part", "panel");
  clearTimeout(waiting);
  // Who walks quickly does not want what he passes.
  waiting = setTimeout(() => { wanted = address; fetchPanels(); }, 60);
}

// One after the other, the last that is wanted: a server that is slow works on what was given up, too.
async function fetchPanels() {
  if (asking) return;
  asking = true;
  while (wanted) {
    const address = wanted;
    wanted = null;
    await fetchPanel(address);
  }
  asking = false;
}

async function fetchPanel(address) {
  const panel = document.getElementById("panel");
  panel.classList.add("waiting");
  try {
    const answer = await fetch(address, { signal: AbortSignal.timeout(30_000), headers: { accept: "text/html" } });
    const text = await answer.text();
    if (wanted) return;
    const found = new DOMParser().parseFromString(text, "text/html").getElementById("panel");
    if (!found) return location.reload();
    panel.replaceWith(found);
    htmx.process(found);
    found.dispatchEvent(new CustomEvent("htmx:load", { bubbles: true, detail: { elt: found } }));
    for (const copy of found.querySelectorAll("[data-copy]")) copy.hidden = false;
  } catch {
    if (!wanted) panel.classList.remove("waiting");
  }
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-panel]");
  if (!link || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const wanted = new URL(link.href).searchParams;
  const changes = Object.fromEntries(["span", "tab", "raw", "full"].map((name) => [name, wanted.get(name)]));
  if (changes.span && changes.span !== selected?.id) {
    selected = spans.find((span) => span.id === changes.span) ?? selected;
    show();
  }
  load(changes);
});

// --- flame graph: the same spans, stacked, closer together -------------------------------------------------------

const canvas = document.getElementById("flame");
const LANE = 20;
const MOST_LANES = 300;
let view = { from: 0, to: total || 1 };

function lanes() {
  const ends = [];
  const path = [];
  for (const span of spans) {
    path.length = span.depth;
    let lane = span.depth === 0 ? 0 : path[span.depth - 1].lane + 1;
    while (ends[lane] > span.start + 0.002) lane++;
    span.lane = lane;
    ends[lane] = span.start + span.duration;
    path[span.depth] = span;
  }
  return Math.min(ends.length, MOST_LANES);
}

const laneCount = lanes();

function drawFlame() {
  if (trace.dataset.view !== "flame") return;
  const wide = canvas.clientWidth;
  const ratio = devicePixelRatio;
  const high = laneCount * LANE;
  canvas.style.height = `${high}px`;
  canvas.width = wide * ratio;
  canvas.height = high * ratio;
  const paint = canvas.getContext("2d");
  paint.scale(ratio, ratio);
  const hues = Object.fromEntries(NAMES.map((kind) => [kind, hueOf(kind)]));
  const [ground, bad, accent] = [resolved("--ground"), resolved("--bad"), resolved("--accent")];
  paint.font = "11px system-ui, sans-serif";
  paint.textBaseline = "middle";
  for (const span of spans) {
    const left = ((span.start - view.from) / (view.to - view.from)) * wide;
    const width = Math.max((span.duration / (view.to - view.from)) * wide, 1);
    if (left > wide || left + width < 0 || span.lane >= MOST_LANES) continue;
    const top = span.lane * LANE;
    paint.fillStyle = hues[span.kind];
    paint.fillRect(left, top, Math.max(width - 1, 1), LANE - 2);
    if (span.failed) outline(paint, bad, left, top, width);
    if (span === selected) outline(paint, accent, left, top, width);
    if (width > 32) written(paint, ground, span, Math.max(left, 0), top, Math.min(left + width, wide));
  }
}

function outline(paint, colour, left, top, width) {
  paint.strokeStyle = colour;
  paint.lineWidth = 2;
  paint.strokeRect(left + 1, top + 1, Math.max(width - 3, 1), LANE - 4);
}

function written(paint, colour, span, left, top, right) {
  paint.save();
  paint.beginPath();
  paint.rect(left, top, right - left - 4, LANE);
  paint.clip();
  paint.fillStyle = colour;
  paint.fillText(`${span.failed ? "✖ " : ""}${printable(span.name)}`, left + 4, top + LANE / 2 - 1);
  paint.restore();
}

// A colour as it is now, light or dark: the canvas does not know of light-dark().
const sample = element("span");
sample.hidden = true;
document.body.append(sample);

function resolved(name) {
  sample.style.color = `var(${name})`;
  return getComputedStyle(sample).color;
}

const hueOf = (kind) => resolved(`--${kind}`);

function under(event) {
  const box = canvas.getBoundingClientRect();
  const lane = Math.floor((event.clientY - box.top) / LANE);
  const ms = view.from + ((event.clientX - box.left) / box.width) * (view.to - view.from);
  const near = (view.to - view.from) / box.width;
  return spans.findLast((span) => span.lane === lane && span.start <= ms && ms <= span.start + Math.max(span.duration, near));
}

function closeIn(span) {
  view = span ? { from: span.start, to: span.start + (span.duration || 1) } : { from: 0, to: total || 1 };
  drawFlame();
}

canvas.addEventListener("click", (event) => {
  const span = under(event);
  if (span) reveal(span);
});
canvas.addEventListener("dblclick", (event) => closeIn(under(event) ?? null));
canvas.addEventListener("pointermove", (event) => {
  const span = under(event);
  canvas.title = span ? `${span.name} · ${took(span.duration)}${span.about ? ` · ${span.about}` : ""}` : "";
});

// --- which of the two --------------------------------------------------------------------------------------------

function turnTo(name) {
  trace.dataset.view = name;
  tree.hidden = document.querySelector(".ruler").hidden = name === "flame";
  document.querySelector(".flame").hidden = name !== "flame";
  for (const tab of document.querySelectorAll("a[data-view]"))
    if (tab.dataset.view === name) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  if (name === "flame") drawFlame();
  else draw();
}

for (const tab of document.querySelectorAll("a[data-view]"))
  tab.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    history.replaceState(null, "", tab.href.includes("span=") || !selected ? tab.href : withSpan(tab.href));
    turnTo(tab.dataset.view);
  });

function withSpan(href) {
  const address = new URL(href);
  address.searchParams.set("span", selected.id);
  return address;
}

new ResizeObserver(() => { draw(); drawFlame(); }).observe(trace);
document.addEventListener("themed", drawFlame);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawFlame);

tree.dataset.live = "";
turnTo(trace.dataset.view);
if (selected) show();
