// Keeps what is typed until it is published, and the list of what is missing up to date.
(() => {
  const form = document.getElementById("confirm");
  if (!form) return;
  const KEY = "drafts";
  const MOST = 10;
  const FIELDS = ["title", "owner", "name", "license", "words", "base_model", "tags", "description"];

  const read = () => {
    try {
      const found = JSON.parse(localStorage.getItem(KEY) ?? "[]");
      return Array.isArray(found) ? found : [];
    } catch {
      return [];
    }
  };

  const write = (drafts) => {
    try {
      localStorage.setItem(KEY, JSON.stringify(drafts.slice(0, MOST)));
    } catch {
      // Without storage a reload begins anew.
    }
  };

  const controls = () => FIELDS.map((name) => form.elements[name]).filter(Boolean);

  const restore = () => {
    const draft = read().find((one) => one.id === form.dataset.draft);
    let changed = false;
    for (const control of draft ? controls() : []) {
      const kept = draft.values?.[control.name];
      if (typeof kept !== "string" || kept === control.value) continue;
      if (control.type === "hidden") continue;
      control.value = kept;
      changed = true;
    }
    const box = form.elements.private;
    if (draft && box && typeof draft.values?.private === "boolean" && draft.values.private !== box.checked) {
      box.checked = draft.values.private;
      changed = true;
    }
    if (changed) document.getElementById("kept").hidden = false;
  };

  const keep = () => {
    const values = Object.fromEntries(controls().map((control) => [control.name, control.value]));
    if (form.elements.private) values.private = form.elements.private.checked;
    const others = read().filter((one) => one.id !== form.dataset.draft);
    write([{ id: form.dataset.draft, values }, ...others]);
  };

  const isThere = (control) =>
    control.type === "file" ? control.files.length > 0 || "there" in control.dataset : control.value.trim() !== "";

  const look = () => {
    for (const need of document.querySelectorAll("[data-need]")) {
      const control = form.elements[need.dataset.need];
      if (control) need.classList.toggle("there", isThere(control));
    }
  };

  form.addEventListener("input", () => {
    keep();
    look();
  });
  form.addEventListener("submit", (event) => {
    if (event.submitter?.value === "discard") {
      write(read().filter((one) => one.id !== form.dataset.draft));
    } else {
      keep();
    }
  });
  restore();
  look();
})();
