// Rows that follow what happens, until somebody pauses them.

const REFRESH_MS = 2000;
const SUMS_MS = 15_000;
const SUMS_SHARE = 30; // where adding up takes long, it is done less often

let stream = null;
let due = null;
let refreshedAt = 0;
let summedAt = Date.now();
let summingMs = 0;

const liveButton = () => document.querySelector("[data-live]");
const paused = () => localStorage.getItem("live") === "paused";

function listen() {
  stream?.close();
  stream = null;
  const button = liveButton();
  if (!button) return;
  button.setAttribute("aria-pressed", String(!paused()));
  say(button, paused() ? "paused" : "connecting");
  if (paused() || document.hidden) return;
  stream = new EventSource(button.dataset.live);
  stream.addEventListener("open", () => say(liveButton(), "live"));
  stream.addEventListener("error", ({ target }) => {
    if (target === stream) say(liveButton(), target.readyState === EventSource.CLOSED ? "away" : "connecting");
  });
  for (const kind of ["session", "gone", "reset"]) stream.addEventListener(kind, changed);
}

function say(button, text) {
  if (!button) return;
  button.classList.toggle("on", text === "live");
  button.querySelector("[data-live-text]").textContent = text;
  button.title = text === "paused" ? "Follow what happens" : "Pause";
}

function changed() {
  due ??= setTimeout(refresh, Math.max(200, refreshedAt + REFRESH_MS - Date.now()));
}

// The same address again; only rows that differ are put in place of the old ones.
async function refresh() {
  due = null;
  refreshedAt = Date.now();
  const body = document.querySelector("[data-rows]");
  if (!body) return location.reload(); // the first session of all
  if (busy()) return changed();
  const answer = await fetch(location.href, { headers: { accept: "text/html" } }).catch(() => null);
  if (!answer?.ok || document.querySelector("[data-rows]") !== body || paused()) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const rows = fresh.querySelector("[data-rows]");
  if (rows) merge(body, rows);
  const pager = fresh.querySelector(".pager");
  if (pager) document.querySelector(".pager")?.replaceWith(pager);
  htmx.process(document.querySelector(".foot"));
  if (Date.now() - summedAt > Math.max(SUMS_MS, SUMS_SHARE * summingMs)) {
    summedAt = Date.now();
    htmx.trigger(document.body, "changed");
  }
}

const busy = () => String(getSelection()) !== "" || document.querySelector("details[data-menu][open], dialog[open]");

function merge(body, rows) {
  const known = new Map([...body.children].map((row) => [row.dataset.id, row]));
  const focused = document.activeElement?.closest("tr")?.dataset.id;
  const next = [...rows.children].map((row) => {
    const old = known.get(row.dataset.id);
    if (old && told(old) === told(row)) return old;
    if (old?.classList.contains("here")) row.classList.add("here");
    row.classList.add("fresh");
    return document.importNode(row, true);
  });
  body.replaceChildren(...next);
  reveal(body);
  if (focused !== undefined)
    next.find((row) => row.dataset.id === focused)?.querySelector("a")?.focus({ preventScroll: true });
}

// What a row says, but for how long ago.
function told(row) {
  const parts = [];
  for (const cell of row.cells) {
    const time = cell.querySelector("time");
    parts.push(time ? time.dateTime : cell.textContent);
  }
  return parts.join("\u0000");
}

for (const moment of ["htmx:beforeRequest", "htmx:afterRequest"])
  document.addEventListener(moment, (event) => {
    if (event.target.id !== "sums") return;
    if (moment === "htmx:beforeRequest") event.target.dataset.since = String(Date.now());
    else summingMs = Date.now() - Number(event.target.dataset.since);
  });

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-live]")) return;
  localStorage.setItem("live", paused() ? "on" : "paused");
  listen();
  if (!paused()) changed();
});
// A browser opens six connections to one server: tabs that nobody looks at must not hold them.
document.addEventListener("visibilitychange", () => {
  listen();
  if (!document.hidden && !paused() && liveButton()) changed();
});

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.id === "view" || event.target.querySelector?.("#view")) listen();
});
listen();
