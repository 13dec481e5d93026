/** Export of the tasks that match, as NDJSON with the source text of each task, or as CSV. */

import { call } from "./api.js";
import { COLUMNS } from "./columns.js";
import { attempt, dialog } from "./dialog.js";
import { fill, h, some } from "./dom.js";
import { elements, members } from "./json.js";

const MAX_TASKS = 100_000;
const FORMULA = /^[=+\-@\t\r]/;

/**
 * Write a value for CSV (RFC 4180). A text that a spreadsheet would run as a formula gets a quote.
 * @param {unknown} value
 * @returns {string}
 */
export function csvField(value) {
  if (value === undefined || value === null) return "";
  const text = typeof value === "string" && FORMULA.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * Read every task that matches, and save a file.
 * @param {URLSearchParams} query filters and sort of the list
 * @param {"ndjson" | "csv"} kind
 * @param {string[]} columns of a CSV file
 */
export async function exportTasks(query, kind, columns) {
  const stop = new AbortController();
  const text = h("p", { "aria-live": "polite" });
  const closed = dialog("Export", [text], [h("button", { value: "" }, "Stop")])
    .then(() => stop.abort());
  const names = columns.includes("task_id") ? columns : ["task_id", ...columns];
  const parts = kind === "csv" ? [`${names.map(csvField).join(",")}\r\n`] : [];
  await attempt(async () => {
    let cursor = "", number = 0;
    do {
      const page = new URLSearchParams(query);
      page.set("page_size", "100");
      if (kind === "ndjson") page.set("full", "true");
      if (cursor) page.set("cursor", cursor);
      const { text: source, data } = await call("GET", `tasks?${page}`, { signal: stop.signal });
      if (kind === "csv") parts.push(csvRows(data.tasks, names));
      else {for (const task of elements(members(source).get("tasks") ?? "[]")) {
          parts.push(`${task}\n`);
        }}
      number += data.tasks.length;
      cursor = data.pagination.next_cursor ?? "";
      fill(text, `${some(number, "task")} read`);
    } while (cursor && number < MAX_TASKS);
    save(new Blob(parts), `tasks.${kind}`);
    return `Exported ${some(number, "task")}${
      cursor ? `, the most that the dashboard exports; use the API for more` : ""
    }.`;
  });
  text.closest("dialog")?.close();
  await closed;
}

/** @param {any[]} tasks @param {string[]} names */
function csvRows(tasks, names) {
  const value = (/** @type {any} */ task, /** @type {string} */ name) =>
    COLUMNS[name].plain ? COLUMNS[name].plain(task) : task[name];
  return tasks.map((task) => `${names.map((name) => csvField(value(task, name))).join(",")}\r\n`)
    .join("");
}

/** @param {Blob} blob @param {string} name */
function save(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = h("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
