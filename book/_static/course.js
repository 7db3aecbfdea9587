// What scrolls sideways must be reachable by keyboard: such parts get a place in the tab order.

(() => {
  const TEXT = { PRE: "Code or output", TABLE: "Table", MATH: "Formula" };
  const PARTS = "pre, .math-wrapper, .table-wrapper";

  const nameOf = (el) => {
    if (el.tagName === "PRE") return TEXT.PRE;
    return el.classList.contains("math-wrapper") ? TEXT.MATH : TEXT.TABLE;
  };

  function mark(el) {
    const scrolls = el.scrollWidth > el.clientWidth + 1;
    if (scrolls === el.hasAttribute("tabindex")) return;
    if (scrolls) {
      el.setAttribute("tabindex", "0");
      el.setAttribute("role", "group");
      el.setAttribute("aria-label", nameOf(el));
    } else {
      ["tabindex", "role", "aria-label"].forEach((name) => el.removeAttribute(name));
    }
  }

  const markAll = () => document.querySelectorAll(PARTS).forEach(mark);
  window.addEventListener("load", markAll); // after the formulas' fonts
  window.addEventListener("resize", markAll);
})();
