// Sends chosen or dropped files in pieces, with progress, and goes on where a connection broke.
(() => {
  const form = document.getElementById("upload");
  if (!form) return;
  const drop = document.getElementById("drop");
  const input = document.getElementById("files");
  const list = document.getElementById("progress");
  const API = "/api/hub/v1/uploads";
  const MIB = 1024 * 1024;
  const PATIENCE_S = [1, 2, 4, 8, 15, 30, 30];
  const PICKLES = /\.(ckpt|pt|pth|bin|pkl|pickle)$/i;
  let busy = false;

  class Refused extends Error {}

  const call = (method, address, { body, headers, onProgress } = {}) =>
    new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open(method, address);
      request.setRequestHeader("X-CSRF-Token", form.dataset.csrf);
      for (const [name, value] of Object.entries(headers ?? {})) {
        request.setRequestHeader(name, value);
      }
      if (onProgress) request.upload.onprogress = (event) => onProgress(event.loaded);
      request.onload = () => {
        let answer = null;
        try {
          answer = JSON.parse(request.responseText);
        } catch {
          // Something between here and the hub answered; the status tells enough.
        }
        if (request.status < 300) resolve(answer);
        else if (request.status < 500 && request.status !== 408 && request.status !== 429) {
          const error = new Refused(answer?.error?.message ?? `The hub said ${request.status}.`);
          error.code = answer?.error?.code;
          error.offset = answer?.error?.offset;
          reject(error);
        } else reject(new Error("The hub could not be reached."));
      };
      request.onerror = () => reject(new Error("The connection broke."));
      request.send(body);
    });

  const json = (value) => ({
    body: JSON.stringify(value),
    headers: { "Content-Type": "application/json" },
  });

  const wait = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

  const patiently = async (step, row) => {
    for (const pause of [...PATIENCE_S, null]) {
      try {
        return await step();
      } catch (error) {
        if (error instanceof Refused || pause === null) throw error;
        row.say(`${error.message} Trying again…`);
        await wait(pause);
      }
    }
  };

  const size = (bytes) => {
    const units = ["B", "kB", "MB", "GB", "TB"];
    let unit = 0;
    while (bytes >= 999.5 && unit < units.length - 1) {
      bytes /= 1000;
      unit += 1;
    }
    return `${bytes.toFixed(unit && bytes < 10 ? 1 : 0)} ${units[unit]}`;
  };

  const makeRow = (file) => {
    const row = document.createElement("div");
    row.className = "sending";
    const name = document.createElement("span");
    name.className = "what";
    name.textContent = file.name;
    const state = document.createElement("span");
    state.className = "muted small";
    const bar = document.createElement("progress");
    bar.max = Math.max(file.size, 1);
    bar.value = 0;
    bar.setAttribute("aria-label", `Upload of ${file.name}`);
    row.append(name, state, bar);
    list.append(row);
    return {
      say: (text) => (state.textContent = text),
      move: (sent, text) => {
        bar.value = sent;
        state.textContent = text ?? `${size(sent)} of ${size(file.size)}`;
      },
      work: (text) => {
        bar.removeAttribute("value");
        state.textContent = text;
      },
      fail: (text) => {
        const wrong = document.createElement("p");
        wrong.className = "wrong";
        wrong.setAttribute("role", "alert");
        wrong.textContent = text;
        row.append(wrong);
        state.textContent = "";
        bar.value = 0;
      },
    };
  };

  const memory = (file) => `upload:${file.name}:${file.size}:${file.lastModified}`;

  const begin = async (file) => {
    try {
      const known = localStorage.getItem(memory(file));
      if (known) {
        const upload = await call("GET", `${API}/${known}`);
        if (upload.state === "open") return upload;
      }
    } catch {
      // It has expired, or storage is off: begin anew.
    }
    const upload = await call("POST", API, json({ name: file.name, size: file.size }));
    try {
      localStorage.setItem(memory(file), upload.id);
    } catch {
      // Then a reload begins anew.
    }
    return upload;
  };

  const forget = (file) => {
    try {
      localStorage.removeItem(memory(file));
    } catch {
      // Nothing was kept.
    }
  };

  const send = async (file, row) => {
    const upload = await patiently(() => begin(file), row);
    const piece = Math.max(8 * MIB, Math.ceil(file.size / 2000));
    let offset = upload.offset;
    while (offset < file.size) {
      offset = await patiently(async () => {
        try {
          const answer = await call("PATCH", `${API}/${upload.id}`, {
            body: file.slice(offset, offset + piece),
            headers: {
              "Upload-Offset": String(offset),
              "Content-Type": "application/octet-stream",
            },
            onProgress: (sent) => row.move(Math.min(offset + sent, file.size)),
          });
          return answer.offset;
        } catch (error) {
          // A piece whose answer got lost has arrived all the same.
          if (error.code === "offset_mismatch" && Number.isInteger(error.offset)) {
            return error.offset;
          }
          throw error;
        }
      }, row);
      row.move(offset);
    }
    row.work("Verifying…");
    try {
      const verified = await patiently(() => call("POST", `${API}/${upload.id}/complete`), row);
      row.move(file.size, "Verified");
      return { id: upload.id, summary: verified.summary };
    } finally {
      forget(file);
    }
  };

  const start = async (files) => {
    if (busy || !files.length) return;
    busy = true;
    drop.hidden = true;
    list.hidden = false;
    list.replaceChildren();
    const done = [];
    let failed = false;
    for (const file of files) {
      const row = makeRow(file);
      try {
        if (PICKLES.test(file.name)) {
          throw new Refused(
            "This format can hold programs, so the hub does not take it. Save the adapter as .safetensors.",
          );
        }
        if (file.size > Number(form.dataset.most)) {
          throw new Refused(`The file is larger than the ${size(Number(form.dataset.most))} that this hub takes.`);
        }
        done.push(await send(file, row));
      } catch (error) {
        failed = true;
        row.fail(error.message);
      }
    }
    const first = done.find((one) => one.summary);
    busy = false;
    if (!failed && first) {
      const address = new URL(`/upload/${first.id}`, location.origin);
      for (const one of done) if (one !== first) address.searchParams.append("also", one.id);
      const to = form.querySelector("input[name=to]")?.value;
      if (to) address.searchParams.set("to", to);
      location.assign(address);
      return;
    }
    if (!failed) {
      makeRow({ name: "", size: 0 }).fail(
        "None of these files is an adapter. Send the .safetensors file that your trainer wrote.",
      );
    }
    drop.hidden = false;
    input.value = "";
  };

  input.addEventListener("change", () => start([...input.files]));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    start([...input.files]);
  });
  for (const name of ["dragenter", "dragover"]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  drop.addEventListener("dragleave", (event) => {
    if (!drop.contains(event.relatedTarget)) drop.classList.remove("over");
  });
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    start([...event.dataTransfer.files]);
  });
  // A file dropped beside the box must not replace the page.
  for (const name of ["dragover", "drop"]) {
    document.addEventListener(name, (event) => event.preventDefault());
  }
  addEventListener("beforeunload", (event) => {
    if (busy && !list.querySelector(".wrong")) event.preventDefault();
  });
})();
