// The page of one session: keys, tall texts, and what the charts say under the pointer.
"use strict";

// `[` and `]` are links of this page, digits its views.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) return;
  const tab = /^[1-9]$/.test(event.key) ? document.querySelectorAll(".tabs a")[event.key - 1] : null;
  const link = tab ?? [...document.querySelectorAll("[data-key]")].find((each) => each.dataset.key === event.key);
  link?.click();
});

// Long texts are cut by height, and unfolded by a button.
const TALL = 480;

function foldTall(root) {
  for (const words of root.querySelectorAll("[data-tall]")) {
    words.removeAttribute("data-tall");
    if (words.scrollHeight <= TALL) continue;
    words.classList.add("tall");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "unfold";
    button.textContent = "Show all";
    button.setAttribute("aria-expanded", "false");
    button.addEventListener("click", () => {
      const folded = words.classList.toggle("tall");
      button.textContent = folded ? "Show all" : "Show less";
      button.setAttribute("aria-expanded", String(!folded));
    });
    words.after(button);
  }
}

// The charts: what it had come to by the trace under the pointer; a click goes there.
function follow(figure) {
  const svg = figure.querySelector("svg");
  const output = figure.querySelector("output");
  const points = [...figure.querySelectorAll("li")];
  const total = output.textContent;
  const under = (event) => {
    const box = svg.getBoundingClientRect();
    return points[Math.min(points.length - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * points.length)))];
  };
  svg.addEventListener("pointermove", (event) => {
    const point = under(event);
    output.textContent = `${point.dataset.v} after ${point.dataset.n}`;
  });
  svg.addEventListener("pointerleave", () => { output.textContent = total; });
  svg.addEventListener("click", (event) => {
    const number = under(event).dataset.n;
    const card = document.getElementById(`trace-${number}`);
    if (card) return card.scrollIntoView();
    const address = new URL(location.href);
    for (const name of ["find", "cursor", "view"]) address.searchParams.delete(name);
    address.searchParams.set("start", number);
    address.hash = `trace-${number}`;
    location.assign(address);
  });
}

// The axis is drawn by the server, which on the first visit does not know the viewer's zone.
const clock = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium" });

function localAxis(root) {
  for (const text of root.querySelectorAll("text[data-at]")) {
    const local = clock.format(new Date(text.dataset.at));
    text.textContent = text.previousElementSibling ? local.slice(11) : local;
  }
}

function settle(root) {
  foldTall(root);
  localAxis(root);
}

document.addEventListener("htmx:load", (event) => settle(event.detail.elt.parentElement ?? document));
settle(document);
for (const figure of document.querySelectorAll("[data-growth]")) follow(figure);
