// Bytes to the hub, in pieces: goes on where a connection broke, and stops when it is told to.
window.sending = (token) => {
  const API = "/api/hub/v1/uploads";
  const MIB = 1024 * 1024;
  const PATIENCE_S = [1, 2, 4, 8, 15, 30, 30];
  // What a header may be at most; of a longer one the beginning tells that it is too long.
  const HEADER_MAX = 8 * MIB;
  const HEAD = 4096;

  // The hub said no: asking again changes nothing.
  class Refused extends Error {}
  class Stopped extends Error {}

  const call = (method, address, { body, headers, onProgress, signal } = {}) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(new Stopped());
        return;
      }
      const request = new XMLHttpRequest();
      request.open(method, address);
      request.setRequestHeader("X-CSRF-Token", token);
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
          error.status = request.status;
          error.code = answer?.error?.code;
          error.offset = answer?.error?.offset;
          reject(error);
        } else reject(new Error("The hub could not be reached."));
      };
      request.onerror = () => reject(new Error("The connection broke."));
      request.onabort = () => reject(new Stopped());
      signal?.addEventListener("abort", () => request.abort(), { once: true });
      request.send(body);
    });

  const json = (value) => ({
    body: JSON.stringify(value),
    headers: { "Content-Type": "application/json" },
  });

  const bytes = { "Content-Type": "application/octet-stream" };

  const wait = (seconds, signal) =>
    new Promise((done) => {
      const timer = setTimeout(done, seconds * 1000);
      signal?.addEventListener("abort", () => {
        clearTimeout(timer);
        done();
      });
    });

  const patiently = async (step, { onTrouble, signal }) => {
    for (const pause of [...PATIENCE_S, null]) {
      try {
        return await step();
      } catch (error) {
        if (error instanceof Refused || error instanceof Stopped || pause === null) throw error;
        onTrouble(`${error.message} Trying again…`);
        await wait(pause, signal);
        if (signal?.aborted) throw new Stopped();
      }
    }
  };

  // The beginning of a file as far as its header goes.
  const head = async (file) => {
    const first = new DataView(await file.slice(0, 8).arrayBuffer());
    const length = first.byteLength === 8 ? Number(first.getBigUint64(0, true)) : 0;
    const end = length > HEADER_MAX || length + 8 > file.size ? HEAD : Math.max(8 + length, HEAD);
    return file.slice(0, end);
  };

  // What the hub makes of a file's header; null of what is no adapter. Raises Refused.
  const read = async (file, path) => {
    const address = `/upload/header?${new URLSearchParams({ name: path, size: String(file.size) })}`;
    return (await call("POST", address, { body: await head(file), headers: bytes })).adapter;
  };

  // How an upload stands: {offset, size, state}; null when the hub knows it no more.
  const standing = async (id) => {
    try {
      return await call("GET", `${API}/${id}`);
    } catch (error) {
      if (error instanceof Refused) return null;
      throw error;
    }
  };

  const cancel = (id) => call("DELETE", `${API}/${id}`).catch(() => null);

  // Send a file; `known` is the id of an upload of it that was begun. Returns what is verified.
  const send = async (file, { known, onBegun, onMoved, onTrouble, onVerifying, signal }) => {
    const careful = (step) => patiently(step, { onTrouble, signal });
    let upload = known ? await careful(() => standing(known)) : null;
    if (upload && upload.state === "done") return { id: upload.id, again: true };
    // Never broken off: whoever stops it now needs its answer to drop what was begun.
    upload ??= await careful(() => call("POST", API, json({ name: file.name, size: file.size })));
    if (signal.aborted) {
      await cancel(upload.id);
      throw new Stopped();
    }
    onBegun(upload.id);
    const piece = Math.max(8 * MIB, Math.ceil(file.size / 2000));
    let offset = upload.offset;
    onMoved(offset);
    while (offset < file.size) {
      offset = await careful(async () => {
        try {
          const answer = await call("PATCH", `${API}/${upload.id}`, {
            body: file.slice(offset, offset + piece),
            headers: { ...bytes, "Upload-Offset": String(offset) },
            onProgress: (sent) => onMoved(Math.min(offset + sent, file.size)),
            signal,
          });
          return answer.offset;
        } catch (error) {
          // A piece whose answer got lost has arrived all the same.
          if (error.code === "offset_mismatch" && Number.isInteger(error.offset)) {
            return error.offset;
          }
          throw error;
        }
      });
      onMoved(offset);
    }
    onVerifying();
    const done = await careful(() => call("POST", `${API}/${upload.id}/complete`, { signal }));
    return { id: upload.id, summary: done.summary };
  };

  return { Refused, Stopped, read, standing, cancel, send };
};
