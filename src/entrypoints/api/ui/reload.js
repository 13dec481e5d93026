// Load a page again when a part of it did not arrive: the network changed, or the service was being
// replaced. This stands in the page itself, so that it is there whatever else is missing.
"use strict";
(() => {
  const FIRST_MS = 500;
  const LONGEST_MS = 60_000;
  const SETTLED_MS = 10_000;
  let loads = 0;
  let reloading = false;

  const remember = (/** @type {number} */ count) => {
    try {
      sessionStorage.setItem("loads", String(count));
    } catch {
      // The browser stores nothing for this page: it waits as for the first time.
    }
  };
  const again = () => {
    if (reloading) return;
    reloading = true;
    remember(loads + 1);
    setTimeout(() => location.reload(), Math.min(FIRST_MS * 2 ** loads, LONGEST_MS));
  };

  try {
    loads = Number(sessionStorage.getItem("loads"));
  } catch {
    // As above.
  }
  addEventListener("error", ({ target }) => {
    if (target instanceof Element && target.matches("script, link[rel=stylesheet]")) again();
  }, true);
  addEventListener("missing", again);
  setTimeout(() => reloading || remember(loads = 0), SETTLED_MS);
})();
