/** A text with search in it: payloads, results and tracebacks. */

import { copy } from "./dialog.js";
import { count, fill, h } from "./dom.js";

const MAX_SHOWN = 200_000;
const MAX_MARKS = 1_000;

/**
 * Split a text at the places where the wanted text is, in any case, and mark these.
 * @param {string} text
 * @param {string} wanted
 * @returns {(string | HTMLElement)[]}
 */
function marked(text, wanted) {
  if (!wanted) return [text];
  const parts = [], lower = text.toLowerCase(), looked = wanted.toLowerCase();
  let from = 0;
  for (
    let at = lower.indexOf(looked);
    at >= 0 && parts.length < 2 * MAX_MARKS;
    at = lower.indexOf(looked, from)
  ) {
    parts.push(text.slice(from, at), h("mark", null, text.slice(at, at + looked.length)));
    from = at + looked.length;
  }
  return [...parts, text.slice(from)];
}

/**
 * @param {string} title
 * @param {string} text
 * @returns {HTMLElement}
 */
export function viewer(title, text) {
  const code = h("code");
  const found = h("span", { class: "hint", "aria-live": "polite" });
  const search = h("input", {
    type: "search",
    placeholder: "Find",
    "aria-label": `Find in ${title}`,
  });
  const shown = text.slice(0, MAX_SHOWN);
  const show = () => {
    const parts = marked(shown, search.value);
    fill(code, parts);
    const marks = code.querySelectorAll("mark");
    fill(found, search.value && `${count(marks.length)} found`);
    marks[0]?.scrollIntoView({ block: "nearest" });
  };
  search.addEventListener("input", show);
  show();
  return h(
    "section",
    { class: "viewer" },
    h(
      "div",
      { class: "bar" },
      h("h2", null, title),
      found,
      search,
      h("button", { onclick: () => copy(text, `the ${title.toLowerCase()}`) }, "Copy"),
    ),
    h("pre", { tabindex: 0, "aria-label": title }, code),
    text.length > shown.length &&
      h(
        "p",
        { class: "hint" },
        `The first ${count(MAX_SHOWN)} of ${count(text.length)} characters. Copy takes all.`,
      ),
  );
}

/** @param {any} error @param {string} title */
export function errorBox(error, title) {
  const [first, ...rest] = error.message.split("\n");
  return h(
    "section",
    { class: "failure" },
    h("h2", null, title),
    h(
      "div",
      { class: "message", tabindex: 0, role: "group", "aria-label": "Message" },
      h("code", null, error.code),
      " ",
      first,
    ),
    rest.length > 0 && viewer("Traceback", rest.join("\n")),
  );
}
