/**
 * A table of records. On a narrow screen, one of many columns shows each record as a card, in which
 * cells have their titles.
 */

import { h } from "./dom.js";

/** @typedef {import("./dom.js").Child} Child */
/**
 * A column; `kind` is a class of its cells, or "name" for the one that names the record.
 * @template T
 * @typedef {{title: string, cell: (record: T) => Child | Child[], kind?: string}} Column
 */

/** So many columns fit a narrow screen. */
const FITTING = 4;

/**
 * @template T
 * @param {string} label what the records are
 * @param {(Column<T> | false)[]} columns
 * @param {T[]} records
 * @returns {HTMLElement}
 */
export function recordTable(label, columns, records) {
  const shown = columns.filter((column) => column !== false);
  const head = (/** @type {Column<T>} */ { title }) =>
    title ? h("th", { scope: "col", role: "columnheader" }, title) : h("td", { role: "cell" });
  const cellOf = (/** @type {T} */ record) => (/** @type {Column<T>} */ { title, cell, kind }) =>
    kind === "name"
      ? h("th", { scope: "row", role: "rowheader" }, cell(record))
      : h("td", { role: "cell", class: kind, "data-title": title }, cell(record));
  const rows = records.map((record) => h("tr", { role: "row" }, shown.map(cellOf(record))));
  // The roles stay when a narrow screen shows the elements as blocks.
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": label },
    h(
      "table",
      { class: shown.length > FITTING && "records", role: "table" },
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, shown.map(head))),
      h("tbody", { role: "rowgroup" }, rows),
    ),
  );
}
