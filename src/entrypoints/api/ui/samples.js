/** Calls of the API as commands and programs, and commands for people who have no data yet. */

import { curl, ROOT, taskPath } from "./api.js";
import { indented, pythonText } from "./json.js";

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

/**
 * @param {string} edited
 * @param {boolean} isWaiting
 * @param {string} body
 * @param {string} etag
 */
export function asPython(edited, isWaiting, body, etag) {
  const [method, path] = methodAndPath(edited, isWaiting);
  const headers = etag && edited ? `,\n    headers={"If-Match": ${JSON.stringify(etag)}}` : "";
  return `import requests

response = requests.${method.toLowerCase()}(
    ${JSON.stringify(new URL(path, ROOT).href)},
    json=${pythonText(indented(body)).replaceAll("\n", "\n    ")}${headers},
    timeout=30,
)
response.raise_for_status()
print(response.json())`;
}
