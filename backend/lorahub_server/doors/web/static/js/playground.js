// Sliders beside their number fields, and prompts that fill the form. The page works without.
(() => {
  for (const slider of document.querySelectorAll("[data-slider]")) {
    const field = document.getElementById(slider.dataset.slider);
    if (!field) continue;
    slider.value = field.value;
    slider.addEventListener("input", () => {
      field.value = slider.value;
    });
    field.addEventListener("input", () => {
      slider.value = field.value;
    });
  }

  document.addEventListener("click", (event) => {
    const hint = event.target.closest("[data-prompt]");
    const field = document.getElementById("f-prompt");
    if (!hint || !field || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    field.value = hint.dataset.prompt;
    field.focus();
  });
})();
