/** The filters of the task list: chips by status, and fields. They are the API's own parameters. */

import { count, fill, h } from "./dom.js";

export const STATUSES = [
  "SCHEDULED",
  "QUEUED",
  "PROCESSING",
  "COMPLETED",
  "FAILED",
  "CANCELLED",
  "EXPIRED",
];
const FIELDS = ["q", "task_name", "type", "queue", "label", "submitted_after", "submitted_before"];
const TYPING_MS = 250;

/**
 * Return only the filters of a query, as the API takes them.
 * @param {URLSearchParams} query
 * @returns {URLSearchParams}
 */
export function apiFilters(query) {
  const names = ["status", ...FIELDS];
  return new URLSearchParams([...query].filter(([name, value]) => names.includes(name) && value));
}

/**
 * Return the filters as the body of an action takes them.
 * @param {URLSearchParams} query
 * @returns {Record<string, unknown>}
 */
export function bodyFilter(query) {
  /** @type {Record<string, unknown>} */
  const body = {};
  for (const [name, value] of apiFilters(query)) {
    if (name === "label") {
      const [key, rest] = value.split(/:(.*)/s);
      body.labels = { .../** @type {object} */ (body.labels), [key]: rest };
    } else {
      body[name] = name === "status" ? value.split(",") : value;
    }
  }
  return body;
}

/**
 * Whether a task matches the filters. Free text is not compared: undefined means maybe.
 * @param {URLSearchParams} query
 * @param {any} task
 * @returns {boolean | undefined}
 */
export function matches(query, task) {
  const status = query.get("status");
  if (status && !status.split(",").includes(task.status)) return false;
  for (const name of ["type", "queue", "task_name"]) {
    const wanted = query.get(name);
    if (wanted && task[name] !== wanted) return false;
  }
  for (const label of query.getAll("label")) {
    const [key, value] = label.split(/:(.*)/s);
    if (task.labels[key] !== value) return false;
  }
  const uncertain = ["q", "submitted_after", "submitted_before"].some((name) => query.get(name));
  return uncertain ? undefined : true;
}

/** @param {string} text an RFC 3339 time; returns the value of a datetime-local input */
function toLocal(text) {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return "";
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/**
 * Make the chips and fields.
 * @param {(changes: Record<string, string[]>) => void} change takes the new values of parameters
 * @returns {{element: HTMLElement, show: (query: URLSearchParams) => void,
 *   counts: (byStatus: Record<string, number>) => void,
 *   choices: (types: string[], queues: string[]) => void, search: HTMLInputElement}}
 */
export function filters(change) {
  /** @type {string[]} */
  let chosen = [];
  const toggle = (/** @type {string} */ status, /** @type {MouseEvent} */ event) => {
    const many = event.shiftKey || event.ctrlKey || event.metaKey;
    const others = many ? chosen.filter((each) => each !== status) : [];
    const next = chosen.includes(status) && (many || chosen.length === 1)
      ? others
      : [...others, status];
    change({ status: next.length ? [next.join(",")] : [] });
  };
  const numbers = new Map(STATUSES.map((status) => [status, h("span", { class: "number" })]));
  const total = h("span", { class: "number" });
  const all = h("button", { class: "chip", onclick: () => change({ status: [] }) }, "all ", total);
  const chips = STATUSES.map((status) =>
    h(
      "button",
      {
        class: "chip",
        "data-status": status,
        title: "Shift-click to combine",
        onclick: (/** @type {MouseEvent} */ event) => toggle(status, event),
      },
      status.toLowerCase(),
      " ",
      numbers.get(status),
    )
  );

  const search = h("input", {
    type: "search",
    name: "q",
    placeholder: "Search texts and data",
    "aria-label": "Search names, payloads, results and errors",
  });
  const type = h("select", { name: "type", "aria-label": "Type" });
  const queue = h("select", { name: "queue", "aria-label": "Queue" });
  const label = h("input", {
    name: "label",
    placeholder: "team:billing, region:eu",
    "aria-label": "Labels, as key:value",
  });
  const after = h("input", { type: "datetime-local", name: "submitted_after" });
  const before = h("input", { type: "datetime-local", name: "submitted_before" });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typing;
  const later = (/** @type {() => void} */ action) => () => {
    clearTimeout(typing);
    typing = setTimeout(action, TYPING_MS);
  };
  const one = (/** @type {string} */ value) => value ? [value] : [];
  search.addEventListener("input", later(() => change({ q: one(search.value.trim()) })));
  label.addEventListener(
    "input",
    later(() =>
      change({
        label: label.value.split(",").map((each) => each.trim()).filter((each) =>
          each.includes(":")
        ),
      })
    ),
  );
  for (const select of [type, queue]) {
    select.addEventListener("change", () => change({ [select.name]: one(select.value) }));
  }
  for (const input of [after, before]) {
    input.addEventListener("change", () =>
      change({
        [input.name]: input.value ? [new Date(input.value).toISOString()] : [],
      }));
  }
  const clear = h("button", {
    class: "quiet",
    onclick: () => change(Object.fromEntries(["status", ...FIELDS].map((name) => [name, []]))),
  }, "Clear filters");
  const name = h("span", { class: "token" });

  const element = h(
    "div",
    { class: "filters" },
    h("div", { class: "chips", role: "group", "aria-label": "Status" }, all, chips),
    h(
      "div",
      { class: "fields" },
      search,
      type,
      queue,
      label,
      h("label", null, "Submitted after", after),
      h("label", null, "before", before),
      name,
      clear,
    ),
  );

  /** @param {HTMLSelectElement} select @param {string} every @param {string[]} values */
  const choose = (select, every, values) => {
    const { value } = select;
    const all = [...new Set([...values, ...one(value)])].sort();
    fill(
      select,
      h("option", { value: "" }, every),
      all.map((each) => h("option", { value: each }, each)),
    );
    select.value = value;
  };
  /** @param {HTMLSelectElement} select @param {string} value */
  const set = (select, value) => {
    if (![...select.options].some((option) => option.value === value)) {
      select.append(h("option", { value }, value));
    }
    select.value = value;
  };
  choose(type, "Every type", []);
  choose(queue, "Every queue", []);
  return {
    element,
    search,
    show: (query) => {
      chosen = (query.get("status") ?? "").split(",").filter(Boolean);
      all.setAttribute("aria-pressed", String(!chosen.length));
      for (const chip of chips) {
        chip.setAttribute("aria-pressed", String(chosen.includes(chip.dataset.status ?? "")));
      }
      const typed = document.activeElement;
      if (typed !== search) search.value = query.get("q") ?? "";
      if (typed !== label) label.value = query.getAll("label").join(", ");
      set(type, query.get("type") ?? "");
      set(queue, query.get("queue") ?? "");
      after.value = toLocal(query.get("submitted_after") ?? "");
      before.value = toLocal(query.get("submitted_before") ?? "");
      fill(name, query.has("task_name") && `Name is ${query.get("task_name")}`);
      clear.hidden = ![...apiFilters(query)].length;
    },
    counts: (byStatus) => {
      for (const [status, number] of numbers) {
        fill(number, status in byStatus && count(byStatus[status]));
      }
      const isKnown = STATUSES.every((status) => status in byStatus);
      fill(total, isKnown && count(Object.values(byStatus).reduce((a, b) => a + b, 0)));
    },
    choices: (types, queues) => {
      choose(type, "Every type", types);
      choose(queue, "Every queue", queues);
    },
  };
}
