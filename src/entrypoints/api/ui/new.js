/** Submit a task, duplicate one, or edit one: a form beside the JSON that it makes. */

import { call, get, newKey, Problem, tagOf, taskPath } from "./api.js";
import { askWhich } from "./conflict.js";
import { attempt, copy, nothing, tell } from "./dialog.js";
import { fill, h, prose } from "./dom.js";
import { field } from "./form.js";
import { indented, jsonError, members } from "./json.js";
import { address, go } from "./router.js";
import { asCurl, asPython, commandForFunctions } from "./samples.js";

const FIRST = ["task_name", "duration", "payload"];
const MEMBERS = [
  "task_name",
  "type",
  "duration",
  "payload",
  "queue",
  "priority",
  "labels",
  "run_at",
  "expires_at",
  "timeout",
  "retry",
  "callback_url",
];
const ALWAYS_EDITABLE = ["task_name", "labels"];
const WAITING = ["SCHEDULED", "QUEUED"];

/** @param {Map<string, string>} values @param {string[]} names the members that come first */
function objectText(values, names) {
  const given = new Set([...names.filter((name) => values.has(name)), ...values.keys()]);
  return `{${[...given].map((name) => `${JSON.stringify(name)}: ${values.get(name)}`).join(", ")}}`;
}

/**
 * Return the schema of the body for a type: the API's own, with the payload of the type.
 * @param {any} document the specification
 * @param {any} type
 */
function bodySchema(document, type) {
  const { SleepTaskBody, PayloadTaskBody } = document.components.schemas;
  const body = type.type === "sleep" ? SleepTaskBody : PayloadTaskBody;
  const { type: _, payload: __, ...others } = body.properties;
  const properties = type.type === "sleep" ? others : { ...others, payload: type.payload_schema };
  return { ...body, properties };
}

/**
 * @param {HTMLElement} root
 * @param {import("./app.js").Context} context
 */
