/** Actions on many tasks: a dry run first, then steps with their progress. */

import { post } from "./api.js";
import { confirmed, dialog, tell } from "./dialog.js";
import { count, fill, h, some } from "./dom.js";
import { may } from "./session.js";

/** @typedef {{action: string, verb: string, done: string, needs: string}} BulkAction */
const ACTIONS = /** @type {BulkAction[]} */ ([
  { action: "cancel", verb: "Cancel", done: "cancelled", needs: "change" },
  { action: "retry", verb: "Retry", done: "queued again", needs: "change" },
  { action: "delete", verb: "Delete", done: "deleted", needs: "delete" },
]);
/** Return the actions that the reader may use. */
export const actions = () => ACTIONS.filter(({ needs }) => may(needs));
const RULES = /** @type {Record<string, string>} */ ({
  cancel: "Only tasks that wait or run can be cancelled.",
  retry: "Only failed, cancelled and expired tasks can be retried.",
  delete: "Running tasks are not deleted. What is deleted cannot be brought back.",
});

/**
 * Count what an action would do, ask, do it in steps, and show the progress.
 * Resolves with whether it was begun.
 * @param {BulkAction} bulk
 * @param {{ids: string[]} | {filter: Record<string, unknown>}} target
 * @returns {Promise<boolean>}
 */
export async function run(bulk, target) {
  const { action, verb, done } = bulk;
  const dry = (await post("tasks/actions", { action, ...target, dry_run: true })).data;
  const possible = dry.would_be_done;
  const more = dry.remaining > 0;
  const number = `${more ? "at least " : ""}${some(possible, "task")}`;
  if (!possible && !more) {
    tell(`None of ${some(dry.matched, "task")} can be changed. ${RULES[action]}`, "error");
    return false;
  }
  const rest = dry.matched - possible;
  const sentence = `This will ${action} ${number}.${
    rest
      ? ` ${count(rest)} of the ${count(dry.matched)} ${
        rest === 1 ? "is in another state and stays" : "are in another state and stay"
      }.`
      : ""
  } ${RULES[action]}`;
  if (!await confirmed(`${verb} ${number}?`, sentence, `${verb} ${number}`)) return false;
  const total = await steps({ action, ...target }, verb, possible);
  tell(`${some(total, "task")} ${done}.`);
  return true;
}

/**
 * @param {Record<string, unknown>} body
 * @param {string} verb
 * @param {number} expected
 * @returns {Promise<number>} the number of tasks that were changed
 */
async function steps(body, verb, expected) {
  const bar = h("progress", { max: expected, value: 0, "aria-label": `${verb}: progress` });
  const text = h("p", { "aria-live": "polite" });
  let total = 0, stopped = false;
  const closed = dialog(`${verb} tasks`, [bar, text], [h("button", { value: "" }, "Stop here")])
    .then(() => {
      stopped = true;
    });
  const show = () => {
    bar.value = total;
    fill(text, `${count(total)} of ${count(Math.max(expected, total))} done`);
  };
  try {
    for (let remaining = 1, done = 1; remaining && done && !stopped;) {
      show();
      ({ done, remaining } = (await post("tasks/actions", body)).data);
      total += done;
    }
  } catch (error) {
    tell(`Stopped after ${some(total, "task")}: ${/** @type {Error} */ (error).message}`, "error");
  }
  if (!stopped) /** @type {HTMLDialogElement} */ (bar.closest("dialog")).close();
  await closed;
  return total;
}
