/** The columns of the task list: what a cell shows, and what an export writes. */

import { badge, duration, h, moment, time } from "./dom.js";
import { address } from "./router.js";

/** @typedef {import("./dom.js").Child} Child */
/**
 * @typedef {object} Column
 * @property {string} title
 * @property {string} width of a grid column
 * @property {(task: any) => Child | Child[]} cell
 * @property {(task: any) => unknown} [plain] the value for a CSV file, by default the member
 */

const seconds = (/** @type {string | undefined} */ from, /** @type {string | undefined} */ to) =>
  from && to ? (moment(to).getTime() - moment(from).getTime()) / 1000 : undefined;

/** @param {any} task */
function runSeconds(task) {
  return seconds(task.started_at, task.finished_at);
}

/**
 * Show a progress as a bar, a percentage and its message.
 * @param {{fraction: number, message: string}} progress
 * @returns {Child[]}
 */
export function progressBar({ fraction, message }) {
  return [
    h("progress", { value: fraction, max: 1, "aria-label": "Progress" }),
    ` ${Math.round(fraction * 100)} %`,
    message && ` · ${message}`,
  ];
}

/** @param {any} value */
function short(value) {
  return value === undefined ? "–" : JSON.stringify(value).slice(0, 200);
}

/** @type {Record<string, Column>} */
export const COLUMNS = {
  status: { title: "Status", width: "7.5rem", cell: (task) => badge(task.status) },
  task_name: {
    title: "Name",
    width: "minmax(10rem, 3fr)",
    cell: (task) =>
      h("a", { href: address(`tasks/${task.task_id}`), title: task.task_name }, task.task_name),
  },
  type: { title: "Type", width: "minmax(6rem, 1fr)", cell: (task) => task.type },
  queue: { title: "Queue", width: "minmax(6rem, 1fr)", cell: (task) => task.queue },
  submitted_at: { title: "Submitted", width: "9.5rem", cell: (task) => time(task.submitted_at) },
  started_at: { title: "Started", width: "9.5rem", cell: (task) => time(task.started_at) },
  finished_at: { title: "Finished", width: "9.5rem", cell: (task) => time(task.finished_at) },
  run_at: { title: "Runs at", width: "9.5rem", cell: (task) => time(task.due_at ?? task.run_at) },
  run_time: {
    title: "Run time",
    width: "6.5rem",
    cell: (task) => duration(runSeconds(task)),
    plain: runSeconds,
  },
  attempt: {
    title: "Attempt",
    width: "5.8rem",
    cell: (task) => `${task.attempt} of ${task.max_attempts}`,
    plain: (task) => task.attempt,
  },
  priority: { title: "Priority", width: "5rem", cell: (task) => task.priority },
  progress: {
    title: "Progress",
    width: "minmax(9rem, 1fr)",
    cell: (task) => task.progress ? progressBar(task.progress) : "–",
    plain: (task) => task.progress?.fraction,
  },
  labels: {
    title: "Labels",
    width: "minmax(7rem, 1.5fr)",
    cell: (task) =>
      Object.entries(task.labels).map(([key, value]) => {
        const label = `${key}:${value}`;
        return h("a", { class: "token", href: address("tasks", { label }), title: label }, label);
      }),
    plain: (task) => Object.entries(task.labels).map((pair) => pair.join(":")).join(" "),
  },
  error: {
    title: "Error",
    width: "minmax(10rem, 2fr)",
    cell: (task) => (task.error ?? task.last_error)?.message ?? "–",
    plain: (task) => (task.error ?? task.last_error)?.message,
  },
  result: {
    title: "Result",
    width: "minmax(10rem, 2fr)",
    cell: (task) => task.omitted?.includes("result") ? "large" : short(task.result),
    plain: (task) => task.result === undefined ? undefined : JSON.stringify(task.result),
  },
  task_id: { title: "Id", width: "20rem", cell: (task) => h("code", null, task.task_id) },
};
export const DEFAULT_COLUMNS = [
  "status",
  "task_name",
  "type",
  "queue",
  "submitted_at",
  "run_time",
  "attempt",
  "labels",
];

/**
 * Return the columns that a query names, or the default ones.
 * @param {URLSearchParams} query
 * @returns {string[]}
 */
export function chosenColumns(query) {
  const named = (query.get("columns") ?? "").split(",").filter((name) => name in COLUMNS);
  return named.length ? named : DEFAULT_COLUMNS;
}
