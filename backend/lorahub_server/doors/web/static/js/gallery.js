// The slider between the base alone and the adapter. Without it both stand side by side.
document.addEventListener("input", (event) => {
  const compare = event.target.closest(".compare");
  if (compare) compare.style.setProperty("--split", `${event.target.value}%`);
});
