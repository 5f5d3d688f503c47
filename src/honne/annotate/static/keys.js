"use strict";
// The keys of the annotator's and the adjudicator's pages. They press what is on the page; none fires while one types.
(() => {
const $ = (selector) => document.querySelector(selector);
const keys = $("#keys"), on = $("#keys-on");
if (!keys) return;
const press = (selector) => { const found = $(selector); found?.click(); return Boolean(found); };
const act = (what) => press(`#label-form button[value="${what}"]`) || press(`#undo-form button[value="${what}"]`);
const typing = (target) => target.closest?.("textarea, select, input:not([type=radio], [type=checkbox])");

function choose(by) {
  const all = [...document.querySelectorAll("#label-form input[name=label]")];
  if (!all.length) return false;
  const at = all.findIndex((one) => one.checked);
  const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1)];
  next.focus({ preventScroll: true });
  next.click();
  return true;
}
function open() { keys.showModal(); return true; }
// Whether the guideline is open is each reader's choice, kept in this browser; a new item does not change it.
function keep() { const box = $("#guideline"); if (box) localStorage.setItem("honne-guideline", box.open ? "open" : "closed"); }
function toggle() {
  const box = $("#guideline");
  if (!box) return false;
  box.open = !box.open;
  if (box.open) box.scrollIntoView({ block: "nearest" });
  keep();
  return true;
}
const plain = {
  ArrowUp: () => choose(-1), ArrowDown: () => choose(1),
  ArrowLeft: () => press("a[rel=prev][href]"), ArrowRight: () => press("a[rel=next][href]"),
  Enter: () => act("submit"), Backspace: () => act("undo"),
  b: () => press("#exposed"), g: toggle, n: () => { $("#note")?.focus(); return true; }, "?": open,
};
const once = new Set(["Enter", "Backspace"]);

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.defaultPrevented || keys.open) return;
  const chord = (event.ctrlKey || event.metaKey) && !event.altKey;
  if (chord && event.key.toLowerCase() === "s") { event.preventDefault(); if (!event.repeat) act("draft"); return; }
  if (typing(event.target)) {
    if (event.key === "Escape") event.target.blur();
    if (chord && event.key === "Enter" && !event.repeat) { event.preventDefault(); act("submit"); }
    return;
  }
  if (chord || event.altKey || !on.checked) return;
  if (event.key === "Enter" && event.target.closest?.("a, button, summary, label")) return;
  if (event.repeat && once.has(event.key)) { event.preventDefault(); return; }
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const done = /^[0-9]$/.test(key) ? press(`#label-form input[data-key="${key}"]`) : plain[key]?.();
  if (done) event.preventDefault();
});
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-keys]")) open();
  if (event.target.closest("#guideline > summary")) setTimeout(keep);
});
on.checked = localStorage.getItem("honne-keys") !== "off";
on.addEventListener("change", () => localStorage.setItem("honne-keys", on.checked ? "on" : "off"));
})();
