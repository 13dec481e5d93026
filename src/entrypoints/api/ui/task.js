/** One task: what it is, when and why, its data, and what can be done with it. */

import { call, curl, get, post, Problem, taskPath } from "./api.js";
import { progressBar } from "./columns.js";
import { attempt, confirmed, copy, showError, tell } from "./dialog.js";
import { deliveryTable } from "./deliveries.js";
import { badge, count, duration, fill, h, some, time } from "./dom.js";
import { atMostEvery, onChanges } from "./events.js";
import { historyTable, readHistory } from "./history.js";
import { indented, members } from "./json.js";
import { taskLog } from "./log.js";
import { refill } from "./refill.js";
import { address, go } from "./router.js";
import { sentence } from "./sentence.js";
import { link } from "./link.js";
import { may, reader } from "./session.js";
import { share } from "./share.js";
import { timeline } from "./timeline.js";
import { errorBox, viewer } from "./viewer.js";

const RELOAD_MS = 500;
const DELIVERIES_MS = 5_000;
const WAITING = ["SCHEDULED", "QUEUED"];
const WIDE = ["Labels", "Callback", "Id"];
const RETRYABLE = ["FAILED", "CANCELLED", "EXPIRED"];

/** @param {any} task @param {() => void} reload */
function actions(task, reload) {
  const id = task.task_id, path = taskPath(id);
  const isRunning = task.status === "PROCESSING";
  const button = (
    /** @type {string} */ text,
    /** @type {() => Promise<string | void>} */ action,
    primary = false,
  ) =>
    h("button", {
      class: primary && "primary",
      onclick: async () => {
        await attempt(action);
        reload();
      },
    }, text);
  const cancel = async () => {
    const what = isRunning
      ? "It runs now, and is stopped within seconds."
      : "It waits, and will not start.";
    if (!await confirmed("Cancel this task?", what, "Cancel the task")) return;
    const { status } = await post(`${path}/cancel`);
    return status === 202 ? "The task was asked to stop." : "The task is cancelled.";
  };
  const retry = async () => {
    await post(`${path}/retry`);
    return "The task is queued again.";
  };
  const remove = async () => {
    const what = isRunning
      ? "It runs now: it is stopped first, then deleted with its log."
      : "Its payload, result and log are deleted. This cannot be undone.";
    if (!await confirmed("Delete this task?", what, "Delete the task")) return;
    const { status } = await call("DELETE", isRunning ? `${path}?cancel=true` : path);
    if (status === 202) return "The task is stopped, then deleted.";
    tell("The task is deleted.");
    go("tasks");
  };
  const change = may("change"), mayCancel = change || may("cancel");
  const edit = address("new", { edit: id });
  return [
    change && RETRYABLE.includes(task.status) && button("Retry", retry, true),
    mayCancel && (WAITING.includes(task.status) || isRunning) && button("Cancel", cancel),
    change && h("a", { class: "button", href: edit }, "Edit"),
    may("submit") &&
    h("a", { class: "button", href: address("new", { from: id }) }, "Duplicate"),
    may("delete") && button("Delete", remove),
    may("read") && reader()?.needs_key && button("Share link", () => share(id)),
    h("button", { onclick: () => copy(curl("GET", path), "the curl command") }, "Copy as curl"),
  ];
}

/** @param {any} task */
function facts(task) {
  const filter = (
    /** @type {string} */ name,
    /** @type {string} */ value,
    /** @type {string | false} */ kind = false,
  ) =>
    link
      ? h("span", { class: kind }, value)
      : h("a", { class: kind, href: address("tasks", { [name]: value }) }, value);
  const lines = /** @type {[string, import("./dom.js").Child | import("./dom.js").Child[]][]} */ ([
    ["Type", filter("type", task.type)],
    ["Queue", filter("queue", task.queue)],
    ["Submitted", time(task.submitted_at)],
    ["Runs at", task.run_at && time(task.run_at)],
    ["Next attempt", task.due_at && task.attempt > 0 && time(task.due_at)],
    ["Started", task.started_at && time(task.started_at)],
    ["Finished", task.finished_at && time(task.finished_at)],
    ["Expires", task.expires_at && time(task.expires_at)],
    ["Attempt", `${task.attempt} of ${task.max_attempts}`],
    ["Duration", task.duration !== undefined && some(task.duration, "second")],
    ["Priority", task.priority],
    ["Timeout", duration(task.timeout)],
    [
      "Labels",
      Object.entries(task.labels).length > 0 &&
      Object.entries(task.labels).map(([key, value]) =>
        filter("label", `${key}:${value}`, "token")
      ),
    ],
    ["Callback", task.callback_url],
    ["Submitted by", task.submitted_by && h("code", null, task.submitted_by)],
    [
      "Schedule",
      task.schedule && [
        h("a", { href: address("schedules") }, task.schedule.name),
        task.schedule.slot && [" for ", time(task.schedule.slot)],
      ].flat(),
    ],
    ["Version", count(task.version)],
    [
      "Id",
      h(
        "span",
        null,
        h("code", null, task.task_id),
        " ",
        h("button", { class: "quiet", onclick: () => copy(task.task_id, "the id") }, "Copy"),
      ),
    ],
  ]);
  return h(
    "dl",
    { class: "facts" },
    lines.filter(([, value]) => value !== undefined && value !== false)
      .map(([title, value]) =>
        h(
          "div",
          { class: WIDE.includes(title) && "wide" },
          h("dt", null, title),
          h("dd", null, value),
        )
      ),
  );
}

