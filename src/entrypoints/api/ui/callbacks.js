/** The delivery attempts of all callbacks. */

import { curl, get } from "./api.js";
import { nothing } from "./dialog.js";
import { deliveryTable } from "./deliveries.js";
import { fill, h, some } from "./dom.js";
import { keepFresh } from "./fresh.js";
import { refill } from "./refill.js";
import { go } from "./router.js";

const OUTCOMES = ["delivered", "to_be_retried", "given_up"];
const PAGE_SIZE = "50";

/**
 * @param {HTMLElement} root
 * @param {import("./app.js").Context} context
 * @returns {import("./app.js").Update}
 */
export function show(root, { query: first, signal }) {
  let query = first;
  const chips = h("div", { class: "chips", role: "group", "aria-label": "Outcome" });
  const body = h("div");
  fill(root, h("h1", null, "Callbacks"), chips, body);

  const reload = keepFresh(body, signal, async () => {
    const outcome = query.get("outcome") ?? "", cursor = query.get("cursor") ?? "";
    refill(
      chips,
      ["", ...OUTCOMES].map((each) =>
        h("button", {
          class: "chip",
          "aria-pressed": String(each === outcome),
          onclick: () => go("callbacks", each ? { outcome: each } : {}),
        }, each.replaceAll("_", " ") || "all")
      ),
    );
    const asked = new URLSearchParams({ page_size: PAGE_SIZE });
    if (outcome) asked.set("outcome", outcome);
    if (cursor) asked.set("cursor", cursor);
    const { deliveries, pending, next_cursor: next } = await get(`deliveries?${asked}`, signal);
    refill(
      body,
      h(
        "p",
        { class: "summary", "aria-live": "polite" },
        `${some(pending, "callback")} still to be delivered`,
      ),
      deliveries.length
        ? deliveryTable(deliveries, (delivery) => delivery.task_id, reload, true)
        : outcome || cursor
        ? nothing("No delivery attempt has this outcome.")
        : nothing(
          "No callback was sent yet. A task with a callback_url sends one when it is final:",
          curl(
            "POST",
            "tasks",
            '{"task_name": "test", "duration": 3, "callback_url": "https://example.com/hook"}',
          ),
        ),
      h(
        "nav",
        { class: "pager", "aria-label": "Pages" },
        cursor &&
          h("button", { onclick: () => go("callbacks", outcome ? { outcome } : {}) }, "Newest"),
        next &&
          h("button", {
            onclick: () => go("callbacks", { ...outcome && { outcome }, cursor: next }),
          }, "Older →"),
      ),
    );
  });
  return (next) => {
    query = next;
    reload();
  };
}
