/** The queues: pause, resume and remove. */

import { call, get, post } from "./api.js";
import { attempt, confirmed, nothing } from "./dialog.js";
import { count, duration, fill, h, some } from "./dom.js";
import { keepFresh } from "./fresh.js";
import { recordTable } from "./records.js";
import { refill } from "./refill.js";
import { address } from "./router.js";
import { sampleCommand } from "./samples.js";
import { may } from "./session.js";

/**
 * @param {HTMLElement} root
 * @param {import("./app.js").Context} context
 */
export function show(root, { signal }) {
  const body = h("div");
  const reload = keepFresh(body, signal, async () => {
    const { queues } = await get("queues", signal);
    refill(
      body,
      queues.length ? table(queues) : nothing(
        "There are no queues yet. A queue exists once a task names it or a worker serves it:",
        sampleCommand(),
      ),
    );
  });
  const act = (/** @type {() => Promise<string | void>} */ action) => async () => {
    await attempt(action);
    reload();
  };
  const path = (/** @type {string} */ name) => `queues/${encodeURIComponent(name)}`;

  /** @param {any} queue */
  function buttons(queue) {
    const pause = async () => {
      if (
        !await confirmed(
          `Pause ${queue.name}?`,
          `${
            some(queue.depth, "waiting task")
          } and later ones will not start until it is resumed. ${
            some(queue.processing, "running task")
          } will go on.`,
          "Pause the queue",
        )
      ) return;
      await post(`${path(queue.name)}/pause`);
      return `The queue ${queue.name} is paused.`;
    };
    const resume = async () => {
      await post(`${path(queue.name)}/resume`);
      return `The queue ${queue.name} is resumed.`;
    };
    const remove = async () => {
      if (
        !await confirmed(
          `Remove ${queue.name}?`,
          "Only a queue without tasks and workers can be removed, and its pause goes with it. " +
            "A later task that names it creates it again.",
          "Remove the queue",
        )
      ) return;
      await call("DELETE", path(queue.name));
      return `The queue ${queue.name} is removed.`;
    };
    return h(
      "div",
      { class: "buttons" },
      queue.paused
        ? h("button", { class: "primary", onclick: act(resume) }, "Resume")
        : h("button", { onclick: act(pause) }, "Pause"),
      h("button", { class: "quiet", onclick: act(remove) }, "Remove"),
    );
  }

  /** @param {any[]} queues */
  function table(queues) {
    const link = (
      /** @type {any} */ queue,
      /** @type {string} */ status,
      /** @type {number} */ number,
    ) => h("a", { href: address("tasks", { queue: queue.name, status }) }, count(number));
    const state = (/** @type {any} */ queue) =>
      queue.paused
        ? h("span", { class: "badge warn" }, "paused")
        : !queue.workers && queue.depth
        ? h("span", { class: "badge warn" }, "no worker")
        : h("span", { class: "badge" }, "open");
    return recordTable("Queues", [
      {
        title: "Queue",
        kind: "name",
        cell: ({ name }) => h("a", { href: address("tasks", { queue: name }) }, name),
      },
      { title: "State", cell: state },
      { title: "Waiting", kind: "number", cell: (queue) => link(queue, "QUEUED", queue.depth) },
      { title: "For I/O", kind: "number", cell: (queue) => count(queue.io_depth) },
      {
        title: "Running",
        kind: "number",
        cell: (queue) => link(queue, "PROCESSING", queue.processing),
      },
      {
        title: "Scheduled",
        kind: "number",
        cell: (queue) => link(queue, "SCHEDULED", queue.scheduled),
      },
      {
        title: "Oldest waiting",
        kind: "number",
        cell: (queue) => duration(queue.oldest_waiting_seconds),
      },
      {
        title: "Workers",
        kind: "number",
        cell: (queue) => h("a", { href: address("workers") }, count(queue.workers)),
      },
      may("operate_queues") && { title: "", cell: buttons },
    ], queues);
  }
  fill(root, h("h1", null, "Queues"), body);
}