export async function show(root, { query, signal }) {
  const edited = query.get("edit") ?? "", from = edited || query.get("from") || "";
  const [document, { types }, original] = await Promise.all([
    get("openapi.json", signal),
    get("types", signal),
    from ? call("GET", taskPath(from), { signal }) : undefined,
  ]);
  const task = original?.data;
  const isWaiting = WAITING.includes(task?.status);
  const names = edited && !isWaiting ? ALWAYS_EDITABLE : MEMBERS;
  let etag = tagOf(original);
  let values = original
    ? new Map([...members(original.text)].filter(([name]) => names.includes(name)))
    : new Map([["type", JSON.stringify(query.get("type") ?? "sleep")]]);
  if (!edited) { for (const name of ["run_at", "expires_at"]) values.delete(name); }

  /** @type {(import("./form.js").Field & {name: string})[]} */
  let fields = [];
  const sent = { body: "", key: "" }; // a repetition of the same body submits no second task
  let sending = false;
  const first = h("div"), rest = h("div");
  const problems = h("div", { class: "problems", role: "alert", tabindex: -1 });
  const json = h("textarea", {
    class: "source body",
    spellcheck: "false",
    "aria-label": "The body as JSON",
  });
  const jsonProblem = h("p", { class: "error", "aria-live": "polite" });
  const python = h("code"), shell = h("code");
  const typeSelect = h(
    "select",
    { id: "type" },
    types.map((/** @type {any} */ each) => h("option", { value: each.type }, each.type)),
  );
  const about = h("p", { class: "hint" });

  const body = () => objectText(values, names);
  const showCalls = () => {
    fill(shell, asCurl(edited, isWaiting, body(), etag));
    fill(python, asPython(edited, isWaiting, body(), etag));
  };
  const showJson = () => {
    json.value = indented(body());
    fill(jsonProblem);
    showCalls();
  };
  const readForm = () => {
    for (const { name, read } of fields) {
      const source = read();
      if (source === undefined) values.delete(name);
      else values.set(name, source);
    }
    showJson();
  };
  const makeFields = () => {
    const name = JSON.parse(values.get("type") ?? '"sleep"');
    const type = types.find((/** @type {any} */ each) => each.type === name) ?? task ?? types[0];
    typeSelect.value = type.type;
    fill(about, prose(type.description ?? ""));
    const schema = bodySchema(document, type);
    const root = { ...document, $defs: type.payload_schema?.$defs };
    const make = (/** @type {string[]} */ wanted) => {
      const properties = wanted.filter((each) => each in schema.properties && names.includes(each));
      return properties.map((each) => ({
        each,
        made: field({
          schema: schema.properties[each],
          root,
          pointer: `/${each}`,
          title: each,
          required: schema.required?.includes(each) || each === "payload",
        }),
      }));
    };
    const made = [
      make(FIRST),
      make(Object.keys(schema.properties).filter((each) => !FIRST.includes(each))),
    ];
    fill(first, made[0].map(({ made }) => made.element));
    fill(rest, made[1].map(({ made }) => made.element));
    fields = made.flat().map(({ each, made }) => ({ ...made, name: each }));
    for (const { name, write } of fields) write(values.get(name));
  };

  const complain = (/** @type {Problem} */ problem) => {
    const general = problem.errors.filter(({ pointer, message }) =>
      !fields.some((each) => each.complain(pointer ?? "", message))
    );
    const said = general.map(({ pointer, parameter, message }) =>
      `${pointer ?? parameter ?? ""} ${message}`
    );
    if (!problem.errors.length) said.push(problem.message);
    if (!problem.status) {
      said.push(
        edited
          ? "Your changes are still in the form. Save them when it responds."
          : "The form is kept. Submit again when it responds: only one task is made.",
      );
    }
    if (problem.errors.length > general.length) said.unshift("Correct the marked fields.");
    fill(problems, said.map((text) => h("p", null, text)));
    const invalid = /** @type {HTMLElement | null} */ (root.querySelector("[aria-invalid]"));
    if (invalid?.closest("details")) /** @type {any} */ (invalid.closest("details")).open = true;
    (invalid ?? problems).focus();
  };
  /** @returns {Promise<void>} */
  const send = async () => {
    fill(problems);
    fields.forEach((each) => each.calm());
    if (json.value.trim() !== indented(body()).trim() && jsonError(json.value)) return json.focus();
    try {
      if (edited) return await save();
      if (sent.body !== body()) Object.assign(sent, { body: body(), key: newKey() });
      const { data } = await call("POST", "tasks", {
        body: sent.body,
        headers: { "Idempotency-Key": sent.key },
      });
      for (const warning of data.warnings ?? []) tell(warning.message, "error");
      tell(`Submitted ${data.task_name}.`);
      go(`tasks/${data.task_id}`);
    } catch (error) {
      if (error instanceof Problem && error.status === 412) return conflict();
      if (error instanceof Problem) complain(error);
      else throw error;
    }
  };
  const save = async () => {
    await call(isWaiting ? "PUT" : "PATCH", taskPath(edited), {
      body: body(),
      headers: { "If-Match": etag },
    });
    tell("Saved the changes.");
    go(`tasks/${edited}`);
  };
  const conflict = async () => {
    const now = await call("GET", taskPath(edited));
    const answer = await askWhich(names, values, now);
    if (answer === "theirs") return go(`tasks/${edited}`);
    if (answer !== "mine") return;
    etag = tagOf(now);
    await send();
  };

  typeSelect.addEventListener("change", () => {
    values.set("type", JSON.stringify(typeSelect.value));
    for (const name of ["payload", "duration"]) values.delete(name);
    makeFields();
    showJson();
  });
  json.addEventListener("input", () => {
    const error = jsonError(json.value) ??
      (json.value.trim().startsWith("{") ? undefined : "The body is an object.");
    fill(jsonProblem, error);
    if (error) return;
    values = members(json.value);
    makeFields();
    showCalls();
  });
  const title = edited ? "Edit task" : from ? "Duplicate task" : "New task";
  const formPart = h(
    "form",
    {
      class: "form",
      novalidate: true,
      oninput: readForm,
      onchange: readForm,
      onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        if (sending) return;
        sending = true;
        attempt(send).finally(() => sending = false);
      },
    },
    problems,
    !edited && h("div", { class: "field" }, h("label", { for: "type" }, "type"), typeSelect, about),
    first,
    h(
      "details",
      { open: !!edited },
      h("summary", null, "Queue, time, retries, labels, callback"),
      rest,
    ),
    h(
      "div",
      { class: "buttons" },
      h("button", { class: "primary" }, edited ? "Save" : "Submit"),
      from && h("a", { class: "button", href: address(`tasks/${from}`) }, "Back to the task"),
    ),
  );
  typeSelect.addEventListener("input", (event) => event.stopPropagation());
  typeSelect.addEventListener("change", (event) => event.stopPropagation());
  const box = (/** @type {string} */ name, /** @type {HTMLElement} */ code) =>
    h(
      "details",
      { class: "call", open: true },
      h("summary", null, name),
      h(
        "div",
        { class: "command" },
        h("pre", { tabindex: 0, "aria-label": name }, code),
        h("button", {
          type: "button",
          onclick: () => copy(code.textContent ?? "", `the ${name} call`),
        }, "Copy"),
      ),
    );
  fill(
    root,
    h("h1", null, title),
    edited && !isWaiting &&
      h(
        "p",
        { class: "hint" },
        "The task does not wait any more: only its name and labels can be changed.",
      ),
    h(
      "div",
      { class: "columns" },
      formPart,
      h(
        "div",
        { class: "beside" },
        h("h2", null, "The same as JSON"),
        json,
        jsonProblem,
        box("curl", shell),
        box("Python", python),
      ),
    ),
    types.length < 3 &&
      nothing(
        "Your own functions appear here as types. Start the service with them:",
        commandForFunctions(),
      ),
  );
  makeFields();
  showJson();
}
