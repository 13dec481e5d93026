/** The delivery attempts of callbacks, as a table in which each can be sent again. */

import { post, taskPath } from "./api.js";
import { attempt } from "./dialog.js";
import { badge, h, time } from "./dom.js";
import { recordTable } from "./records.js";
import { address } from "./router.js";
import { may } from "./session.js";

/**
 * @param {any[]} deliveries
 * @param {(delivery: any) => string} taskOf returns the id of the task of a delivery
 * @param {() => void} changed is called after one was sent again
 * @param {boolean} [withTask] whether a column links to the task
 * @returns {HTMLElement}
 */
export function deliveryTable(deliveries, taskOf, changed, withTask = false) {
  const resend = (/** @type {any} */ delivery) =>
    attempt(async () => {
      await post(`${taskPath(taskOf(delivery))}/deliveries/${delivery.number}/resend`);
      changed();
      return "The callback is sent again.";
    });
  const task = (/** @type {any} */ delivery) => {
    const id = taskOf(delivery);
    return h("a", { class: "id", href: address(`tasks/${id}`), title: id }, `…${id.slice(-12)}`);
  };
  return recordTable("Deliveries", [
    { title: "Time", cell: (delivery) => time(delivery.time) },
    withTask && { title: "Task", cell: task },
    withTask && { title: "Host", kind: "wide", cell: (delivery) => delivery.host },
    { title: "Event", cell: (delivery) => delivery.event },
    { title: "Outcome", cell: (delivery) => badge(delivery.outcome) },
    { title: "Status", cell: (delivery) => delivery.status ?? "–" },
    { title: "Error", kind: "wide", cell: (delivery) => delivery.error ?? "–" },
    { title: "Retry due", cell: (delivery) => time(delivery.next_try) },
    may("change") && {
      title: "",
      cell: (delivery) =>
        h("button", {
          onclick: () => resend(delivery),
          "aria-label": `Send delivery ${delivery.number} again`,
        }, "Send again"),
    },
  ], deliveries);
}
