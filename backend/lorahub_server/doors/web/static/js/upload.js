// Files and folders on their way in: read at once, sent in pieces, grouped, remembered.
(() => {
  const form = document.getElementById("upload");
  if (!form) return;
  const $ = (id) => document.getElementById(id);
  const drop = $("drop");
  const list = $("rows");
  const hub = sending(form.dataset.csrf);
  const to = form.querySelector("input[name=to]")?.value ?? "";
  const MOST_BYTES = Number(form.dataset.most);
  const MOST_FILES = Number(form.dataset.files);
  const KEY = `uploads:${form.dataset.account}:${to}`;
  // What systems and tools leave in folders.
  const JUNK = /(^|\/)(\.[^/]*|__pycache__|Thumbs\.db|desktop\.ini)(\/|$)/i;
  const rows = [];
  // Files of this visit go on by themselves when all is well; those of an earlier one wait.
  let isFresh = false;

  const size = (bytes) => {
    const units = ["B", "kB", "MB", "GB", "TB"];
    let unit = 0;
    while (bytes >= 999.5 && unit < units.length - 1) {
      bytes /= 1000;
      unit += 1;
    }
    return `${bytes.toFixed(unit && bytes < 10 ? 1 : 0)} ${units[unit]}`;
  };
  const many = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

  const el = (tag, className, text = "") => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text) made.textContent = text;
    return made;
  };

  const say = (text) => {
    if ($("sum").textContent !== text) $("sum").textContent = text;
  };

  // What a reload must not lose.
  const remember = () => {
    const kept = rows
      .filter((row) => row.id)
      .map(({ path, bytes, modified, id, adapter }) => ({ path, bytes, modified, id, adapter }));
    try {
      if (kept.length) localStorage.setItem(KEY, JSON.stringify(kept));
      else localStorage.removeItem(KEY);
    } catch {
      // Then a reload begins anew.
    }
  };

  const remembered = () => {
    try {
      const found = JSON.parse(localStorage.getItem(KEY) ?? "[]");
      return Array.isArray(found) ? found.slice(0, MOST_FILES) : [];
    } catch {
      return [];
    }
  };

  // One file and its line in the list. States: reading, waiting, sending, done, failed, stopped.
  class Row {
    constructor({ path, bytes, modified, file = null, id = null, adapter = null }) {
      Object.assign(this, { path, bytes, modified, file, id, adapter });
      this.name = path.slice(path.lastIndexOf("/") + 1);
      this.state = "waiting";
      this.controller = new AbortController();
      this.element = el("li", "sending");
      this.what = el("span", "what");
      this.told = el("span", "told small");
      this.words = el("span", "told small");
      this.line = el("span", "state-line muted small");
      this.bar = el("progress");
      this.bar.max = Math.max(bytes, 1);
      this.bar.value = 0;
      this.bar.setAttribute("aria-label", `Upload of ${path}`);
      this.wrong = el("p", "wrong");
      this.wrong.setAttribute("role", "alert");
      const acts = el("span", "acts");
      this.again = this.button("Try again", "button small", () => this.retry());
      this.again.hidden = true;
      acts.append(this.again, this.button("Remove", "button small plain", () => this.remove()));
      this.element.append(this.what, this.told, this.words, this.line, this.bar, this.wrong, acts);
      this.tell();
    }

    button(label, className, act) {
      const made = el("button", className, label);
      made.type = "button";
      made.append(el("span", "hidden-text", ` ${this.path}`));
      made.addEventListener("click", act);
      return made;
    }

    tell() {
      this.what.replaceChildren(el("span", "", this.path));
      if (!this.adapter) return;
      if (this.adapter.form) this.what.append(el("span", "chip", this.adapter.form));
      this.told.textContent = this.adapter.short;
      const words = this.adapter.words.join(", ");
      this.words.textContent = words ? `Trigger words: ${words}` : "";
    }

    move(sent) {
      this.bar.hidden = false;
      this.bar.value = sent;
      this.line.textContent = `${size(sent)} of ${size(this.bytes)}`;
    }

    work(text) {
      this.bar.hidden = false;
      this.bar.removeAttribute("value");
      this.line.textContent = text;
    }

    finish() {
      this.state = "done";
      this.bar.hidden = true;
      this.line.textContent = `${size(this.bytes)}, verified`;
    }

    wait(offset) {
      this.state = "stopped";
      this.bar.value = offset;
      this.line.textContent = `${size(offset)} of ${size(this.bytes)} are in. Drop the same file again to go on.`;
    }

    fail(text, mayRetry) {
      this.state = "failed";
      this.wrong.textContent = text;
      this.line.textContent = "";
      this.bar.hidden = true;
      this.again.hidden = !mayRetry;
    }

    retry() {
      this.wrong.textContent = "";
      this.again.nextElementSibling.focus();
      this.again.hidden = true;
      this.state = "waiting";
      pump();
    }

    async remove() {
      const at = rows.indexOf(this);
      // Who tidies up says by themselves when to go on.
      isFresh = false;
      this.controller.abort();
      rows.splice(at, 1);
      const next = rows[at] ?? rows[at - 1];
      this.element.remove();
      (next?.element.querySelector(".acts button:last-child") ?? $("files")).focus();
      if (this.id) await hub.cancel(this.id);
      settle();
    }
  }

  // The header first: what can't be published is told before a byte of it is sent.
  const read = async (row) => {
    row.work("Reading the header…");
    try {
      if (row.bytes > MOST_BYTES) {
        throw new hub.Refused(`The file is larger than the ${size(MOST_BYTES)} that this hub takes.`);
      }
      row.adapter ??= await hub.read(row.file, row.path);
      row.tell();
      row.move(0);
    } catch (error) {
      if (error instanceof hub.Refused) row.fail(error.message, false);
      // Without an answer the whole file will tell.
    }
    settle();
  };

  const send = async (row) => {
    row.state = "sending";
    const { signal } = row.controller;
    try {
      const sent = await hub.send(row.file, {
        known: row.id,
        signal,
        onBegun: (id) => {
          row.id = id;
          remember();
        },
        onMoved: (offset) => row.move(offset),
        onTrouble: (text) => (row.line.textContent = text),
        onVerifying: () => row.work("Verifying…"),
      });
      row.id = sent.id;
      if (sent.summary && !row.adapter) {
        const title = row.name.replace(/\.[^.]*$/, "");
        row.adapter = { key: title, title, form: "", short: "", words: [] };
      }
      row.finish();
    } catch (error) {
      if (error instanceof hub.Stopped) return;
      const isRefused = error instanceof hub.Refused;
      if (isRefused) row.id = null;
      row.fail(error.message, !isRefused);
    }
  };

  let pumping = false;
  const pump = async () => {
    if (pumping) return;
    pumping = true;
    for (let row; (row = rows.find((one) => one.state === "waiting" && one.file)); ) {
      await row.reading;
      if (row.state === "waiting" && rows.includes(row)) await send(row);
      settle();
    }
    pumping = false;
    settle();
  };

  const groupsOf = () => {
    const groups = new Map();
    for (const row of rows) {
      if (!row.adapter || row.state === "failed") continue;
      const group = groups.get(row.adapter.key) ?? { title: row.adapter.title, rows: [] };
      group.rows.push(row);
      groups.set(row.adapter.key, group);
    }
    return [...groups.values()];
  };

  let arranged = "";
  const arrange = (groups) => {
    const grouped = new Set(groups.flatMap((group) => group.rows));
    const others = rows.filter((row) => !grouped.has(row));
    const shape = JSON.stringify([
      groups.map((group) => [group.title, group.rows.map((row) => row.path)]),
      others.map((row) => row.path),
    ]);
    if (shape === arranged) return;
    arranged = shape;
    const focused = document.activeElement;
    const isNamed = groups.length > 1 || groups.some((group) => group.rows.length > 1);
    const sections = [...groups, { title: "", rows: others }]
      .filter((group) => group.rows.length)
      .map((group) => {
        const section = el("div", "upload-group stack stack-2");
        if (isNamed && group.title) {
          const name = el("h2", "upload-name", group.title);
          if (group.rows.length > 1) {
            name.append(" ", el("span", "small muted", `in ${group.rows.length} forms`));
          }
          section.append(name);
        }
        const lines = el("ul", "upload-rows");
        lines.append(...group.rows.map((row) => row.element));
        section.append(lines);
        return section;
      });
    list.replaceChildren(...sections);
    if (focused && list.contains(focused)) focused.focus();
  };

  const summary = (groups, done, isBusy) => {
    const failed = rows.filter((row) => row.state === "failed").length;
    const stopped = rows.filter((row) => row.state === "stopped").length;
    if (!rows.length) return "";
    const found =
      groups.length > 1
        ? `A pack of ${groups.length} adapters for one repository. `
        : groups[0]?.rows.length > 1
          ? `One adapter in ${groups[0].rows.length} forms. `
          : "";
    if (isBusy) return `${found}${done.length} of ${many(rows.length, "file")} in.`;
    const rest = [
      failed ? `${many(failed, "file")} can't be published.` : "",
      stopped ? `${many(stopped, "file")} broken off.` : "",
    ];
    if (done.length && !done.some((row) => row.adapter)) {
      rest.push("None of these files is an adapter. Add the .safetensors file that your trainer wrote.");
    }
    return [`${found}${many(done.length, "file")} in.`, ...rest].filter(Boolean).join(" ");
  };

  const go = () => {
    const done = rows.filter((row) => row.state === "done");
    const first = done.find((row) => row.adapter);
    if (!first) return;
    const sent = [first, ...done.filter((row) => row !== first)];
    const address = new URL(`/upload/${first.id}`, location.origin);
    for (const row of sent.slice(1)) address.searchParams.append("also", row.id);
    if (sent.some((row) => row.path !== row.name)) {
      for (const row of sent) address.searchParams.append("at", row.path);
    }
    if (to) address.searchParams.set("to", to);
    location.assign(address);
  };

  const settle = () => {
    remember();
    const groups = groupsOf();
    arrange(groups);
    const done = rows.filter((row) => row.state === "done");
    const isBusy = rows.some((row) => row.state === "waiting" || row.state === "sending");
    $("progress").hidden = !rows.length;
    drop.classList.toggle("small-drop", rows.length > 0);
    say(summary(groups, done, isBusy));
    const isReady = !isBusy && done.some((row) => row.adapter);
    $("go").disabled = !isReady;
    $("go").textContent = done.length < rows.length && isReady ? "Go on without the others" : "Go on";
    if (isFresh && isReady && done.length === rows.length && groups.length === 1) {
      isFresh = false;
      go();
    }
  };

  const add = (found) => {
    const wanted = found.filter(({ path }) => !JUNK.test(path));
    isFresh = true;
    for (const { file, path } of wanted) {
      const { size: bytes, lastModified: modified } = file;
      let row = rows.find((one) => one.path === path);
      const isSame = row && row.bytes === bytes && row.modified === modified;
      if (row && !isSame) {
        row.remove();
        row = null;
      }
      if (row && row.state !== "stopped") continue;
      if (!row && rows.length >= MOST_FILES) {
        say(`At most ${MOST_FILES} files at once; the others were left out.`);
        break;
      }
      if (!row) {
        row = new Row({ path, bytes, modified });
        rows.push(row);
      }
      row.file = file;
      row.state = "waiting";
      row.reading = read(row);
    }
    settle();
    pump();
  };

  // Paths inside the folder, if it is one folder that holds everything.
  const inside = (found) => {
    const tops = new Set(found.map(({ path }) => (path.includes("/") ? path.split("/")[0] : "")));
    const [top] = tops;
    if (tops.size !== 1 || !top) return found;
    return found.map(({ file, path }) => ({ file, path: path.slice(top.length + 1) }));
  };

  const chosen = (input) => {
    const found = [...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
    input.value = "";
    if (found.length) add(inside(found));
  };

  const walk = async (entry, before) => {
    const path = before + entry.name;
    if (entry.isFile) {
      return [{ file: await new Promise((resolve, reject) => entry.file(resolve, reject)), path }];
    }
    const reader = entry.createReader();
    const found = [];
    // A reader gives some entries at a time, and none at the end.
    for (let some; found.length <= MOST_FILES; ) {
      some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (!some.length) break;
      for (const one of some) found.push(...(await walk(one, `${path}/`)));
    }
    return found;
  };

  const dropped = async (transfer) => {
    const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    if (!entries.length) {
      add([...transfer.files].map((file) => ({ file, path: file.name })));
      return;
    }
    const found = (await Promise.all(entries.map((entry) => walk(entry, "")))).flat();
    add(inside(found));
  };

  const restore = async () => {
    const kept = remembered();
    for (const one of kept) {
      if (typeof one?.path !== "string" || typeof one.id !== "string") continue;
      const upload = await hub.standing(one.id).catch(() => null);
      if (!upload || rows.some((row) => row.path === one.path)) continue;
      const row = new Row(one);
      rows.push(row);
      if (upload.state === "done") row.finish();
      else row.wait(upload.offset);
    }
    if (kept.length) settle();
  };

  $("files").required = false;
  $("files").addEventListener("change", () => chosen($("files")));
  $("folder").addEventListener("change", () => chosen($("folder")));
  $("go").addEventListener("click", go);
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const name of ["dragenter", "dragover"]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  drop.addEventListener("dragleave", (event) => {
    if (!drop.contains(event.relatedTarget)) drop.classList.remove("over");
  });
  // A file dropped beside the box must not replace the page: the whole page is the box.
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    dropped(event.dataTransfer);
  });
  restore();
})();
