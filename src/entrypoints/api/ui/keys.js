/** Keys that work outside of text fields. */

import { dialog } from "./dialog.js";
import { h } from "./dom.js";
import { go } from "./router.js";
import { may } from "./session.js";

const VIEWS = /** @type {Record<string, string>} */ ({
  o: "overview",
  t: "tasks",
  n: "new",
  q: "queues",
  s: "schedules",
  w: "workers",
  y: "types",
  c: "callbacks",
});
const HELP = [
  ["/", "Search the tasks"],
  ["j k or ↓ ↑", "Next and previous row"],
  ["x", "Select or deselect the row"],
  ["Enter", "Open the row"],
  ["n", "New task"],
  ["g then o t q s w y c", "Go to Overview, Tasks, Queues, Schedules, Workers, Types, Callbacks"],
  ["?", "Show these keys"],
  ["Esc", "Close a dialog, leave a field"],
];

/** @type {Map<string, (event: KeyboardEvent) => void>} */
const bound = new Map();
/** @type {Record<string, (event: KeyboardEvent) => void>} */
const ALWAYS = {
  "?": () => help(),
  n: () => may("submit") && go("new"),
  "/": () => go("tasks", { focus: "search" }),
};
let goes = false;

/**
 * Bind keys of a view until the signal is aborted.
 * @param {AbortSignal} signal
 * @param {Record<string, (event: KeyboardEvent) => void>} actions
 */
export function bind(signal, actions) {
  for (const [key, action] of Object.entries(actions)) {
    bound.set(key, action);
    signal.addEventListener("abort", () => bound.get(key) === action && bound.delete(key));
  }
}

/** @param {KeyboardEvent} event */
function press(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) {
    return;
  }
  if (target.matches("input:not([type=checkbox]), textarea, select")) {
    if (event.key === "Escape") target.blur();
    return;
  }
  if (event.key === "Enter" && target.matches("a, button, summary")) return;
  if (event.key === "Enter" && target.matches("input")) return;
  const view = goes && VIEWS[event.key];
  goes = event.key === "g";
  const action = view ? () => go(view) : bound.get(event.key) ?? ALWAYS[event.key];
  if (!action) return;
  event.preventDefault();
  action(event);
}

/** Show the keys. */
export function help() {
  dialog("Keys", [
    h(
      "dl",
      { class: "shortcuts" },
      HELP.flatMap(([keys, text]) => [h("dt", null, h("kbd", null, keys)), h("dd", null, text)]),
    ),
  ], [h("button", { value: "" }, "Close")]);
}

/** Begin to listen. */
export function listen() {
  document.addEventListener("keydown", press);
}
