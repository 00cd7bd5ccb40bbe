"use strict";
// On a phone the filters are folded away, unless one of them is in use.
if (matchMedia("(max-width: 40rem)").matches) {
  document.querySelector(".ps-fold:not([data-keep-open])")?.removeAttribute("open");
}
// The theme hides the page until it is ready, too late for the browser's own autofocus.
document.addEventListener("alpine:initialized", () => {
  requestAnimationFrame(() => document.querySelector("[autofocus]")?.focus());
});
// "/" puts the cursor into the search for a deposit, from anywhere but a field.
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) return;
  const field = document.getElementById("find");
  if (!field) return;
  event.preventDefault();
  field.focus();
  field.select();
});
