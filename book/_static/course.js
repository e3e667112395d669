/* What scrolls sideways must be reachable by keyboard, and a long formula in the text must not widen
   the page. Both depend on the width of the window, so they are settled in the browser. */
(() => {
  const scrollers =
    "div.math, mjx-container, .bd-article pre, .pst-scrollable-table-container, .cell_output .output";

  const settle = () => {
    for (const formula of document.querySelectorAll("span.math mjx-container")) {
      formula.classList.remove("too-wide");
      const line = formula.closest("p, li, td, dd, figcaption, div");
      formula.classList.toggle("too-wide", formula.offsetWidth > line.clientWidth);
    }
    for (const box of document.querySelectorAll(scrollers)) {
      if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
      else if (!box.closest(".companion-show")) box.removeAttribute("tabindex");
    }
  };

  let waiting = false;
  const settleSoon = () => {
    if (!waiting) requestAnimationFrame(() => { waiting = false; settle(); });
    waiting = true;
  };

  /* Over file:// the search page cannot fetch the pages to quote from them. */
  if (location.protocol === "file:" && typeof DOCUMENTATION_OPTIONS !== "undefined")
    DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

  window.addEventListener("load", () => {
    settle();
    window.MathJax?.startup?.promise?.then(settle);
    document.addEventListener("change", settleSoon);
    document.addEventListener("toggle", settleSoon, true);
  });
  window.addEventListener("resize", settleSoon);
})();