/**
 * @param {HTMLElement} root
 * @param {import("./app.js").Context} context
 */
export function show(root, { id, signal }) {
  const head = h("div"), live = h("div", { "aria-live": "polite", class: "sentence" });
  const about = h("div"),
    why = h("div"),
    attempts = h("div"),
    data = h("div", { class: "columns" }),
    callbacks = h("div"),
    past = h("div");
  const log = taskLog(id, signal);
  let shownData = "", shownHead = "", shownVersion = 0, isGone = false, hasCallback = false;

  async function load() {
    if (isGone) return;
    let text, task, queues, workers;
    try {
      ({ text, data: task } = await call("GET", taskPath(id), { signal }));
      if (WAITING.includes(task.status)) {
        [queues, workers] = await Promise.all([
          may("observe_queues") ? get("queues", signal) : undefined,
          may("observe") ? get("workers", signal) : undefined,
        ]);
      }
    } catch (error) {
      if (error instanceof Problem && error.status === 404) {
        isGone = true;
        fill(
          root,
          h("h1", null, "Task"),
          h(
            "div",
            { class: "nothing" },
            h(
              "p",
              null,
              link
                ? "The link has ended, or the task is gone. Ask whoever sent it for another one."
                : "There is no task with this id. It was deleted, or its retention has ended.",
            ),
            !link && h("a", { class: "button", href: address("tasks") }, "To the tasks"),
          ),
        );
        return;
      }
      if (!shownHead && !signal.aborted) showError(head, error, reload);
      return;
    }
    document.title = `${task.task_name} · Task Manager`;
    if (shownHead !== text) {
      shownHead = text;
      refill(
        head,
        h(
          "div",
          { class: "title" },
          h("h1", null, task.task_name),
          badge(task.status),
          h("div", { class: "buttons" }, actions(task, reload)),
        ),
      );
      refill(about, facts(task));
      fill(
        why,
        task.error && errorBox(task.error, "Error"),
        task.last_error && errorBox(task.last_error, "Error of the last attempt"),
      );
      showData(members(text));
    }
    fill(
      live,
      h("p", null, ...sentence(task, queues?.queues, workers?.workers)),
      task.progress && h("p", null, progressBar(task.progress)),
    );
    log.renew(task.status === "PROCESSING");
    hasCallback = !link && task.callback_url !== undefined;
    await Promise.all([
      !link && loadAttempts(),
      hasCallback && loadDeliveries(),
      !link && task.version !== shownVersion && loadHistory(task.version),
    ]);
  }

  /** @param {Map<string, string>} source */
  function showData(source) {
    const next = ["payload", "result"].filter((name) => source.has(name));
    const key = next.map((name) => source.get(name)).join("\n");
    if (key === shownData) return; // a search in it goes on
    shownData = key;
    fill(
      data,
      next.map((name) =>
        viewer(name === "payload" ? "Payload" : "Result", indented(source.get(name) ?? ""))
      ),
    );
  }

  async function loadAttempts() {
    refill(attempts, timeline(await get(`${taskPath(id)}/attempts`, signal)));
  }

  /** @param {number} version each version of a task has one change */
  async function loadHistory(version) {
    refill(past, historyTable(await readHistory(id, signal)));
    shownVersion = version;
  }

  async function loadDeliveries() {
    const { deliveries } = await get(`${taskPath(id)}/deliveries`, signal);
    refill(
      callbacks,
      h(
        "section",
        null,
        h("h2", null, "Callbacks"),
        deliveries.length ? deliveryTable(deliveries, () => id, reload) : h(
          "p",
          { class: "hint" },
          "No callback was sent yet: it is sent when the task is final.",
        ),
      ),
    );
  }

  fill(root, head, live, about, why, attempts, data, log.element, callbacks, past);
  const reload = atMostEvery(signal, RELOAD_MS, load);
  // A delivery follows the last event of its task, and is none itself.
  const renewing = setInterval(() => {
    if (hasCallback && !isGone && !document.hidden) loadDeliveries().catch(() => {});
  }, DELIVERIES_MS);
  signal.addEventListener("abort", () => clearInterval(renewing));
  onChanges(signal, (changes) => {
    if (!changes || changes.some(({ task }) => task.task_id === id)) reload();
  });
  reload();
}
