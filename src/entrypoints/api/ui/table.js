/** The grid of tasks: rows that change in place, a selection, and keys. */

import { fill, h } from "./dom.js";
import { COLUMNS } from "./columns.js";
import { bind } from "./keys.js";
import { go } from "./router.js";

/**
 * @typedef {{task: any, element: HTMLElement, box: HTMLInputElement,
 *   cells: Map<string, HTMLElement>}} Row
 */

export class TaskTable {
  /** @type {Map<string, Row>} */
  #rows = new Map();
  /** @type {Set<string>} */
  selected = new Set();
  /** @type {string[]} */
  #columns = [];
  #body = h("div", { role: "rowgroup", class: "rows" });
  #head = h("div", { role: "row", class: "row head" });
  #all = h("input", { type: "checkbox", "aria-label": "Select every row of this page" });
  element = h(
    "div",
    { role: "table", class: "grid tasks", "aria-label": "Tasks" },
    h("div", { role: "rowgroup" }, this.#head),
    this.#body,
  );

  /**
   * @param {AbortSignal} signal
   * @param {() => void} changed is called when the selection has changed
   */
  constructor(signal, changed) {
    this.changed = changed;
    this.#all.addEventListener("change", () => this.selectAll(this.#all.checked));
    const move = (/** @type {number} */ by) => () => this.#move(by);
    bind(signal, {
      j: move(1),
      ArrowDown: move(1),
      k: move(-1),
      ArrowUp: move(-1),
      x: () => this.#toggle(this.#current()),
      Enter: () => this.#open(this.#current()),
    });
  }

  /** The tasks that are shown, in their order. @returns {any[]} */
  get tasks() {
    return [...this.#body.children].map((element) =>
      this.#rows.get(/** @type {HTMLElement} */ (element).dataset.id ?? "")?.task
    );
  }

  /** @param {string} id */
  has(id) {
    return this.#rows.has(id);
  }

  /**
   * Show these tasks. Rows of the same task stay, so that focus and selection do.
   * @param {any[]} tasks
   * @param {string[]} columns
   */
  show(tasks, columns) {
    if (columns.join() !== this.#columns.join()) this.#setColumns(columns);
    const ids = new Set(tasks.map((task) => task.task_id));
    for (const id of this.#rows.keys()) if (!ids.has(id)) this.remove(id);
    const elements = tasks.map((task) => this.#put(this.#newest(task)).element);
    if (elements.some((element, place) => this.#body.children[place] !== element)) {
      const focused = /** @type {HTMLElement | null} */ (document.activeElement);
      this.#body.replaceChildren(...elements);
      if (focused && this.#body.contains(focused)) focused.focus({ preventScroll: true });
    }
    this.#select();
  }

  /**
   * Insert a task that is not shown, at its place by age. Ids grow with the time of submission.
   * @param {any} task
   * @param {number} limit the most rows; the oldest one leaves for a newer one
   */
  insert(task, limit) {
    const idOf = (/** @type {Element} */ row) => /** @type {HTMLElement} */ (row).dataset.id ?? "";
    const rows = [...this.#body.children];
    const older = rows.find((row) => idOf(row) < task.task_id);
    if (!older && rows.length >= limit) return;
    this.#body.insertBefore(this.#put(task).element, older ?? null);
    if (rows.length >= limit) this.remove(idOf(rows[rows.length - 1]));
  }

  /**
   * Renew the row of a task, unless it shows a newer version.
   * @param {any} task
   */
  update(task) {
    const row = this.#rows.get(task.task_id);
    if (row) this.#put(this.#newest(task));
  }

  /** Return the newer one of this task and the one that its row shows. @param {any} task */
  #newest(task) {
    const shown = this.#rows.get(task.task_id)?.task;
    return shown && shown.version > task.version ? shown : task;
  }

  /** @param {string} id */
  remove(id) {
    this.#rows.get(id)?.element.remove();
    this.#rows.delete(id);
    if (this.selected.delete(id)) this.#select();
  }

  /** @param {boolean} on */
  selectAll(on) {
    this.selected = new Set(on ? this.#rows.keys() : []);
    this.#select();
  }

  /** @param {string[]} columns */
  #setColumns(columns) {
    this.#columns = columns;
    const widths = columns.map((name) => COLUMNS[name].width).join(" ");
    this.element.style.setProperty("--columns", `2.25rem ${widths}`);
    fill(
      this.#head,
      h(
        "div",
        { role: "columnheader", class: "cell select" },
        h("label", null, this.#all, h("span", { class: "narrow" }, " Select all")),
      ),
      columns.map((name) =>
        h("div", { role: "columnheader", class: `cell ${name}` }, COLUMNS[name].title)
      ),
    );
    this.#rows.clear();
    this.#body.replaceChildren();
  }

  /** @param {any} task @returns {Row} */
  #put(task) {
    const row = this.#rows.get(task.task_id) ?? this.#newRow(task);
    row.task = task;
    for (const [name, cell] of row.cells) {
      const content = COLUMNS[name].cell(task);
      const next = h("div", null, content);
      if (next.textContent === cell.textContent && name !== "progress") continue;
      fill(cell, ...next.childNodes);
      cell.classList.toggle("none", cell.textContent === "–");
    }
    row.element.dataset.status = task.status;
    return row;
  }

  /** @param {any} task @returns {Row} */
  #newRow(task) {
    const id = task.task_id;
    const box = h("input", { type: "checkbox", "aria-label": `Select ${task.task_name}` });
    box.addEventListener("change", () => this.#toggle(id));
    const cells = new Map(
      this.#columns.map((name) => [name, h("div", { role: "cell", class: `cell ${name}` })]),
    );
    const element = h(
      "div",
      { role: "row", class: "row", tabindex: -1, "data-id": id },
      h("div", { role: "cell", class: "cell select" }, box),
      ...cells.values(),
    );
    const row = { task, element, box, cells };
    this.#rows.set(id, row);
    return row;
  }

  #current() {
    const focused = document.activeElement?.closest(".row[data-id]");
    return /** @type {HTMLElement | null} */ (focused)?.dataset.id ?? "";
  }

  /** @param {number} by */
  #move(by) {
    const rows = /** @type {HTMLElement[]} */ ([...this.#body.children]);
    const place = rows.findIndex((row) => row.dataset.id === this.#current());
    const next = rows[Math.max(0, Math.min(rows.length - 1, place + by))];
    next?.focus();
    next?.scrollIntoView({ block: "nearest" });
  }

  /** @param {string} id */
  #toggle(id) {
    if (!this.#rows.has(id)) return;
    if (!this.selected.delete(id)) this.selected.add(id);
    this.#select();
  }

  /** @param {string} id */
  #open(id) {
    if (this.#rows.has(id)) go(`tasks/${id}`);
  }

  #select() {
    for (const [id, { element, box }] of this.#rows) {
      box.checked = this.selected.has(id);
      element.classList.toggle("selected", box.checked);
    }
    this.#all.checked = this.#rows.size > 0 && this.selected.size === this.#rows.size;
    this.#all.indeterminate = this.selected.size > 0 && !this.#all.checked;
    this.changed();
  }
}
