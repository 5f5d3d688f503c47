(() => {
  "use strict";
  const root = document.documentElement;
  const store = (value) => {
    try {
      if (value === undefined) return localStorage.getItem("honne-theme");
      localStorage.setItem("honne-theme", value);
    } catch { /* a page opened from a file may have no storage */ }
    return null;
  };
  const system = matchMedia("(prefers-color-scheme: dark)");
  const button = document.getElementById("theme");
  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const tell = () => {
    button.setAttribute("aria-pressed", String(dark()));
    button.querySelector("span").textContent = dark() ? "Light" : "Dark";
  };
  const kept = store();
  if (kept === "dark" || kept === "light") root.dataset.theme = kept;
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    store(root.dataset.theme);
    tell();
  });
  system.addEventListener("change", tell);
  tell();

  // Paper has no folds; browsers whose style cannot open them are told so here. Answers stay as they are.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open], .quiet)")];
    for (const part of closed) part.open = true;
  });
  addEventListener("afterprint", () => {
    for (const part of closed) part.open = false;
  });

  // Blurring works without this script; with it, hidden text is out of reach of the keyboard, search and screen readers.
  const boxes = [...document.querySelectorAll(".veil > input")];
  const set = (box) => {
    box.parentElement.querySelector(".veiled").inert = !box.checked;
  };
  for (const box of boxes) {
    set(box);
    box.addEventListener("change", () => set(box));
    box.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      box.click();
    });
  }
  for (const all of document.querySelectorAll("button.all")) {
    all.hidden = false;
    all.addEventListener("click", () => {
      const show = all.getAttribute("aria-pressed") !== "true";
      all.setAttribute("aria-pressed", String(show));
      all.textContent = show ? "Hide all answers" : "Show all answers";
      for (const part of all.closest(".answers").querySelectorAll("details")) part.open = show;
      for (const box of all.closest(".answers").querySelectorAll(".veil > input")) {
        box.checked = show;
        set(box);
      }
    });
  }
})();
