/** What needs attention: each finding is a sentence with a link to what it is about. */

import { count, duration, h, moment, some } from "./dom.js";
import { address } from "./router.js";

const OLD_SECONDS = 300;
const MANY_FAILED = 0.1;
const MUCH_MEMORY = 0.75;
const DAY_SECONDS = 86_400;
const MAX_OF_A_KIND = 5;

/** @typedef {[string, string]} Finding a sentence and a link */
/**
 * @typedef {object} Facts
 * @property {any} store how full it is
 * @property {any[]} queues
 * @property {any[]} workers
 * @property {any[]} types the series of the last hour, one for each type
 * @property {any} [givenUp] the last delivery that was given up
 */

/** @param {Facts} facts @returns {Finding[]} */
function ofStore({ store: { used_memory: used, max_memory: limit, is_full: isFull } }) {
  const percent = Math.round(used / limit * 100);
  const tasks = address("tasks", { sort: "submitted_at" });
  if (isFull) {
    return [["The store is full, so new tasks are refused. Delete tasks that have ended.", tasks]];
  }
  return limit && used / limit >= MUCH_MEMORY
    ? [[`Redis uses ${percent} % of its memory. New tasks are refused from 85 %.`, tasks]]
    : [];
}

/** @param {Facts} facts @returns {Finding[]} */
function ofQueues({ queues, workers }) {
  return queues.flatMap((queue) => {
    const { name, depth, paused, workers: serving, oldest_waiting_seconds: oldest } = queue;
    const link = address("tasks", { queue: name, status: "QUEUED" });
    const wait = depth === 1 ? "1 task waits" : `${count(depth)} tasks wait`;
    if (depth && paused) return [[`The queue ${name} is paused, and ${wait} in it.`, link]];
    if (depth && !serving && workers.length) {
      return [[`No worker serves the queue ${name}, and ${wait} in it.`, link]];
    }
    return oldest > OLD_SECONDS
      ? [[`A task has waited in the queue ${name} for ${duration(oldest)}.`, link]]
      : [];
  });
}

/** @param {Facts} facts @returns {Finding[]} */
function ofTypes({ types }) {
  const sum = (/** @type {number[]} */ values) => values.reduce((a, b) => a + b, 0);
  return types
    .map(({ name, completed, failed }) => ({
      name,
      failed: sum(failed),
      ended: sum(failed) + sum(completed),
    }))
    .filter(({ failed, ended }) => failed > 0 && failed / ended > MANY_FAILED)
    .sort((a, b) => b.failed - a.failed)
    .map(({ name, failed, ended }) => [
      `${count(failed)} of ${some(ended, "task")} of the type ${name} failed in the last hour.`,
      address("tasks", { type: name, status: "FAILED" }),
    ]);
}

/** @param {Facts} facts @returns {Finding[]} */
function ofCallbacks({ givenUp }) {
  const age = givenUp ? (Date.now() - moment(givenUp.time).getTime()) / 1000 : Infinity;
  return age < DAY_SECONDS
    ? [[
      `Callbacks to ${givenUp.host} were given up, the last one ${duration(age)} ago.`,
      address("callbacks", { outcome: "given_up" }),
    ]]
    : [];
}

/**
 * @param {Facts} facts
 * @returns {HTMLElement}
 */
export function attention(facts) {
  /** @type {Finding[]} */
  const noWorker = facts.workers.length
    ? []
    : [["No worker is alive: no task starts.", address("workers")]];
  const kinds = [ofStore, ofQueues, ofTypes, ofCallbacks].map((kind) => kind(facts));
  const found = [noWorker, ...kinds].flatMap((findings) => {
    const more = findings.length - MAX_OF_A_KIND;
    const last = findings[MAX_OF_A_KIND];
    return more > 0
      ? [
        ...findings.slice(0, MAX_OF_A_KIND),
        /** @type {Finding} */ ([
          `And ${count(more)} more like these.`,
          last[1].split("?")[0],
        ]),
      ]
      : findings;
  });
  return h(
    "section",
    { class: "attention", "aria-live": "polite" },
    h("h2", null, "Needs attention"),
    found.length
      ? h("ul", null, found.map(([text, link]) => h("li", null, h("a", { href: link }, text))))
      : h(
        "p",
        { class: "hint" },
        "Nothing: every queue with tasks has a worker, none waits long, few fail, and there is " +
          "memory left.",
      ),
  );
}
