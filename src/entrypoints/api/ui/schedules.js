/** The schedules: what each does next, run now, pause, edit and delete. */

import { call, curl, get, post } from "./api.js";
import { attempt, confirmed, nothing } from "./dialog.js";
import { badge, count, duration, fill, h, time } from "./dom.js";
import { keepFresh } from "./fresh.js";
import { recordTable } from "./records.js";
import { refill } from "./refill.js";
import { address, go } from "./router.js";
import { edit, make, schedulePath } from "./schedule.js";
import { may } from "./session.js";

const PAGE_SIZE = "100";
const SAMPLE = '{"cron": "30 2 * * 1-5", "task": {"task_name": "report", "duration": 3}}';

/**
 * @param {HTMLElement} root
 * @param {import("./app.js").Context} context
 * @returns {import("./app.js").Update}
 */
export function show(root, { query: first, signal }) {
  let query = first;
  const body = h("div");
  const reload = keepFresh(body, signal, async () => {
    const asked = new URLSearchParams({ page_size: PAGE_SIZE });
    const cursor = query.get("cursor");
    if (cursor) asked.set("cursor", cursor);
    const { schedules, next_cursor: next } = await get(`schedules?${asked}`, signal);
    refill(
      body,
      schedules.length ? table(schedules) : nothing(
        "There are no schedules here. A schedule submits a task at each of its times:",
        `${curl("PUT", "schedules/nightly-report", SAMPLE)}`,
      ),
      (cursor || next) &&
        h(
          "p",
          { class: "buttons" },
          cursor && h("button", { onclick: () => go("schedules") }, "First page"),
          next && h("button", { onclick: () => go("schedules", { cursor: next }) }, "Next page"),
        ),
    );
  });
  const act = (/** @type {() => Promise<string | void>} */ action) => async () => {
    await attempt(action);
    reload();
  };

  /** @param {any} schedule */
  function buttons({ name, paused }) {
    const run = async () => {
      if (
        !await confirmed(
          `Run ${name} now?`,
          "It submits one task at once, besides those of its times.",
          "Submit the task",
        )
      ) return;
      const { data } = await post(`${schedulePath(name)}/run`);
      return `The schedule ${name} has submitted the task ${data.task_id}.`;
    };
    const pause = async () => {
      if (
        !await confirmed(
          `Pause ${name}?`,
          "It submits nothing until it is resumed, and what it leaves out is not made up. " +
            "Tasks that it has submitted go on.",
          "Pause the schedule",
        )
      ) return;
      await post(`${schedulePath(name)}/pause`);
      return `The schedule ${name} is paused.`;
    };
    const resume = async () => {
      await post(`${schedulePath(name)}/resume`);
      return `The schedule ${name} is resumed.`;
    };
    const remove = async () => {
      if (
        !await confirmed(
          `Delete ${name}?`,
          "It submits nothing any more. The tasks that it has submitted stay.",
          "Delete the schedule",
        )
      ) return;
      await call("DELETE", schedulePath(name));
      return `The schedule ${name} is deleted.`;
    };
    return h(
      "div",
      { class: "buttons" },
      h("button", { onclick: act(run) }, "Run now"),
      h("button", { onclick: act(() => edit(name)) }, "Edit"),
      paused
        ? h("button", { class: "primary", onclick: act(resume) }, "Resume")
        : h("button", { onclick: act(pause) }, "Pause"),
      h("button", { class: "quiet", onclick: act(remove) }, "Delete"),
    );
  }

  /** @param {any[]} schedules */
  function table(schedules) {
    const times = (/** @type {any} */ { cron, every, timezone }) =>
      cron === undefined
        ? `every ${duration(every)}`
        : [h("code", null, cron), timezone === "UTC" ? "" : ` ${timezone}`];
    const next = (/** @type {any} */ { paused, next_runs: runs }) =>
      paused
        ? h("span", { class: "badge warn" }, "paused")
        : runs.length
        ? time(runs[0])
        : h("span", { class: "badge" }, "over");
    const last = (/** @type {any} */ { last_run: run }) =>
      run
        ? h(
          "a",
          { href: address(`tasks/${run.task_id}`) },
          run.status ? badge(run.status) : "deleted",
        )
        : "–";
    const skipped = (/** @type {any} */ { skipped: number, last_skip: skip }) =>
      skip
        ? h("span", { title: `last: ${skip.reason.replaceAll("_", " ")}` }, count(number))
        : count(number);
    return recordTable("Schedules", [
      {
        title: "Schedule",
        kind: "name",
        cell: ({ name }) => h("a", { href: address("tasks", { label: `schedule:${name}` }) }, name),
      },
      { title: "Times", kind: "wide", cell: times },
      { title: "Next", cell: next },
      { title: "Last task", cell: last },
      { title: "Made", kind: "number", cell: ({ made }) => count(made) },
      { title: "Skipped", kind: "number", cell: skipped },
      may("operate_schedules") && { title: "", cell: buttons },
    ], schedules);
  }

  fill(
    root,
    h(
      "div",
      { class: "title" },
      h("h1", null, "Schedules"),
      may("operate_schedules") &&
        h(
          "div",
          { class: "buttons" },
          h("button", { class: "primary", onclick: act(make) }, "New schedule"),
        ),
    ),
    body,
  );
  return (next) => {
    query = next;
    reload();
  };
}
