/** Fill a part of the page again without taking away what its reader was at. */

import { fill } from "./dom.js";

/** @typedef {{row: string | null, tag: string, name: string, at: number}} Key */

/** @param {Element} element */
function linkOfRow(element) {
  return element.closest("tr")?.querySelector("a") ?? null;
}

/** @param {Element} root @param {string} tag @param {string | null} row */
function alike(root, tag, row) {
  return [...root.querySelectorAll(tag)].filter((element) =>
    (linkOfRow(element)?.getAttribute("href") ?? null) === row
  );
}

/** @param {Element} element */
function nameOf(element) {
  return element.getAttribute("aria-label") ?? element.textContent ?? "";
}

/**
 * Describe an element so that what replaces it can be found.
 * @param {Element} root
 * @param {Element} element
 * @returns {Key}
 */
export function keyOf(root, element) {
  const row = linkOfRow(element)?.getAttribute("href") ?? null, tag = element.tagName;
  return { row, tag, name: nameOf(element), at: alike(root, tag, row).indexOf(element) };
}

/**
 * Focus what replaces an element: that of the same name, or the link in its place. Where a button
 * is gone, focus the link of its row or the main part: another button might be pressed by mistake.
 * @param {Element} root
 * @param {Key} key
 */
export function focusAgain(root, { row, tag, name, at }) {
  const found = alike(root, tag, row), links = alike(root, "a", row);
  const next = found.find((element) => nameOf(element) === name) ??
    (tag === "A" ? found[at] : row === null ? undefined : links[0]) ??
    document.querySelector("main");
  /** @type {HTMLElement | null} */ (next)?.focus({ preventScroll: true });
}

/** From now on, focus the main part of the page when what has the focus is taken away. */
export function keepFocus() {
  /** @type {EventTarget | null} */
  let last = null;
  addEventListener("focusin", (event) => last = event.target);
  new MutationObserver(() => {
    if (!(last instanceof Node) || last.isConnected) return;
    last = null;
    if (document.activeElement !== document.body) return;
    document.querySelector("main")?.focus({ preventScroll: true });
  }).observe(document.body, { childList: true, subtree: true });
}

/**
 * Replace the children of an element. Focus, scrolled tables and open details stay.
 * @param {Element} root
 * @param {...(import("./dom.js").Child | import("./dom.js").Child[])} children
 */
export function refill(root, ...children) {
  const active = document.activeElement;
  const key = active && active !== root && root.contains(active) ? keyOf(root, active) : undefined;
  const scrolled = [...root.querySelectorAll(".scroll")]
    .map(({ scrollLeft, scrollTop }) => ({ scrollLeft, scrollTop }));
  const open = [...root.querySelectorAll("details")].map((details) => details.open);
  fill(root, ...children);
  root.querySelectorAll("details").forEach((details, place) => details.open = !!open[place]);
  root.querySelectorAll(".scroll").forEach((part, place) => Object.assign(part, scrolled[place]));
  if (key) focusAgain(root, key);
}
