// What every page can do: menus, keys, copying, themes, and parts of a page that change without the rest.
const page = document.documentElement;

function remember(name, value) {
  document.cookie = `${name}=${value}; path=/; max-age=31536000; samesite=strict`;
}

// Times: the server writes them in the zone that we told it; on the first visit it does not know.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
if (zone !== page.dataset.zone) remember("zone", zone);

const clock = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium" });

function localTimes(root) {
  if (zone === page.dataset.zone) return;
  for (const time of root.querySelectorAll("time[data-form]")) {
    const local = clock.format(new Date(time.dateTime));
    const universal = time.title.split(" · ").pop();
    time.title = `${local} ${zone} · ${universal}`;
    if (time.dataset.form === "clock") time.textContent = local;
  }
}

function ago(time) {
  const seconds = (Date.now() - new Date(time.dateTime).getTime()) / 1000;
  if (seconds < 0 || seconds > 7 * 86400) return time.textContent;
  if (seconds < 5) return "now";
  for (const [unit, size, limit] of [["s", 1, 60], ["min", 60, 60], ["h", 3600, 24]])
    if (seconds < size * limit) return `${Math.floor(seconds / size)} ${unit}`;
  return `${Math.floor(seconds / 86400)} d`;
}

setInterval(() => {
  for (const time of document.querySelectorAll('time[data-form="ago"]')) {
    const text = ago(time);
    if (text !== time.textContent) time.textContent = text;
  }
}, 10_000);

// What only works with a script is hidden until there is one. Other scripts call it for what they add.
function reveal(root) {
  for (const each of root.querySelectorAll("[data-copy], [data-theme-switch], [data-keys], [data-needs-script]"))
    each.hidden = false;
  localTimes(root);
}

document.addEventListener("click", async (event) => {
  const target = event.target.closest("[data-copy], [data-theme-switch], [data-keys]");
  if (target?.dataset.copy !== undefined) {
    await navigator.clipboard.writeText(target.dataset.copy);
    target.classList.add("done");
    setTimeout(() => target.classList.remove("done"), 1200);
  } else if (target?.dataset.themeSwitch !== undefined) switchTheme();
  else if (target?.dataset.keys !== undefined) document.getElementById("keys").showModal();
  for (const menu of document.querySelectorAll("details[data-menu][open]"))
    if (!menu.contains(event.target)) menu.open = false;
});

function switchTheme() {
  const dark = getComputedStyle(page).colorScheme === "dark" ||
    (!page.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  page.dataset.theme = dark ? "light" : "dark";
  remember("theme", page.dataset.theme);
  document.dispatchEvent(new Event("themed"));
}

// Keys. Rows are those of the first table with data-rows; the link of a row is the one to follow.
const rows = () => [...document.querySelectorAll("[data-rows] > tr, [data-rows] > [data-row]")];

function moveTo(row) {
  for (const other of rows()) other.classList.toggle("here", other === row);
  row.querySelector("a")?.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

const KEYS = {
  "/": () => document.querySelector("[data-search]")?.focus(),
  "?": () => document.getElementById("keys").showModal(),
  j: () => step(1),
  k: () => step(-1),
};

function step(by) {
  const all = rows();
  const at = all.findIndex((row) => row.classList.contains("here"));
  const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : at + by];
  if (next) moveTo(next);
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const writing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key === "Escape") {
    for (const menu of document.querySelectorAll("details[data-menu][open]")) menu.open = false;
    if (writing) writing.blur();
    return;
  }
  if (writing || !KEYS[event.key]) return;
  event.preventDefault();
  KEYS[event.key]();
});

// A click anywhere in a row follows its link, unless something else was meant.
document.addEventListener("click", (event) => {
  const row = event.target.closest("[data-rows] > tr");
  if (!row || event.target.closest("a, button, input, summary, label") || String(getSelection()) !== "") return;
  const link = row.querySelector("a[href]");
  if (!link) return;
  if (event.ctrlKey || event.metaKey) window.open(link.href, "_blank", "noopener");
  else link.click();
});

// What changes something says that it comes from this page.
document.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["x-csrf-token"] = document.querySelector('meta[name="csrf-token"]').content;
});

// The server answers mistakes with pages too: they are shown, not swallowed.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status >= 400 && event.detail.serverResponse.includes("<!doctype html>"))
    event.detail.shouldSwap = true;
});
document.addEventListener("htmx:afterSettle", (event) => reveal(event.target.parentElement ?? document));

window.reveal = reveal;
reveal(document);
