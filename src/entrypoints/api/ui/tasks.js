/** The list of tasks. Its address holds filters, sort, page, number of rows and columns. */

import { curl, get } from "./api.js";
import { actions, run } from "./bulk.js";
import { COLUMNS, DEFAULT_COLUMNS } from "./columns.js";
import { attempt, copy, dialog, nothing, showError } from "./dialog.js";
import { count, fill, h, some } from "./dom.js";
import { atMostEvery, onChanges } from "./events.js";
import { exportTasks } from "./exporting.js";
import { apiFilters, bodyFilter, filters, matches, STATUSES } from "./filters.js";
import { bind } from "./keys.js";
import { NEWEST, read, readChoices, settings, SIZES } from "./listing.js";
import { refill } from "./refill.js";
import { go } from "./router.js";
import { sampleCommand } from "./samples.js";
import { TaskTable } from "./table.js";

const RELOAD_MS = 1_000;
const ENTER_MS = 1_000;
const RETRY_MS = 3_000;
const CHOICES_MS = 10_000;

/**
 * @param {HTMLElement} root
 * @param {import("./app.js").Context} context
 * @returns {Promise<import("./app.js").Update>}
 */
export async function show(root, { query: first, signal }) {
  let query = first;
  let total = /** @type {number | undefined} */ (undefined), hasNext = false, everything = false;
  /** @type {URLSearchParams | undefined} the address of the rows that are shown */
  let shown;
  /** @type {AbortController | undefined} */
  let reading;
  /** @type {import("./events.js").Change[]} what happened during a read */
  const missed = [];
  /** @type {Map<string, any>} tasks whose rows are still to be inserted, by id */
  const entering = new Map();

  const change = (/** @type {Record<string, string[]>} */ changes, replace = false) => {
    const next = new URLSearchParams(query);
    for (const name of [...Object.keys(changes), "focus"]) next.delete(name);
    if (!("page" in changes)) next.delete("page");
    for (const [name, values] of Object.entries(changes)) {
      for (const value of values) next.append(name, value);
    }
    go("tasks", next, { replace });
  };
  // Back returns to the list before the search, not to each letter.
  const isTyping = (/** @type {object} */ changes) =>
    ["q", "label"].some((name) => name in changes && query.has(name));
  const filter = filters((changes) => change(changes, isTyping(changes)));
  const table = new TaskTable(signal, () => showSelection());
  const summary = h("p", { class: "summary", "aria-live": "polite" });
  const empty = h("div");
  const pager = h("nav", { class: "pager", "aria-label": "Pages" });
  const selection = h("div", { class: "selection", role: "region", "aria-label": "Selection" });
  const size = h(
    "select",
    { "aria-label": "Rows", onchange: () => change({ rows: [size.value] }) },
    SIZES.map((each) => h("option", { value: each }, `${each} rows`)),
  );
  const sort = h(
    "select",
    { "aria-label": "Order", onchange: () => change({ sort: [sort.value] }) },
    h("option", { value: NEWEST }, "Newest first"),
    h("option", { value: "submitted_at" }, "Oldest first"),
  );
  const url = () => {
    const asked = apiFilters(query);
    asked.set("sort", settings(query).sort);
    return asked;
  };
  const more = h(
    "details",
    { class: "menu" },
    h("summary", null, "Export and more"),
    h(
      "div",
      { class: "items" },
      h("button", { onclick: () => exportTasks(url(), "ndjson", []) }, "Export NDJSON"),
      h(
        "button",
        { onclick: () => exportTasks(url(), "csv", settings(query).columns) },
        "Export CSV",
      ),
      h(
        "button",
        { onclick: () => copy(curl("GET", `tasks?${url()}`), "the curl command") },
        "Copy as curl",
      ),
      h("button", { onclick: () => chooseColumns() }, "Columns …"),
    ),
  );
  more.addEventListener("click", (event) => {
    if (event.target instanceof HTMLButtonElement) more.open = false;
  });
  fill(
    root,
    h("h1", null, "Tasks"),
    filter.element,
    h("div", { class: "bar" }, summary, sort, size, more),
    selection,
    table.element,
    empty,
    pager,
  );

  async function chooseColumns() {
    const boxes = Object.entries(COLUMNS).map(([name, { title }]) => {
      const box = h("input", {
        type: "checkbox",
        name,
        checked: settings(query).columns.includes(name),
      });
      return { box, label: h("label", { class: "choice" }, box, title) };
    });
    const answer = await dialog("Columns", [
      h("div", { class: "choices" }, boxes.map(({ label }) => label)),
    ], [
      h("button", { value: "" }, "Keep as they are"),
      h("button", { value: "default" }, "Default columns"),
      h("button", { value: "yes", class: "primary" }, "Show these"),
    ]);
    const names = boxes.filter(({ box }) => box.checked).map(({ box }) => box.name);
    if (answer === "yes" && names.length) {
      change({ columns: names.join() === DEFAULT_COLUMNS.join() ? [] : [names.join()] });
    }
    if (answer === "default") change({ columns: [] });
  }

  function showSelection() {
    const number = table.selected.size;
    if (!number) everything = false;
    const all = everything
      ? `All ${total === undefined ? "" : `${count(total)} `}tasks that match`
      : `${count(number)} selected`;
    const act = (/** @type {import("./bulk.js").BulkAction} */ bulk) =>
      attempt(async () => {
        const target = everything ? { filter: bodyFilter(query) } : { ids: [...table.selected] };
        if (await run(bulk, target)) table.selectAll(false);
        reload();
      });
    refill(
      selection,
      number > 0 && [
        h("strong", null, all),
        ...actions().map((bulk) => h("button", { onclick: () => act(bulk) }, bulk.verb)),
        !everything && (hasNext || settings(query).page > 1) && h("button", {
          class: "quiet",
          onclick: () => {
            everything = true;
            showSelection();
          },
        }, total === undefined ? "Select all that match" : `Select all ${count(total)} that match`),
        h("button", { class: "quiet", onclick: () => table.selectAll(false) }, "Clear selection"),
      ],
    );
  }

  function showPages() {
    const { rows, page } = settings(query);
    const pages = total === undefined ? undefined : Math.max(1, Math.ceil(total / rows));
    fill(summary, total === undefined ? "" : some(total, "task"));
    refill(
      pager,
      (page > 1 || hasNext) && [
        h("button", {
          disabled: page <= 1,
          onclick: () => change({ page: page > 2 ? [String(page - 1)] : [] }),
        }, "← Previous"),
        h("span", null, `Page ${count(page)}${pages ? ` of ${count(pages)}` : ""}`),
        h(
          "button",
          { disabled: !hasNext, onclick: () => change({ page: [String(page + 1)] }) },
          "Next →",
        ),
      ],
    );
    if (shown !== query) return; // not read yet
    const isEmpty = !table.tasks.length;
    table.element.hidden = isEmpty;
    const filtered = [...apiFilters(query)].length > 0 || page > 1;
    fill(
      empty,
      isEmpty &&
        (filtered
          ? nothing("No task matches these filters.")
          : nothing("There are no tasks yet. Submit the first one:", sampleCommand())),
    );
  }

  async function load() {
    reading?.abort();
    const mine = reading = new AbortController();
    const asked = query;
    table.element.setAttribute("aria-busy", "true");
    try {
      const page = await read(asked, AbortSignal.any([signal, mine.signal]));
      ({ total, hasNext } = page);
      table.show(page.tasks, settings(asked).columns);
      shown = asked;
      showPages();
    } catch (error) {
      if (signal.aborted || mine.signal.aborted) return;
      if (shown !== asked) { // no rows of another page stay
        table.show([], settings(asked).columns);
        table.element.hidden = true;
        showError(empty, error, load);
      }
      setTimeout(() => query === asked && reload(), RETRY_MS);
    } finally {
      if (reading === mine) {
        reading = undefined;
        table.element.removeAttribute("aria-busy");
        take(missed.splice(0));
      }
    }
  }

  const recount = atMostEvery(signal, RELOAD_MS, async () => {
    const asked = apiFilters(query);
    asked.delete("status");
    const { by_status: byStatus } = await get(`tasks/counts?${asked}`, signal);
    filter.counts(byStatus);
    const chosen = query.get("status")?.split(",") ?? STATUSES;
    if (!chosen.every((status) => status in byStatus)) return;
    total = chosen.reduce((sum, status) => sum + byStatus[status], 0);
    showPages();
  });
  const renewChoices = atMostEvery(signal, CHOICES_MS, async () => {
    filter.choices(...await readChoices(signal));
  });
  const reload = atMostEvery(signal, RELOAD_MS, async () => {
    await load();
    recount();
  });

  // Rows change four times a second, but move down only once, so that they can be read.
  const enter = atMostEvery(signal, ENTER_MS, () => {
    const { rows, page, sort: order } = settings(query);
    const tasks = [...entering.values()];
    entering.clear();
    if (page !== 1 || order !== NEWEST) return;
    for (const task of tasks) {
      if (table.has(task.task_id)) table.update(task);
      else table.insert(task, rows);
    }
    showPages();
  });

  /** @param {import("./events.js").Change[] | undefined} changes */
  function take(changes) {
    if (!changes) return reload();
    if (reading) return missed.push(...changes);
    const { page, sort: order } = settings(query);
    const takesNew = page === 1 && order === NEWEST;
    let unsure = false;
    for (const { names, task } of changes) {
      const fits = names.includes("task.deleted") ? false : matches(query, task);
      const shown = table.has(task.task_id);
      entering.delete(task.task_id);
      if (shown && fits === false) {
        table.remove(task.task_id);
        unsure = true;
      } else if (shown) table.update(task);
      else if (fits === undefined) unsure = true;
      else if (fits && takesNew) entering.set(task.task_id, task);
      else if (fits && order !== NEWEST && !hasNext) unsure = true;
    }
    if (entering.size) enter();
    if (unsure) reload();
    if (changes.length) {
      recount();
      renewChoices();
    }
  }

  /** @param {URLSearchParams} next */
  const update = (next) => {
    query = next;
    entering.clear();
    everything = false;
    const { rows, sort: order } = settings(query);
    size.value = String(rows);
    sort.value = order;
    filter.show(query);
    if (query.get("focus") === "search") filter.search.focus();
    table.selectAll(false);
    recount();
    renewChoices();
    return load();
  };
  bind(signal, { "/": () => filter.search.focus() });
  onChanges(signal, take);
  update(query);
  return update;
}
