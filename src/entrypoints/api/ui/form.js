/** Fields made from a JSON Schema. They read and write source text, so large integers survive. */

import { fill, h } from "./dom.js";
import { choice, number, secret, source, text } from "./inputs.js";
import { elements, members } from "./json.js";

/** @typedef {import("./inputs.js").Field} Field */
/** @typedef {import("./inputs.js").Place} Place */

/** @param {any} schema @param {any} root @returns {any} */
function resolved(schema, root) {
  if (schema?.$ref) {
    const steps = schema.$ref.replace(/^#\//, "").split("/");
    const found = steps.reduce(
      (/** @type {any} */ node, /** @type {string} */ step) => node?.[step],
      root,
    );
    return resolved({ ...found, ...schema, $ref: undefined }, root);
  }
  const choices = (schema?.anyOf ?? schema?.oneOf)?.filter((/** @type {any} */ each) =>
    each.type !== "null"
  );
  return choices?.length === 1
    ? resolved({ ...schema, anyOf: undefined, oneOf: undefined, ...choices[0] }, root)
    : schema ?? {};
}

/**
 * Make the field of a schema.
 * @param {Place} place
 * @returns {Field}
 */
export function field(place) {
  const schema = resolved(place.schema, place.root);
  const given = { ...place, schema };
  const type = Array.isArray(schema.type)
    ? schema.type.filter((/** @type {string} */ each) => each !== "null")[0]
    : schema.type;
  if (schema.writeOnly) return secret(given, type);
  if (schema.enum) return choice(given, schema.enum);
  if (type === "boolean") return choice(given, [true, false]);
  if (type === "object" && schema.properties) return group(given);
  if (type === "array" && schema.items && place.pointer.split("/").length < 6) return list(given);
  if (type === "string") return text(given);
  if (type === "integer" || type === "number") return number(given, type);
  return source(given);
}

/** @param {Place} place @returns {Field} */
function group(place) {
  const { schema, root, pointer, title } = place;
  const required = schema.required ?? [];
  const fields = Object.entries(schema.properties).map((
    [name, child],
  ) => /** @type {[string, Field]} */ ([
    name,
    field({
      schema: child,
      root,
      title: name,
      required: required.includes(name),
      pointer: `${pointer}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`,
    }),
  ]));
  let others = /** @type {[string, string][]} */ ([]); // members without a field stay as they are
  return {
    element: h(
      "fieldset",
      null,
      title && h("legend", null, title),
      fields.map(([, each]) => each.element),
    ),
    read: () => {
      const given = fields.flatMap(([name, each]) => {
        const value = each.read();
        return value === undefined ? [] : [[name, value]];
      });
      if (!given.length && !others.length && !place.required) return undefined;
      return `{${
        [...given, ...others].map(([name, value]) => `${JSON.stringify(name)}: ${value}`).join(", ")
      }}`;
    },
    write: (given) => {
      const values = given?.startsWith("{") ? members(given) : new Map();
      for (const [name, each] of fields) each.write(values.get(name));
      others = [...values].filter(([name]) => !(name in schema.properties));
    },
    complain: (at, message) => fields.some(([, each]) => each.complain(at, message)),
    calm: () => fields.forEach(([, each]) => each.calm()),
  };
}

/** @param {Place} place @returns {Field} */
function list(place) {
  const { schema, root, pointer, title, required } = place;
  const body = h("div", { class: "elements" });
  const error = h("p", { class: "error" });
  /** @type {{field: Field, element: HTMLElement}[]} */
  let rows = [];
  const changed = () => body.dispatchEvent(new Event("input", { bubbles: true }));
  const renew = () => show(rows.map((row) => row.field.read()));
  const show = (/** @type {(string | undefined)[]} */ values) => {
    rows = values.map((value, number) => {
      const child = field({
        schema: schema.items,
        root,
        pointer: `${pointer}/${number}`,
        title: `${title} ${number + 1}`,
        required: true,
      });
      child.write(value);
      const remove = h("button", {
        type: "button",
        class: "quiet",
        "aria-label": `Remove ${title} ${number + 1}`,
        onclick: () => {
          rows.splice(number, 1);
          renew();
          changed();
        },
      }, "Remove");
      return { field: child, element: h("div", { class: "element" }, child.element, remove) };
    });
    fill(body, rows.map((row) => row.element));
  };
  const add = h("button", {
    type: "button",
    onclick: () => {
      show([...rows.map((row) => row.field.read()), undefined]);
      const first = body.lastElementChild?.querySelector("input, textarea, select");
      /** @type {HTMLElement | null | undefined} */ (first)?.focus();
      changed();
    },
  }, `Add to ${title}`);
  return {
    element: h(
      "fieldset",
      { "data-pointer": pointer },
      h("legend", null, title, required && h("span", { class: "required" }, " required")),
      body,
      error,
      add,
    ),
    read: () =>
      rows.length || required
        ? `[${rows.map((row) => row.field.read() ?? "null").join(", ")}]`
        : undefined,
    write: (given) => show(given?.startsWith("[") ? elements(given) : []),
    complain: (at, message) => {
      if (rows.some((row) => row.field.complain(at, message))) return true;
      if (at !== pointer && !at.startsWith(`${pointer}/`)) return false;
      error.append(h("span", null, message));
      return true;
    },
    calm: () => {
      fill(error);
      rows.forEach((row) => row.field.calm());
    },
  };
}
