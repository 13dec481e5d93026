/** The state of a task as a sentence: what it waits for, what it does, how it ended. */

import { count, duration, moment, some, time } from "./dom.js";

/** @param {number} number */
function ordinal(number) {
  const last = number % 100;
  const ending = last >= 11 && last <= 13 ? "th" : ["th", "st", "nd", "rd"][number % 10] ?? "th";
  return `${count(number)}${ending}`;
}

/** @param {any} task @param {any[]} queues @param {any[]} workers */
function waiting(task, queues, workers) {
  const place = task.queue_position
    ? `${ordinal(task.queue_position)} in queue ${task.queue}`
    : `in queue ${task.queue}`;
  if (queues.find((queue) => queue.name === task.queue)?.paused) {
    return `Waiting: ${place}, which is paused. It starts after the queue is resumed.`;
  }
  const serving = workers.filter((worker) => worker.queues.includes(task.queue));
  if (!serving.length) return `Waiting: ${place}. No worker serves this queue; start one.`;
  const busy =
    serving.filter((worker) => worker.running.length - worker.io_running >= worker.concurrency)
      .length;
  return `Waiting: ${place}; ${count(busy)} of ${some(serving.length, "worker")} busy.`;
}

/**
 * @param {any} task
 * @param {any[]} [queues]
 * @param {any[]} [workers]
 * @returns {import("./dom.js").Child[]}
 */
export function sentence(task, queues = [], workers = []) {
  const seconds = (/** @type {string} */ from, /** @type {string} */ to) =>
    duration((moment(to).getTime() - moment(from).getTime()) / 1000);
  switch (task.status) {
    case "QUEUED":
      return [waiting(task, queues, workers)];
    case "SCHEDULED": {
      const due = task.due_at ?? task.run_at;
      const why = task.attempt ? `Attempt ${task.attempt} failed; the next one` : "Scheduled: it";
      return due ? [`${why} starts `, time(due), "."] : [`${why} has no time yet.`];
    }
    case "PROCESSING":
      return task.cancel_requested ? ["Running, and asked to stop."] : [
        `Running: attempt ${task.attempt} of ${task.max_attempts}, started `,
        time(task.started_at),
        ".",
      ];
    case "COMPLETED":
      return [
        `Completed in ${seconds(task.started_at, task.finished_at)}, `,
        time(task.finished_at),
        ".",
      ];
    case "FAILED":
      return [`Failed after ${some(task.attempt, "attempt")}, `, time(task.finished_at), "."];
    case "CANCELLED":
      return ["Cancelled ", time(task.finished_at), "."];
    case "EXPIRED":
      return ["Expired ", time(task.finished_at), ": it had not started in time."];
    default:
      return [task.status];
  }
}
