// Comforts. Every page works without them.
(() => {
  const root = document.documentElement;

  const say = (text) => {
    const live = document.getElementById("said");
    if (live) live.textContent = text;
  };

  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // On plain http browsers offer no clipboard; selecting a field still works there.
      const field = document.createElement("textarea");
      field.value = text;
      field.setAttribute("readonly", "");
      field.className = "hidden-text";
      document.body.append(field);
      field.select();
      const done = document.execCommand("copy");
      field.remove();
      return done;
    }
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = button.dataset.copy
      ? button.dataset.copy
      : button.closest(".copyable")?.querySelector("pre")?.textContent;
    if (!source) return;
    const done = await copy(source.trim());
    button.focus();
    say(done ? "Copied" : "Copying failed; select the text instead");
    if (!done) return;
    button.classList.add("copied");
    setTimeout(() => button.classList.remove("copied"), 1600);
  });

  const isDark = () =>
    root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;

  for (const button of document.querySelectorAll("[data-theme-toggle]")) {
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      try {
        localStorage.setItem("theme", root.dataset.theme);
      } catch {
        // It holds for this page.
      }
      say(`${root.dataset.theme === "dark" ? "Dark" : "Light"} theme`);
    });
  }

  const closeMenus = (except) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (menu !== except) menu.open = false;
    }
  };
  document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      const open = document.querySelector("details.menu[open]");
      if (open) {
        closeMenus(null);
        open.querySelector("summary")?.focus();
      }
      return;
    }
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (document.querySelector("dialog[open]")) return;
    const act = acts[event.key] ?? (/^[a-z]$/.test(event.key) && keyed(`[data-key="${event.key}"]`));
    if (act && act()) event.preventDefault();
  });

  // What a key does, if the page has it: each act tells whether there was anything to do.
  const keyed = (selector) => () => {
    const found = document.querySelector(selector);
    const target = found?.matches("a, button") ? found : found?.querySelector("a, button");
    target?.click();
    return Boolean(target);
  };

  const acts = {
    "/": () => {
      const box = document.getElementById("search");
      box?.focus();
      box?.select();
      return Boolean(box);
    },
    "?": () => {
      const help = document.getElementById("search-help");
      if (help) help.showModal();
      else location.assign("/search-help");
      return true;
    },
    "[": keyed("a[rel~=prev]"),
    "]": keyed("a[rel~=next]"),
  };

  // A form that was sent is not sent twice by a second click.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    setTimeout(() => {
      for (const button of form.querySelectorAll("button[type=submit]")) button.disabled = true;
    });
  });
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    for (const button of document.querySelectorAll("button:disabled")) button.disabled = false;
  });
})();
