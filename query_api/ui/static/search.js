// What a search may say, and the values there are: hints under the search, and in the menus of the filter.

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

// The menus: their values are looked up when one is opened.

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

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.id === "view" || event.target.querySelector?.("#view")) facets = null;
});
