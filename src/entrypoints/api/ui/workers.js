/** The living workers, and what they run. */

import { get } from "./api.js";
import { nothing } from "./dialog.js";
import { count, fill, h, time } from "./dom.js";
import { keepFresh } from "./fresh.js";
import { recordTable } from "./records.js";
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
  const running = (/** @type {any} */ worker) => [
    ...worker.running.slice(0, MAX_RUNNING).map((/** @type {string} */ id) =>
      h("a", { class: "token", href: address(`tasks/${id}`), title: id }, `…${id.slice(-8)}`)
    ),
    worker.running.length > MAX_RUNNING &&
    ` and ${count(worker.running.length - MAX_RUNNING)} more`,
  ];
  return recordTable("Workers", [
    { title: "Worker", kind: "name", cell: (worker) => worker.name },
    { title: "Host", kind: "wide", cell: (worker) => worker.host },
    { title: "Process", cell: (worker) => worker.pid },
    {
      title: "Queues",
      cell: (worker) =>
        worker.queues.map((/** @type {string} */ queue) =>
          h("a", { class: "token", href: address("tasks", { queue }) }, queue)
        ),
    },
    {
      title: "Busy",
      cell: (worker) => [
        `${count(worker.running.length - worker.io_running)} of ${count(worker.concurrency)} `,
        h("meter", {
          value: worker.running.length - worker.io_running,
          max: worker.concurrency,
          "aria-label": `Busy processes of ${worker.name}`,
        }),
      ],
    },
    {
      title: "I/O pool",
      cell: (worker) =>
        worker.io_concurrency
          ? `${count(worker.io_running)} of ${count(worker.io_concurrency)}`
          : "none",
    },
    { title: "Running tasks", cell: running },
    { title: "Last heartbeat", cell: (worker) => time(worker.last_heartbeat) },
  ], workers);
}
