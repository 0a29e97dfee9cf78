// Lists that follow what happens: live rows, hints in the search, values in the menus, downloads that show how far.
// --- live rows -------------------------------------------------------------------------------------------------

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
  stream.addEventListener("error", () => say(liveButton(), stream.readyState === EventSource.CLOSED ? "away" : "connecting"));
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

// --- hints -----------------------------------------------------------------------------------------------------

const KEYS_OF_SEARCH = [
  ["session:", "id of a session"], ["user:", "id of a user"], ["status:", "error or ok"], ["model:", "requested or answered"],
  ["tag:", "a tag"], ["service:", "name of a service"], ["env:", "environment"], ["tool:", "a tool it called"],
  ["agent:", "an agent"], ["release:", "a release"], ["prompt:", "a prompt's name"], ["name:", "name of a trace"],
  ["cost:", ">0.50, 0.1..2"], ["tokens:", ">10000, 1000..5000"], ["turns:", ">=3"], ["traces:", ">10"], ["spans:", ">100"],
  ["errors:", ">0"], ["duration:", ">5m"], ["since:", "24h, 2026-01-31"], ["until:", "1h"], ["meta.", "plan:pro"],
  ["score.", "helpful:>=0.8"],
];
const FACETS = {
  model: "models", tag: "tags", service: "services", env: "environments", environment: "environments", tool: "tools",
  agent: "agents", release: "releases", prompt: "prompts", status: "statuses",
};

let facets = null;

function readFacets() {
  facets ??= fetch(facetsAddress()).then((answer) => (answer.ok ? answer.json() : {}), () => ({}));
  return facets;
}

function facetsAddress() {
  const address = new URL("/api/facets", location.href);
  const now = new URL(location.href).searchParams;
  for (const name of ["project", "from", "to"]) if (now.has(name) && now.get(name) !== "all") address.searchParams.set(name, now.get(name));
  if (!now.has("from")) address.searchParams.set("from", "7d");
  return address;
}

// The term that the caret stands in.
function termAt(input) {
  const upTo = input.value.slice(0, input.selectionStart);
  const start = Math.max(upTo.lastIndexOf(" "), -1) + 1;
  return { start, text: upTo.slice(start) };
}

async function hintsFor(text) {
  const bare = text.replace(/^-/, "");
  const [key, value] = bare.includes(":") ? bare.split(/:(.*)/s) : [bare, null];
  if (value === null) return KEYS_OF_SEARCH.filter(([name]) => name.startsWith(bare)).map(([name, about]) => ({ insert: name, about }));
  const facet = FACETS[key];
  if (!facet) {
    const known = KEYS_OF_SEARCH.find(([name]) => name === `${key}:`);
    return known && value === "" ? [{ insert: null, about: known[1], name: `${key}:` }] : [];
  }
  const found = (await readFacets())[facet] ?? [];
  return found.filter((each) => each.value.toLowerCase().includes(value.toLowerCase())).slice(0, 12)
    .map((each) => ({ insert: `${key}:${quoted(each.value)} `, name: each.value, about: `${each.sessions.toLocaleString("en-US")} sessions` }));
}

