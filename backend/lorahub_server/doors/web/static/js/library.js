// The keys of a wall of adapters. Every page works without them.
(() => {
  const links = () => [...document.querySelectorAll(".card-title a")];
  const here = () => document.activeElement?.closest(".card");
  const help = document.getElementById("search-help");

  const step = (by) => {
    const all = links();
    if (!all.length) return;
    const now = all.indexOf(here()?.querySelector(".card-title a"));
    const next = now < 0 ? 0 : Math.min(Math.max(now + by, 0), all.length - 1);
    all[next].focus();
    all[next].closest(".card").scrollIntoView({ block: "nearest" });
  };

  const acts = {
    j: () => step(1),
    k: () => step(-1),
    c: () => here()?.querySelector("[data-copy]")?.click(),
    d: () => here()?.querySelector("a[download]")?.click(),
  };

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (typing || help?.open || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = acts[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  // The order in use may stand beyond the edge of a phone.
  for (const row of document.querySelectorAll(".sorts")) {
    const on = row.querySelector("[aria-current]");
    if (on) row.scrollLeft = on.offsetLeft - (row.clientWidth - on.offsetWidth) / 2;
  }

  document.addEventListener("click", (event) => {
    if (help && event.target.closest("[data-help]") && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      help.showModal();
    }
    // A click beside the sheet closes it.
    if (event.target === help) help.close();
  });
})();
