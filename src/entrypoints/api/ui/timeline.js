/** The attempts of a task as bars on one axis of time, and as a table. */

import { badge, duration, h, moment, time } from "./dom.js";
import { recordTable } from "./records.js";

const PARTS = /** @type {Record<string, string>} */ ({
  waited: "waited",
  ran: "ran",
  backed: "backed off",
});

/**
 * Return the spans of an attempt in milliseconds since the epoch.
 * @param {any} attempt
 * @param {number} now
 */
function spans(attempt, now) {
  const at = (/** @type {string | undefined} */ text) => text ? moment(text).getTime() : undefined;
  const started = at(attempt.started_at) ?? now, ended = at(attempt.ended_at) ?? now;
  const next = at(attempt.next_attempt_at);
  return [
    { part: "waited", from: at(attempt.queued_at) ?? started, to: started },
    { part: "ran", from: started, to: ended },
    { part: "backed", from: ended, to: next ?? ended },
  ].filter(({ from, to }) => to > from);
}

/**
 * @param {{attempts: any[], waiting_since?: string}} history
 * @returns {HTMLElement}
 */
export function timeline({ attempts, waiting_since: waiting }) {
  const now = Date.now();
  const rows = attempts.map((attempt) => ({ attempt, spans: spans(attempt, now) }));
  const all = rows.flatMap((row) => row.spans);
  const begin = Math.min(
    ...all.map((span) => span.from),
    waiting ? moment(waiting).getTime() : now,
  );
  const end = Math.max(...all.map((span) => span.to), begin + 1);
  const bar = (/** @type {{part: string, from: number, to: number}} */ { part, from, to }) => {
    const text = `${PARTS[part]} ${duration((to - from) / 1000)}`;
    const element = h("span", { class: `span ${part}`, title: text });
    element.style.left = `${(from - begin) / (end - begin) * 100}%`;
    element.style.width = `${Math.max(0.3, (to - from) / (end - begin) * 100)}%`;
    return element;
  };
  const length = (/** @type {any[]} */ list, /** @type {string} */ part) => {
    const span = list.find((each) => each.part === part);
    return span ? duration((span.to - span.from) / 1000) : "–";
  };
  return h(
    "section",
    { class: "timeline" },
    h("h2", null, "Attempts"),
    waiting && moment(waiting).getTime() <= now && // a later start is in the sentence above
      h(
        "p",
        { class: "hint" },
        rows.length ? "Queued for its next attempt " : "Queued ",
        time(waiting),
        ".",
      ),
    rows.length > 0 &&
      h(
        "p",
        { class: "legend", "aria-hidden": "true" },
        Object.entries(PARTS).map(([part, text]) =>
          h("span", null, h("i", { class: `span ${part}` }), text)
        ),
      ),
    rows.length
      ? recordTable("Attempts", [
        { title: "Attempt", cell: ({ attempt }) => attempt.number },
        { title: "Outcome", cell: ({ attempt }) => badge(attempt.outcome) },
        {
          title: "Time",
          kind: "bars",
          cell: ({ spans }) => h("div", { class: "bars" }, spans.map(bar)),
        },
        { title: "Waited", kind: "number", cell: ({ spans }) => length(spans, "waited") },
        { title: "Ran", kind: "number", cell: ({ spans }) => length(spans, "ran") },
        { title: "Back-off", kind: "number", cell: ({ spans }) => length(spans, "backed") },
        { title: "Worker", cell: ({ attempt }) => attempt.worker ?? "–" },
        {
          title: "Error",
          kind: "wide",
          cell: ({ attempt }) => h("div", { class: "clamped" }, attempt.error?.message ?? "–"),
        },
      ], rows)
      : h("p", { class: "hint" }, "No attempt has started yet."),
  );
}
