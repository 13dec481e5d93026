/** What goes on now, the last hour, and what needs attention. */

import { get } from "./api.js";
import { attention } from "./attention.js";
import { chart } from "./chart.js";
import { nothing } from "./dialog.js";
import { count, duration, fill, h, moment, some } from "./dom.js";
import { keepFresh } from "./fresh.js";
import { recordTable } from "./records.js";
import { refill } from "./refill.js";
import { address, go } from "./router.js";
import { sampleCommand } from "./samples.js";

const SPANS = /** @type {Record<string, string>} */ ({
  "5m": "5 minutes",
  "60m": "60 minutes",
  "24h": "24 hours",
  "7d": "7 days",
});
const MAX_QUEUES = 6;
const RATE_MINUTES = 5;
const RENEW_TYPES_MS = 10_000;

/** @param {any[]} minutes @param {string} name */
function sum(minutes, name) {
  return minutes.reduce((total, minute) => total + minute[name], 0);
}

/** @param {number} perSecond */
function rate(perSecond) {
  if (perSecond === 0) return "0";
  return perSecond < 10 ? String(Number(perSecond.toPrecision(2))) : count(Math.round(perSecond));
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
  const types = { series: /** @type {any[]} */ ([]), readAt: -Infinity };
  const readTypes = async () => {
    if (Date.now() - types.readAt < RENEW_TYPES_MS) return;
    types.series = (await get("stats/series?span=60m&by=type", signal)).series;
    types.readAt = Date.now();
  };
  const reload = keepFresh(body, signal, async () => {
    const span = SPANS[query.get("span") ?? ""] ? query.get("span") ?? "" : "60m";
    const [stats, { queues }, { workers }, series, callbacks] = await Promise.all([
      get("stats", signal),
      get("queues", signal),
      get("workers", signal),
      get(`stats/series?span=${span}`, signal),
      get("deliveries?outcome=given_up&page_size=1", signal),
      readTypes(),
    ]);
    refill(
      body,
      stats.total === 0 && !workers.length ? null : tiles(stats, queues, workers),
      attention({
        store: stats.store,
        queues,
        workers,
        types: types.series,
        givenUp: callbacks.deliveries[0],
      }),
      stats.total === 0
        ? nothing("There are no tasks yet. Submit the first one:", sampleCommand())
        : charts(stats, series, span),
    );
  });

  /** @param {any} stats @param {any[]} queues @param {any[]} workers */
  function tiles(stats, queues, workers) {
    const recent = stats.last_hour.slice(-RATE_MINUTES);
    const seconds = (Date.now() - moment(recent[0].begins_at).getTime()) / 1000;
    const perSecond = (/** @type {string} */ name) => sum(recent, name) / Math.max(1, seconds);
    const oldest = Math.max(...queues.map((queue) => queue.oldest_waiting_seconds ?? -1), -1);
    const capacity = workers.reduce(
      (total, worker) => total + worker.concurrency + worker.io_concurrency,
      0,
    );
    const inMinutes = (/** @type {number} */ number) =>
      `${count(number)} in the last ${RATE_MINUTES} minutes`;
    const tile = (
      /** @type {string} */ title,
      /** @type {string} */ value,
      /** @type {string} */ hint,
      /** @type {string} */ link,
    ) =>
      h(
        "a",
        { class: "tile", href: link },
        h("span", { class: "title" }, title),
        h("strong", null, value),
        h("span", { class: "hint" }, hint),
      );
    const scheduled = stats.by_status.SCHEDULED;
    return h(
      "div",
      { class: "tiles" },
      tile(
        "Waiting",
        count(stats.by_status.QUEUED),
        `${count(scheduled)} scheduled`,
        address("tasks", { status: "QUEUED" }),
      ),
      tile(
        "Running",
        count(stats.by_status.PROCESSING),
        `${count(capacity)} can run at once`,
        address("tasks", { status: "PROCESSING" }),
      ),
      tile(
        "Ended per second",
        rate(perSecond("completed") + perSecond("failed")),
        inMinutes(sum(recent, "completed") + sum(recent, "failed")),
        address("tasks", { status: "COMPLETED,FAILED" }),
      ),
      tile(
        "Failed per second",
        rate(perSecond("failed")),
        inMinutes(sum(recent, "failed")),
        address("tasks", { status: "FAILED" }),
      ),
      tile(
        "Oldest waiting",
        oldest < 0 ? "–" : duration(oldest),
        "in any queue",
        address("tasks", { status: "QUEUED", sort: "submitted_at" }),
      ),
    );
  }

  /** @param {any} stats @param {any} series @param {string} span */
  function charts(stats, series, span) {
    const times = series.begins_at.map(moment);
    const { total, step_seconds: step } = series;
    const per = step === 60 ? "minute" : "hour";
    const outcomes = ["completed", "failed", "cancelled", "expired"];
    const queues = [...series.series].sort((a, b) =>
      Math.max(...b.backlog) - Math.max(...a.backlog)
    ).slice(0, MAX_QUEUES);
    const choice = h(
      "div",
      { class: "chips", role: "group", "aria-label": "Time of the charts" },
      Object.entries(SPANS).map(([each, text]) =>
        h("button", {
          class: "chip",
          "aria-pressed": String(each === span),
          onclick: () => go("overview", { span: each }),
        }, text)
      ),
    );
    const percentile = (/** @type {string} */ what) =>
      ["p50", "p95"].map((each, place) => ({
        name: each,
        kind: `c${place}`,
        values: total[`${what}_${each}`],
      }));
    const percentiles = ["p50", "p95", "p99"];
    return h(
      "div",
      null,
      choice,
      h(
        "div",
        { class: "charts" },
        chart(
          `Ended per ${per}`,
          times,
          outcomes.map((each) => ({ name: each, kind: each, values: total[each] })),
          { stacked: true },
        ),
        chart(
          "Waiting tasks by queue",
          times,
          queues.map(({ name, backlog }, place) => ({ name, kind: `c${place}`, values: backlog })),
        ),
        chart("Wait until the start", times, percentile("wait"), { show: duration }),
        chart("Run time", times, percentile("run"), { show: duration }),
      ),
      h(
        "section",
        null,
        h("h2", null, "Wait and run time"),
        stats.sample
          ? recordTable("Wait and run time", [
            { title: "", kind: "name", cell: ({ title }) => title },
            ...percentiles.map((each) => ({
              title: each,
              kind: "number",
              cell: (/** @type {any} */ { times }) => duration(times[each]),
            })),
          ], [
            { title: "Wait", times: stats.wait_seconds },
            { title: "Run", times: stats.run_seconds },
          ])
          : null,
        h(
          "p",
          { class: "hint" },
          stats.sample
            ? `Of the ${some(stats.sample, "task")} that ended last.`
            : "No task has ended yet.",
        ),
      ),
    );
  }
  return (next) => {
    query = next;
    reload();
  };
}
