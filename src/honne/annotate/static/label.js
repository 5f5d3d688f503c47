"use strict";
// Sends labels, drafts and what undoes them. What was not acknowledged is kept in this browser and sent again with the
// same idempotency key, so a lost connection or a killed server is neither a lost label nor a second one.
(() => {
const $ = (selector) => document.querySelector(selector);
const work = $("#work"), said = $("#said");
if (!work) return;
const shelf = "honne-unsent:" + location.host + ":" + work.dataset.visitor;
const left = "honne-left:" + location.host + ":" + work.dataset.visitor;
const form = () => $("#label-form");
const token = () => JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRF-Token"];
let drafts = 0, since = 0, seconds = 0, active = 0, looked = false, warned = false, touched = false, unheard = false, saving, fading, sending = null;

function say(text, bad = false, ...more) {
  clearTimeout(fading);
  if (!bad) fading = setTimeout(() => said.classList.remove("on"), 5000);
  said.replaceChildren(text, ...more);
  said.className = "said" + (text ? " on" : "") + (bad ? " bad" : "");
}

// ---- one showing of an item: time spent with the page in sight and somebody at it, and whether the text was looked at
function shown() {
  seconds = Number(form()?.elements.seconds.value) || 0;
  since = active = performance.now();
  looked = warned = touched = unheard = false;
  clearTimeout(saving);
  veil();
  if (window.htmx) htmx.process(work);
  const guideline = $("#guideline"), kept = localStorage.getItem("honne-guideline");
  if (guideline && kept) guideline.open = kept === "open";
  else if (guideline) guideline.open = innerWidth >= 1700 || (guideline.open && innerWidth > 980);
  const news = $(".news");
  say(news ? news.textContent : "");
}
function tick() {
  const now = performance.now();
  if (!document.hidden && now - active < 60000) seconds += (now - since) / 1000;
  since = now;
}
setInterval(tick, 1000);
for (const kind of ["keydown", "pointerdown", "pointermove", "scroll", "wheel"])
  addEventListener(kind, () => { active = performance.now(); }, { passive: true, capture: true });
function veil() {
  const box = $("#exposed"), text = $(".veiled");
  if (!box) return;
  text.inert = !box.checked;
  looked ||= box.checked;
}

// ---- sending
function body(what) {
  tick();
  const data = new URLSearchParams(new FormData(form()));
  data.delete("csrf");
  // Drafts of one showing differ from each other, so each is a request of its own; there is one label.
  if (what === "draft") data.set("key", `${data.get("key")}-${++drafts}`);
  data.set("do", what);
  data.set("seconds", seconds.toFixed(1));
  if (looked) data.set("exposed", "1");
  return data.toString();
}
const pause = (ms, signal) => new Promise((go) => {
  const timer = setTimeout(go, ms);
  addEventListener("online", go, { once: true });
  signal.addEventListener("abort", () => { clearTimeout(timer); go(); }, { once: true });
  const again = document.createElement("button");
  again.type = "button"; again.className = "small"; again.textContent = work.dataset.again; again.onclick = go;
  said.append(" ", again);
});
async function once(url, data, signal) {
  const headers = { "X-CSRF-Token": token(), "X-Part": "1", "Content-Type": "application/x-www-form-urlencoded" };
  const limit = AbortSignal.any([signal, AbortSignal.timeout(20000)]);
  const answer = await fetch(url, { method: "POST", body: data, headers, redirect: "manual", signal: limit });
  return { status: answer.type === "opaqueredirect" ? 401 : answer.status, text: await answer.text() };
}
// What the server has not taken as a draft stays in this browser, also when the page is closed, until it has.
function keep(url, data) {
  unheard = true;
  localStorage.setItem(left, JSON.stringify({ url, data }));
}
function forget() {
  unheard = false;
  localStorage.removeItem(left);
}
// Until the server has answered: what it says about this request, whatever happens in between.
async function insist(url, data, signal, draft = false) {
  for (let wait = 1; !signal.aborted; wait = Math.min(wait * 2, 15)) {
    let why = work.dataset.busy;
    const slow = setTimeout(() => { if (!signal.aborted) say(work.dataset.sending, true); }, 3000);
    try {
      const answer = await once(url, data, signal);
      if (answer.status < 500 && answer.status !== 429) return answer;
    } catch (error) { if (error.name !== "TimeoutError") why = work.dataset.lost; }
    finally { clearTimeout(slow); }
    if (signal.aborted) break;
    if (draft) keep(url, data);
    say(why.replace("{n}", wait), true);
    await pause(wait * 1000, signal);
  }
  return null;
}
function login() {
  const link = document.createElement("a");
  link.href = location.pathname; link.textContent = work.dataset.login;
  say(work.dataset.loggedOut + " ", true, link);
}
function settle(answer, kept) {
  if (answer.status === 401 || answer.status === 403) { login(); return; }
  if (kept) localStorage.removeItem(shelf);
  forget();
  if (answer.status === 200) {
    work.innerHTML = answer.text;
    history.replaceState(null, "", $("[data-here]")?.dataset.here ?? work.dataset.home);
    shown();
    $("#item-title")?.focus({ preventScroll: true });
    scrollTo(0, 0);
  } else if (answer.status === 409) {
    const next = document.createElement("a");
    next.href = work.dataset.home; next.textContent = "→";
    say(answer.text + " ", true, next);
  } else say(work.dataset.refused.replace("{why}", answer.status === 422 ? answer.text : "HTTP " + answer.status), true);
}
async function send(what, url) {
  if (sending?.what === "final") return;
  if (what === "undo" && touched) await send("draft", form().getAttribute("action"));
  sending?.control.abort();
  clearTimeout(saving);
  touched = false;
  const control = new AbortController(), mine = { what: what === "draft" ? "draft" : "final", control };
  const data = body(what), final = what === "submit" || what === "discard";
  sending = mine;
  if (final) localStorage.setItem(shelf, JSON.stringify({ url, data }));
  work.classList.toggle("busy", mine.what === "final");
  const answer = await insist(url, data, control.signal, what === "draft");
  if (sending === mine) sending = null;
  work.classList.remove("busy");
  if (!answer) return;
  if (what === "draft" && (answer.status === 401 || answer.status === 403)) keep(url, data);
  if (what !== "draft") settle(answer, final);
  else if (answer.status === 204) forget(), say(work.dataset.drafted.replace("{time}", new Date().toLocaleTimeString(document.documentElement.lang)));
  else settle(answer, false);
}
async function resend() {
  const kept = localStorage.getItem(shelf);
  if (!kept) return;
  const { url, data } = JSON.parse(kept), control = new AbortController(), mine = { what: "final", control };
  sending = mine;
  say(work.dataset.sending);
  const answer = await insist(url, data, control.signal);
  sending = null;
  if (!answer) return;
  if (url.startsWith(work.dataset.home + "/")) settle(answer, true);
  // Of another project: what comes next there is not for this page.
  else if (answer.status !== 401 && answer.status !== 403) localStorage.removeItem(shelf);
  if (answer.status === 200) say(work.dataset.resent);
}

document.addEventListener("submit", (event) => {
  const what = event.submitter?.value;
  if (event.target !== form() || !what) return;
  event.preventDefault();
  if (what === "submit" && !looked && !warned) { warned = true; say(work.dataset.look, true); return; }
  send(what, event.submitter.getAttribute("formaction") || form().getAttribute("action"));
});
document.addEventListener("invalid", (event) => {
  if (event.target.name !== "label") return;
  event.preventDefault();
  say(work.dataset.choose, true);
}, true);
document.addEventListener("change", (event) => { if (event.target.id === "exposed") veil(); });
document.addEventListener("click", (event) => event.target.closest("[data-close]")?.parentElement.remove());
document.addEventListener("input", (event) => {
  if (!form()?.contains(event.target)) return;
  if ("noDraft" in form().dataset) return;
  touched = true;
  clearTimeout(saving);
  saving = setTimeout(() => { if (touched && !sending) send("draft", form().getAttribute("action")); }, 1500);
});
// A choice made a moment before the page is left is a draft as well, and one on its way may end with the page.
addEventListener("pagehide", () => {
  if (!form() || !(touched || sending || unheard) || sending?.what === "final") return;
  touched = false;
  const url = form().getAttribute("action"), data = body("draft");
  if (unheard) keep(url, data);
  else sessionStorage.setItem(left, JSON.stringify({ url, data, at: Date.now() }));
  navigator.sendBeacon(url, new URLSearchParams(`${data}&csrf=${token()}`));
});
// That draft may arrive after the next page was made, as when a page is loaded again: what it shows would be older.
function restore() {
  const recent = JSON.parse(sessionStorage.getItem(left)), unsent = JSON.parse(localStorage.getItem(left));
  sessionStorage.removeItem(left);
  const url = form()?.getAttribute("action");
  const kept = unsent?.url === url ? unsent : Date.now() - recent?.at < 10000 ? recent : null;
  if (!url || kept?.url !== url) return;
  if ("noDraft" in form().dataset) { forget(); return; }
  unheard = kept === unsent;
  const data = new URLSearchParams(kept.data);
  for (const field of form().elements) {
    if (["label", "reasons", "flags"].includes(field.name)) field.checked = data.getAll(field.name).includes(field.value);
    else if (field.name === "note") field.value = data.get("note");
  }
  form().dispatchEvent(new Event("input", { bubbles: true }));
}
shown();
restore();
resend();
})();
