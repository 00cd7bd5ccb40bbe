// "/" puts the cursor into the search for a deposit, from anywhere but a field.
"use strict";
// On a phone the filters are folded away, unless one of them is in use.
if (matchMedia("(max-width: 40rem)").matches) {
  document.querySelector(".ps-fold:not([data-keep-open])")?.removeAttribute("open");
}
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) return;
  const field = document.getElementById("find");
  if (!field) return;
  event.preventDefault();
  field.focus();
  field.select();
});
