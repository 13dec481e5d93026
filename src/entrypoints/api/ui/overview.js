/** What goes on now, the last hour, and what needs attention. */

import { get } from "./api.js";
import { barChart } from "./chart.js";
import { nothing } from "./dialog.js";
import { count, duration, fill, h, moment, some } from "./dom.js";
import { keepFresh } from "./queues.js";
import { address, go } from "./router.js";
import { sampleCommand } from "./samples.js";

const SPANS = /** @type {Record<string, number>} */ ({ "5": 5, "60": 60 });
const RATE_MINUTES = 5;
const OLD_SECONDS = 300;
const MANY_FAILED = 0.1;

/** @param {any[]} minutes @param {string} name */
function sum(minutes, name) {
  return minutes.reduce((total, minute) => total + minute[name], 0);
}

/** @param {number} perSecond */
function rate(perSecond) {
  return perSecond === 0 ? "0" : perSecond < 10 ? perSecond.toFixed(2) : count(Math.round(perSecond));
}

/**
 * @param {HTMLElement} root
 * @param {import("./app.js").Context} context
 * @returns {import("./app.js").Update}
 */
export function show(root, { query: first, signal }) {
  let query = first;
  const body = h("div", { class: "overview" });
  fill(root, h("h1", null, "Overview"), body);
  const reload = keepFresh(body, signal, async () => {
    const [stats, { queues }, { workers }] = await Promise.all([
      get("stats", signal), get("queues", signal), get("workers", signal),
    ]);
    const wasOpen = [...body.querySelectorAll("details")].map((details) => details.open);
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset?.minutes;
    fill(body, stats.total === 0 && !workers.length ? null : tiles(stats, queues, workers),
      attention(stats, queues, workers),
      stats.total === 0 ? nothing("There are no tasks yet. Submit the first one:", sampleCommand()) : charts(stats));
    [...body.querySelectorAll("details")].forEach((details, place) => { details.open = wasOpen[place] ?? false; });
    if (focused) /** @type {HTMLElement | null} */ (body.querySelector(`[data-minutes="${focused}"]`))?.focus();
  });

  /** @param {any} stats @param {any[]} queues @param {any[]} workers */
  function tiles(stats, queues, workers) {
    const recent = stats.last_hour.slice(-1 - RATE_MINUTES, -1);
    const perSecond = (/** @type {string} */ name) => sum(recent, name) / (60 * Math.max(1, recent.length));
    const oldest = Math.max(...queues.map((queue) => queue.oldest_waiting_seconds ?? -1), -1);
    const capacity = workers.reduce((total, worker) => total + worker.concurrency, 0);
    const tile = (/** @type {string} */ title, /** @type {string} */ value, /** @type {string} */ hint, /** @type {string} */ link) =>
      h("a", { class: "tile", href: link }, h("span", { class: "title" }, title),
        h("strong", null, value), h("span", { class: "hint" }, hint));
    const scheduled = stats.by_status.SCHEDULED;
    return h("div", { class: "tiles" },
      tile("Waiting", count(stats.by_status.QUEUED), `${count(scheduled)} scheduled`, address("tasks", { status: "QUEUED" })),
      tile("Running", count(stats.by_status.PROCESSING), `${count(capacity)} can run at once`, address("tasks", { status: "PROCESSING" })),
      tile("Completed per second", rate(perSecond("completed")), `last ${RATE_MINUTES} minutes`, address("tasks", { status: "COMPLETED" })),
      tile("Failed per second", rate(perSecond("failed")), `${count(stats.by_status.FAILED)} stored`, address("tasks", { status: "FAILED" })),
      tile("Oldest waiting", oldest < 0 ? "–" : duration(oldest), "in any queue", address("tasks", { status: "QUEUED", sort: "submitted_at" })));
  }

  /** @param {any} stats @param {any[]} queues @param {any[]} workers */
  function attention(stats, queues, workers) {
    /** @type {[string, string][]} */
    const found = [];
    if (!workers.length) found.push(["No worker is alive: no task starts.", address("workers")]);
    for (const { name, depth, paused, workers: serving, oldest_waiting_seconds: oldest } of queues) {
      const waiting = address("tasks", { queue: name, status: "QUEUED" });
      const wait = depth === 1 ? "1 task waits" : `${count(depth)} tasks wait`;
      if (depth && paused) found.push([`The queue ${name} is paused, and ${wait} in it.`, waiting]);
      else if (depth && !serving && workers.length) found.push([`No worker serves the queue ${name}, and ${wait} in it.`, waiting]);
      else if (oldest > OLD_SECONDS) found.push([`A task waits in the queue ${name} for ${duration(oldest)}.`, waiting]);
    }
    const failed = sum(stats.last_hour, "failed"), ended = failed + sum(stats.last_hour, "completed");
    if (ended && failed / ended > MANY_FAILED) {
      found.push([`${some(failed, "task")} failed in the last hour, ${Math.round(failed / ended * 100)} % of those that ended.`, address("tasks", { status: "FAILED" })]);
    }
    return h("section", { class: "attention", "aria-live": "polite" }, h("h2", null, "Needs attention"),
      found.length ? h("ul", null, found.map(([text, link]) => h("li", null, h("a", { href: link }, text))))
        : h("p", { class: "hint" }, "Nothing: every queue with tasks has a worker, none waits long, and few fail."));
  }

  /** @param {any} stats */
  function charts(stats) {
    const span = query.get("minutes") ?? "60";
    const minutes = stats.last_hour.slice(-(SPANS[span] ?? 60));
    const times = minutes.map((/** @type {any} */ minute) => moment(minute.begins_at));
    const values = (/** @type {string} */ name) => minutes.map((/** @type {any} */ minute) => minute[name]);
    const choice = h("div", { class: "chips", role: "group", "aria-label": "Time of the charts" },
      Object.keys(SPANS).map((each) => h("button", {
        class: "chip", "data-minutes": each, "aria-pressed": String(each === span), onclick: () => go("overview", { minutes: each }),
      }, `${each} minutes`)));
    const percentiles = ["p50", "p95", "p99"];
    return h("div", null, choice,
      h("div", { class: "charts" },
        barChart("Ended per minute", times, [
          { name: "completed", kind: "completed", values: values("completed") },
          { name: "failed", kind: "failed", values: values("failed") },
        ]),
        barChart("Submitted per minute", times, [
          { name: "submitted", kind: "submitted", values: values("submitted") },
        ])),
      h("section", null, h("h2", null, "Wait and run time"),
        stats.sample ? h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Wait and run time" }, h("table", null,
          h("thead", null, h("tr", null, h("td", null), percentiles.map((each) => h("th", { scope: "col" }, each)))),
          h("tbody", null, [["Wait", stats.wait_seconds], ["Run", stats.run_seconds]].map(([title, times]) => h("tr", null,
            h("th", { scope: "row" }, title), percentiles.map((each) => h("td", { class: "number" }, duration(times[each]))))))))
          : null,
        h("p", { class: "hint" }, stats.sample ? `Of the last ${some(stats.sample, "ended task")}.` : "No task has ended yet.")));
  }
  return (next) => {
    query = next;
    reload();
  };
}
