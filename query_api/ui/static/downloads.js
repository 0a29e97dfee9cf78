// Downloads that show how far they are.

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
