/** The delivery attempts of callbacks, as a table in which each can be sent again. */

import { post, taskPath } from "./api.js";
import { attempt } from "./dialog.js";
import { badge, h, time } from "./dom.js";
import { address } from "./router.js";

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
  const titles = [
    "Time",
    ...withTask ? ["Task", "Host"] : [],
    "Event",
    "Outcome",
    "Status",
    "Error",
    "Retry due",
    "",
  ];
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": "Deliveries" },
    h(
      "table",
      null,
      h(
        "thead",
        null,
        h(
          "tr",
          null,
          titles.map((title) => title ? h("th", { scope: "col" }, title) : h("td", null)),
        ),
      ),
      h(
        "tbody",
        null,
        deliveries.map((delivery) =>
          h(
            "tr",
            null,
            h("td", null, time(delivery.time)),
            withTask &&
              [
                h(
                  "td",
                  null,
                  h(
                    "a",
                    {
                      class: "id",
                      href: address(`tasks/${taskOf(delivery)}`),
                      title: taskOf(delivery),
                    },
                    `…${taskOf(delivery).slice(-12)}`,
                  ),
                ),
                h("td", { class: "wide" }, delivery.host),
              ],
            h("td", null, delivery.event),
            h("td", null, badge(delivery.outcome)),
            h("td", null, delivery.status ?? "–"),
            h("td", { class: "wide" }, delivery.error ?? "–"),
            h("td", null, time(delivery.next_try)),
            h(
              "td",
              null,
              h("button", {
                onclick: () => resend(delivery),
                "aria-label": `Send delivery ${delivery.number} again`,
              }, "Send again"),
            ),
          )
        ),
      ),
    ),
  );
}
