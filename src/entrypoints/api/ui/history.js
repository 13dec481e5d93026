/** The history of a task: what changed, when and by whom. */

import { get, taskPath } from "./api.js";
import { count, h, some, time } from "./dom.js";
import { recordTable } from "./records.js";

/**
 * Read the whole history of a task.
 * @param {string} id
 * @param {AbortSignal} signal
 * @returns {Promise<{entries: any[], unrecorded: number}>}
 */
export async function readHistory(id, signal) {
  const entries = [], path = `${taskPath(id)}/history`;
  let page = await get(path, signal);
  entries.push(...page.entries);
  while (page.next_cursor) {
    page = await get(`${path}?${new URLSearchParams({ cursor: page.next_cursor })}`, signal);
    entries.push(...page.entries);
  }
  return { entries, unrecorded: page.unrecorded };
}

/** @param {any} value */
function valueText(value) {
  if (value === undefined) return "none";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** @param {any} change */
function changeText({ member, before, after, hidden }) {
  return hidden ? member : `${member}: ${valueText(before)} → ${valueText(after)}`;
}

/** @param {any} actor */
function who(actor) {
  if (!actor) return "–";
  const { kind, name, key_id: id, address } = actor;
  return h("span", { title: [id && `key ${id}`, address].filter(Boolean).join(", ") }, [
    kind,
    " ",
    name ?? id ?? address ?? "",
  ]);
}

/**
 * Show a history, the latest change first.
 * @param {{entries: any[], unrecorded: number}} history
 * @returns {HTMLElement}
 */
export function historyTable({ entries, unrecorded }) {
  return h(
    "section",
    null,
    h("h2", null, "History"),
    recordTable("History", [
      { title: "Version", kind: "number", cell: (entry) => count(entry.version) },
      { title: "Time", cell: (entry) => time(entry.time) },
      { title: "Event", cell: (entry) => entry.event },
      { title: "By", cell: (entry) => who(entry.actor) },
      {
        title: "Changes",
        kind: "wide",
        cell: (entry) => h("div", { class: "clamped" }, entry.changes.map(changeText).join(", ")),
      },
    ], entries.toReversed()),
    unrecorded > 0 &&
      h("p", { class: "hint" }, `Not stored: ${some(unrecorded, "change")}.`),
  );
}
