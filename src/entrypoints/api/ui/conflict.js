/** What to do when a task has changed between the begin and the end of an edit. */

import { dialog } from "./dialog.js";
import { h } from "./dom.js";
import { indented, members } from "./json.js";

/**
 * Show the members that differ, and ask which ones shall be. Resolves with "mine", "theirs" or "".
 * @param {string[]} names of the members that can be edited
 * @param {Map<string, string>} mine their source text in the form
 * @param {import("./api.js").Answer} now the task as it is
 * @returns {Promise<string>}
 */
export function askWhich(names, mine, now) {
  const theirs = members(now.text);
  const text = (/** @type {string | undefined} */ source) =>
    source === undefined ? "not set" : indented(source);
  const differing = names.filter((name) => text(mine.get(name)) !== text(theirs.get(name)));
  const cell = (/** @type {string | undefined} */ source) =>
    h("td", null, h("pre", null, text(source)));
  const rows = differing.map((name) =>
    h("tr", null, h("th", { scope: "row" }, name), cell(mine.get(name)), cell(theirs.get(name)))
  );
  const titles = ["Member", "Yours", "Now"].map((title) => h("th", { scope: "col" }, title));
  const table = h("table", null, h("thead", null, h("tr", null, titles)), h("tbody", null, rows));
  const status = now.data.status.toLowerCase();
  return dialog("The task has changed meanwhile", [
    h("p", null, "Somebody else changed it after you opened it. Nothing of yours is saved yet."),
    h("p", null, `The task is ${status} now.`),
    rows.length ? table : h("p", null, "What you can edit here is the same in both."),
  ], [
    h("button", { value: "" }, "Back to the form"),
    h("button", { value: "theirs" }, "Discard mine"),
    h("button", { value: "mine", class: "primary" }, "Save mine over it"),
  ], { wide: true });
}
