/** The log of a task: follow and search. */

import { get, taskPath } from "./api.js";
import { copy } from "./dialog.js";
import { count, fill, h, moment, some } from "./dom.js";
import { onLog } from "./events.js";

const POLL_MS = 1_000;
const MAX_LINES = 1_000;
const clock = new Intl.DateTimeFormat("en", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
  hour12: false,
});

/** @param {any} line */
function item(line) {
  return h(
    "li",
    null,
    h(
      "time",
      { class: "clock", datetime: line.time, title: line.time },
      clock.format(moment(line.time)),
    ),
    h("span", { class: "attempt", title: "Attempt" }, `#${line.attempt}`),
    h("span", { class: "message" }, line.message),
  );
}

/**
 * Make the log. `renew` reads what was written since, and again until that succeeds; while the task
 * runs, its lines arrive by the task's stream of events. Without that stream they are read again
 * each second.
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
  let reading = false, isRunning = false;
  /** @type {AbortController | undefined} */
  let following;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let polling;

  const fits = (/** @type {any} */ { message }) =>
    message.toLowerCase().includes(search.value.toLowerCase());
  const showNumber = () => {
    const all = some(known.length, "line");
    lines.dataset.empty = known.length ? "No line contains this." : "Nothing was written.";
    fill(number, search.value ? `${count(lines.children.length)} of ${all}` : all);
    if (follow.checked) lines.scrollTop = lines.scrollHeight;
  };
  const show = () => {
    fill(lines, known.filter(fits).map(item));
    showNumber();
  };
  const add = (/** @type {any[]} */ given) => {
    const last = known.at(-1)?.number ?? 0;
    const next = given.filter((line) => line.number > last);
    const left = known.length + next.length - MAX_LINES;
    const dropped = left > 0 ? known.slice(0, left).filter(fits).length : 0;
    known = [...known, ...next].slice(-MAX_LINES);
    lines.append(...next.slice(-MAX_LINES).filter(fits).map(item));
    for (let each = 0; each < dropped; each += 1) lines.firstElementChild?.remove();
    showNumber();
  };
  const read = async () => {
    if (reading || signal.aborted) return false;
    reading = true;
    try {
      const last = known.at(-1)?.number ?? 0;
      add((await get(`${taskPath(id)}/logs?after=${last}`, signal)).lines);
      return true;
    } catch {
      return false; // The banner tells that the service does not respond; the lines stay.
    } finally {
      reading = false;
    }
  };
  const stop = () => {
    following?.abort();
    following = undefined;
    clearInterval(polling);
    polling = undefined;
  };
  const begin = () => {
    clearInterval(polling);
    polling = undefined;
    following = new AbortController();
    onLog(id, AbortSignal.any([signal, following.signal]), ({ lines: next, refused }) => {
      if (next) add(next);
      if (refused) polling ??= setInterval(() => document.hidden || read(), POLL_MS);
    });
  };
  /** Read what is left, then stop. Until that succeeds, the stream may bring it, too. */
  const finish = async () => {
    clearInterval(polling);
    const isRead = await read();
    if (isRunning || signal.aborted) return; // it has started meanwhile, and its stream stays
    if (isRead) stop();
    else polling = setInterval(finish, POLL_MS);
  };
  signal.addEventListener("abort", stop);
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
    renew: (runs) => {
      isRunning = runs;
      if (!runs) finish();
      else if (!following) begin();
    },
  };
}
