/** The log of a task: follow and search. */

import { get, taskPath } from "./api.js";
import { copy } from "./dialog.js";
import { count, fill, h, moment, some } from "./dom.js";

const POLL_MS = 1_000;
const MAX_LINES = 1_000;
const clock = new Intl.DateTimeFormat("en", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
  hour12: false,
});

/**
 * Make the log. `renew` reads it; while the task runs, it is read again each second.
 * @param {string} id
 * @param {AbortSignal} signal
 * @returns {{element: HTMLElement, renew: (isRunning: boolean) => void}}
 */
export function taskLog(id, signal) {
  const lines = h("ol", { class: "lines", tabindex: 0, "aria-label": "Lines of the log" });
  const search = h("input", {
    type: "search",
    placeholder: "Find",
    "aria-label": "Find in the log",
  });
  const follow = h("input", { type: "checkbox", checked: true });
  const number = h("span", { class: "hint" });
  /** @type {any[]} */
  let known = [];
  let running = false, reading = false;

  const show = () => {
    const wanted = search.value.toLowerCase();
    const fitting = known.filter(({ message }) => message.toLowerCase().includes(wanted));
    fill(
      lines,
      fitting.map((line) =>
        h(
          "li",
          null,
          h(
            "time",
            { class: "clock", datetime: line.time, title: line.time },
            clock.format(moment(line.time)),
          ),
          h("span", { class: "attempt", title: "Attempt" }, `#${line.attempt}`),
          h("span", { class: "message" }, line.message),
        )
      ),
    );
    fill(
      number,
      wanted
        ? `${count(fitting.length)} of ${some(known.length, "line")}`
        : some(known.length, "line"),
    );
    if (follow.checked) lines.scrollTop = lines.scrollHeight;
  };
  const read = async () => {
    if (reading || signal.aborted) return;
    reading = true;
    try {
      const last = known.at(-1)?.number ?? 0;
      const { lines: next } = await get(`${taskPath(id)}/logs?after=${last}`, signal);
      known = [...known, ...next].slice(-MAX_LINES);
      if (next.length || !number.textContent) show();
    } catch {
      // The banner tells that the service does not respond; the lines stay.
    } finally {
      reading = false;
    }
  };
  const timer = setInterval(() => running && !document.hidden && read(), POLL_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
  search.addEventListener("input", show);
  const text = () =>
    known.map((line) => `${line.time} #${line.attempt} ${line.message}`).join("\n");
  return {
    element: h(
      "section",
      { class: "log" },
      h(
        "div",
        { class: "bar" },
        h("h2", null, "Log"),
        number,
        search,
        h("label", { class: "choice" }, follow, "Follow"),
        h("button", { onclick: () => copy(text(), "the log") }, "Copy"),
      ),
      lines,
    ),
    renew: (isRunning) => {
      running = isRunning;
      read();
    },
  };
}
