/** Make and edit one schedule as JSON, with a preview of its times. */

import { call, post, Problem, tagOf } from "./api.js";
import { dialog } from "./dialog.js";
import { fill, h, moment } from "./dom.js";
import { indented, jsonError, members } from "./json.js";

const TIMES = ["cron", "every", "timezone", "starts_at", "ends_at"];
const SETTABLE = [...TIMES, "task", "overlap", "catch_up", "jitter", "paused"];
const NEW = '{"cron":"30 2 * * 1-5","timezone":"UTC","task":{"task_name":"report","duration":3}}';

const exact = new Intl.DateTimeFormat("en", { dateStyle: "full", timeStyle: "long" });

/**
 * @param {string} name
 * @returns {string}
 */
export function schedulePath(name) {
  return `schedules/${encodeURIComponent(name)}`;
}

/**
 * Edit a stored schedule. It is saved only if nobody else has changed it meanwhile.
 * @param {string} name
 * @returns {Promise<string | void>} what was done
 */
export async function edit(name) {
  const answer = await call("GET", schedulePath(name));
  const stored = members(answer.text);
  const given = SETTABLE.filter((member) => stored.has(member))
    .map((member) => `${JSON.stringify(member)}:${stored.get(member)}`);
  return save(name, `{${given.join(",")}}`, { "If-Match": tagOf(answer) });
}

/**
 * Ask for a new schedule and store it.
 * @returns {Promise<string | void>} what was done
 */
export function make() {
  return save("", NEW, { "If-None-Match": "*" });
}

/**
 * Ask until the service takes what was entered, or the reader gives up.
 * @param {string} stored the name of the schedule; "" for a new one
 * @param {string} source its members as JSON
 * @param {Record<string, string>} headers
 * @returns {Promise<string | void>}
 */
async function save(stored, source, headers) {
  const name = h("input", { id: "schedule-name", required: true, maxlength: 100 });
  name.value = stored;
  const text = h("textarea", {
    id: "schedule-json",
    class: "source body",
    spellcheck: "false",
    "aria-describedby": "schedule-problem",
  });
  text.value = indented(source);
  for (let problem = "";;) {
    if (!await ask(stored, name, text, problem)) return;
    problem = jsonError(text.value) ?? "";
    if (problem) continue;
    try {
      await call("PUT", schedulePath(name.value), { body: text.value, headers });
      return `The schedule ${name.value} is saved.`;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      problem = error.sentences.join(" ");
    }
  }
}

/**
 * @param {string} stored
 * @param {HTMLInputElement} name
 * @param {HTMLTextAreaElement} text
 * @param {string} problem of what was entered before
 * @returns {Promise<boolean>} whether it shall be saved
 */
async function ask(stored, name, text, problem) {
  const runs = h("div", { "aria-live": "polite" });
  const preview = async () => fill(runs, await previewed(text.value));
  const answer = await dialog(stored ? `Edit ${stored}` : "New schedule", [
    h("p", { id: "schedule-problem", class: "error", role: "alert" }, problem),
    ...stored ? [] : [h("div", { class: "field" }, h("label", { for: name.id }, "Name"), name)],
    h("div", { class: "field" }, h("label", { for: text.id }, "Schedule as JSON"), text),
    h("button", { type: "button", onclick: preview }, "Preview"),
    runs,
  ], [
    h("button", { value: "", formnovalidate: true }, "Keep as it is"),
    h("button", { value: "yes", class: "primary" }, "Save the schedule"),
  ], { wide: true });
  return answer === "yes";
}

/**
 * Return the next times of what was entered, or what is wrong with it.
 * @param {string} source
 * @returns {Promise<HTMLElement>}
 */
async function previewed(source) {
  const wrong = (/** @type {string} */ message) => h("p", { class: "error" }, message);
  const problem = jsonError(source);
  if (problem) return wrong(problem);
  const given = JSON.parse(source);
  const times = TIMES.filter((member) => given?.[member] !== undefined)
    .map((member) => [member, given[member]]);
  try {
    const { data } = await post("schedules/preview", Object.fromEntries(times));
    const line = (/** @type {string} */ run) => h("li", null, exact.format(moment(run)));
    return data.next_runs.length
      ? h("ol", null, data.next_runs.map(line))
      : h("p", null, "No time follows.");
  } catch (error) {
    return wrong((/** @type {Problem} */ (error)).sentences.join(" "));
  }
}
