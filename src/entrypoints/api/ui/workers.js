/** The living workers, and what they run. */

import { get } from "./api.js";
import { nothing } from "./dialog.js";
import { count, fill, h, time } from "./dom.js";
import { keepFresh } from "./fresh.js";
import { refill } from "./refill.js";
import { address } from "./router.js";

const MAX_RUNNING = 10;

/**
 * @param {HTMLElement} root
 * @param {import("./app.js").Context} context
 */
export function show(root, { signal }) {
  const body = h("div");
  fill(root, h("h1", null, "Workers"), body);
  keepFresh(body, signal, async () => {
    const { workers } = await get("workers", signal);
    refill(
      body,
      workers.length ? table(workers) : nothing(
        "No worker is alive: tasks wait. Start one with the settings of this service:",
        "task-manager worker",
      ),
    );
  });
}

/** @param {any[]} workers */
function table(workers) {
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": "Workers" },
    h(
      "table",
      null,
      h(
        "thead",
        null,
        h(
          "tr",
          null,
          ["Worker", "Host", "Process", "Queues", "Busy", "Running tasks", "Last heartbeat"]
            .map((title) => h("th", { scope: "col" }, title)),
        ),
      ),
      h(
        "tbody",
        null,
        workers.map((worker) =>
          h(
            "tr",
            null,
            h("th", { scope: "row" }, worker.name),
            h("td", { class: "wide" }, worker.host),
            h("td", null, worker.pid),
            h(
              "td",
              null,
              worker.queues.map((/** @type {string} */ queue) =>
                h("a", { class: "token", href: address("tasks", { queue }) }, queue)
              ),
            ),
            h(
              "td",
              null,
              `${count(worker.running.length)} of ${count(worker.concurrency)} `,
              h("meter", {
                value: worker.running.length,
                max: worker.concurrency,
                "aria-label": `Busy processes of ${worker.name}`,
              }),
            ),
            h(
              "td",
              null,
              worker.running.slice(0, MAX_RUNNING).map((/** @type {string} */ id) =>
                h(
                  "a",
                  { class: "token", href: address(`tasks/${id}`), title: id },
                  `…${id.slice(-8)}`,
                )
              ),
              worker.running.length > MAX_RUNNING &&
                ` and ${count(worker.running.length - MAX_RUNNING)} more`,
            ),
            h("td", null, time(worker.last_heartbeat)),
          )
        ),
      ),
    ),
  );
}