const quoted = (value) => (/[\s"]/.test(value) ? `"${value.replace(/["\\]/g, "\\$&")}"` : value);

async function hint(input) {
  const { text } = termAt(input);
  const found = await hintsFor(text);
  if (document.activeElement !== input || termAt(input).text !== text) return;
  const list = document.getElementById("hints");
  list.replaceChildren(...found.map(hintRow));
  list.hidden = found.length === 0;
  input.setAttribute("aria-expanded", String(found.length > 0));
  input.removeAttribute("aria-activedescendant");
}

function hintRow({ insert, name, about }, number) {
  const row = document.createElement("div");
  row.className = "hint";
  row.id = `hint-${number}`;
  row.setAttribute("role", "option");
  row.setAttribute("aria-selected", "false");
  if (insert !== null) row.dataset.insert = insert;
  const code = document.createElement("code");
  code.textContent = name ?? insert;
  const note = document.createElement("span");
  note.className = "muted";
  note.textContent = about;
  row.append(code, note);
  return row;
}

function take(input, row) {
  if (row.dataset.insert === undefined) return;
  const { start, text } = termAt(input);
  const sign = text.startsWith("-") ? "-" : "";
  const end = start + text.length;
  input.setRangeText(sign + row.dataset.insert, start, end, "end");
  input.focus();
  hint(input);
}

function closeHints(input) {
  document.getElementById("hints").hidden = true;
  input.setAttribute("aria-expanded", "false");
}

document.addEventListener("focusin", (event) => event.target.matches?.("[data-search]") && hint(event.target));
document.addEventListener("input", (event) => event.target.matches?.("[data-search]") && hint(event.target));
document.addEventListener("focusout", (event) => event.target.matches?.("[data-search]") && closeHints(event.target));
document.addEventListener("mousedown", (event) => {
  const row = event.target.closest?.(".hint");
  if (!row) return;
  event.preventDefault(); // the search keeps the focus
  take(document.querySelector("[data-search]"), row);
});
document.addEventListener("keydown", (event) => {
  if (!event.target.matches?.("[data-search]")) return;
  const options = [...document.querySelectorAll("#hints:not([hidden]) .hint[data-insert]")];
  const at = options.findIndex((row) => row.getAttribute("aria-selected") === "true");
  if (["ArrowDown", "ArrowUp"].includes(event.key) && options.length > 0) {
    event.preventDefault();
    const next = options.at(event.key === "ArrowDown" ? (at + 1) % options.length : at <= 0 ? -1 : at - 1);
    for (const row of options) row.setAttribute("aria-selected", String(row === next));
    event.target.setAttribute("aria-activedescendant", next.id);
    next.scrollIntoView({ block: "nearest" });
  } else if ((event.key === "Enter" && at >= 0) || (event.key === "Tab" && at >= 0)) {
    event.preventDefault();
    take(event.target, options[at]);
  }
});

// --- menus: the values there are, looked up when one is opened -----------------------------------------------------

document.addEventListener("toggle", async (event) => {
  const menu = event.target;
  if (!menu.open || !menu.dataset?.facet) return;
  menu.querySelector("input[name]")?.focus();
  const found = (await readFacets())[menu.dataset.facet] ?? [];
  const place = menu.querySelector(".facet");
  if (!place || place.childElementCount > 0) return;
  place.append(...found.slice(0, 30).map((each) => facetLink(menu.dataset.name, each)));
  htmx.process(place);
}, true);

function facetLink(name, { value, sessions }) {
  const address = new URL(location.href);
  address.searchParams.delete("cursor");
  address.searchParams.set(name, value);
  const link = document.createElement("a");
  link.href = address.pathname + address.search;
  const text = document.createElement("bdi");
  text.textContent = value;
  const count = document.createElement("span");
  count.className = "muted num";
  count.textContent = sessions.toLocaleString("en-US");
  link.append(text, count);
  return link;
}

// --- downloads -------------------------------------------------------------------------------------------------

const MOST_BYTES_HELD = 256 << 20; // beyond it the browser's own download does better

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-download]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  link.closest("details").open = false;
  download(link);
});

async function download(link) {
  const stop = new AbortController();
  const shown = progressOf(link.download, () => stop.abort());
  try {
    const answer = await fetch(link.href, { signal: stop.signal });
    if (!answer.ok) throw new Error((await answer.json()).detail);
    const chunks = await readAll(answer, link, shown);
    if (chunks === null) return natively(link);
    save(new Blob(chunks, { type: answer.headers.get("content-type") }), link.download);
    shown.say("saved");
    setTimeout(() => shown.end(), 1500);
  } catch (error) {
    if (stop.signal.aborted) shown.end();
    else shown.say(error.message, true);
  }
}

async function readAll(answer, link, shown) {
  const total = /\.(csv|jsonl)$/.test(link.download) ? Number(link.dataset.total) || 0 : 0;
  const chunks = [];
  let bytes = 0, rows = link.download.endsWith(".csv") ? -1 : 0;
  for (const reader = answer.body.getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) return chunks;
    chunks.push(value);
    bytes += value.length;
    for (const byte of value) if (byte === 10) rows++;
    if (bytes > MOST_BYTES_HELD) { await reader.cancel(); shown.end(); return null; }
    shown.tell(bytes, total ? Math.min(1, Math.max(0, rows) / total) : null);
  }
}

function progressOf(name, stop) {
  const box = document.createElement("div");
  box.className = "downloading";
  box.setAttribute("role", "status");
  const text = document.createElement("span");
  text.textContent = name;
  const bar = document.createElement("progress");
  bar.setAttribute("aria-label", `Download of ${name}`);
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Cancel";
  button.addEventListener("click", () => { stop(); box.remove(); });
  box.append(text, bar, button);
  document.body.append(box);
  return {
    tell(bytes, part) {
      text.textContent = `${name} · ${(bytes / 1e6).toFixed(1)} MB`;
      if (part !== null) bar.value = part;
    },
    say(message, failed = false) {
      text.textContent = `${name}: ${message}`;
      text.classList.toggle("bad", failed);
      bar.remove();
      button.textContent = "Close";
    },
    end: () => box.remove(),
  };
}

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function natively(link) {
  const again = document.createElement("a");
  again.href = link.href;
  again.download = link.download;
  again.click();
}

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.id === "view" || event.target.querySelector?.("#view")) { facets = null; listen(); }
});
listen();
