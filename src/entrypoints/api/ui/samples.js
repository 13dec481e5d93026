/** Calls of the API as commands and programs, and commands for people who have no data yet. */

import { curl, ROOT, taskPath } from "./api.js";
import { indented, members, pythonText } from "./json.js";

/** @returns {string} */
export function sampleCommand() {
  return curl("POST", "tasks", '{"task_name": "test", "duration": 3}');
}

/** @returns {string} */
export function commandForFunctions() {
  return "TASKS_HANDLERS=examples.handlers make run";
}

/** @param {string} edited @param {boolean} isWaiting @returns {[string, string]} */
function methodAndPath(edited, isWaiting) {
  return edited ? [isWaiting ? "PUT" : "PATCH", taskPath(edited)] : ["POST", "tasks"];
}

/**
 * @param {string} edited the id of the task that is edited, or ""
 * @param {boolean} isWaiting
 * @param {string} body
 * @param {string} etag
 */
export function asCurl(edited, isWaiting, body, etag) {
  const command = curl(...methodAndPath(edited, isWaiting), body);
  return etag && edited ? `${command} -H 'If-Match: ${etag}'` : command;
}

const IDENTIFIER = /^[A-Za-z_]\w*$/;

/** @param {string} source a JSON text @param {string} margin of its lines but the first */
function python(source, margin) {
  return pythonText(indented(source)).replaceAll("\n", `\n${margin}`);
}

/**
 * Return the call as a program that uses the Python client.
 * @param {string} edited
 * @param {boolean} isWaiting
 * @param {string} body
 * @param {string} etag
 */
export function asPython(edited, isWaiting, body, etag) {
  const method = edited ? (isWaiting ? "replace" : "update") : "submit";
  const values = [...members(body)];
  const name = values.find(([member]) => member === "task_name")?.[1] ?? '""';
  const given = method === "update" ? values : values.filter(([member]) => member !== "task_name");
  const named = (/** @type {[string, string]} */ [member, value]) =>
    IDENTIFIER.test(member)
      ? `${member}=${python(value, " ".repeat(8))}`
      : `**{${python(JSON.stringify(member), "")}: ${python(value, " ".repeat(8))}}`;
  const parts = [
    edited && JSON.stringify(edited),
    method !== "update" && python(name, ""),
    etag && edited && `if_match=${etag.match(/^"(\d+)"$/)?.[1] ?? JSON.stringify(etag)}`,
    ...given.map(named),
  ].filter(Boolean);
  return `# pip install ./clients/python, in a clone of the repository
from task_manager_client import Client

with Client(${JSON.stringify(ROOT.href.replace(/\/$/, ""))}) as client:
    task = client.${method}(
${parts.map((part) => `        ${part},\n`).join("")}    )
    print(task.task_id, task.status)`;
}
