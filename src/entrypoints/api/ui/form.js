/** Fields made from a JSON Schema. They read and write source text, so large integers survive. */

import { fill, h, prose } from "./dom.js";
import { elements, indented, jsonError, members } from "./json.js";

/**
 * @typedef {object} Field
 * @property {HTMLElement} element
 * @property {() => string | undefined} read the source text of the value; undefined: not given
 * @property {(source: string | undefined) => void} write
 * @property {(pointer: string, message: string) => boolean} complain shows an error in its place
 * @property {() => void} calm removes the errors
 */
/** @typedef {{schema: any, root: any, pointer: string, title: string, required: boolean}} Place */

let ids = 0;

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

/**
 * Put a label, the description and a place for errors around an input.
 * @param {Place} place
 * @param {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} input
 */
function labelled(place, input) {
  const { schema, pointer, title, required } = place;
  const id = `field-${ids += 1}`;
  const error = h("p", { class: "error", id: `${id}-error` });
  const hint = schema.description &&
    h("p", { class: "hint", id: `${id}-hint` }, prose(schema.description));
  input.id = id;
  input.setAttribute("aria-describedby", hint ? `${id}-hint ${id}-error` : `${id}-error`);
  const element = h(
    "div",
    { class: "field", "data-pointer": pointer },
    h("label", { for: id }, title, required && h("span", { class: "required" }, " required")),
    input,
    hint,
    error,
  );
  return {
    element,
    complain: (/** @type {string} */ at, /** @type {string} */ message) => {
      if (at !== pointer && !at.startsWith(`${pointer}/`)) return false;
      const where = at === pointer ? "" : `${at.slice(pointer.length)}: `;
      error.append(h("span", null, where + message));
      input.setAttribute("aria-invalid", "true");
      return true;
    },
    calm: () => {
      fill(error);
      input.removeAttribute("aria-invalid");
    },
  };
}

/** @param {Place} place @returns {Field} */
function text(place) {
  const { schema } = place;
  const isLong = !schema.format && !(schema.maxLength <= 500) && !schema.pattern &&
    place.pointer.includes("payload");
  const input = isLong ? h("textarea", { rows: 1, class: "growing" }) : h("input", {
    placeholder: schema.format === "date-time"
      ? "2026-12-31T23:59:00Z"
      : schema.format === "date"
      ? "2026-12-31"
      : schema.default,
  });
  let empty = false; // an empty text was given, which is not the same as none
  return {
    ...labelled(place, input),
    read: () => input.value || (empty && place.required) ? JSON.stringify(input.value) : undefined,
    write: (given) => {
      const value = given === undefined ? "" : JSON.parse(given);
      empty = value === "" && given !== undefined;
      input.value = typeof value === "string" ? value : given ?? "";
    },
  };
}

/**
 * A value that the page does not show. A mask that was read stands for the stored value.
 * @param {Place} place @param {string | undefined} type @returns {Field}
 */
function secret(place, type) {
  const input = h("input", { type: "password", autocomplete: "off", spellcheck: "false" });
  return {
    ...labelled(place, input),
    read: () => {
      if (!input.value) return undefined;
      const isSource = type !== "string" && type !== undefined && !jsonError(input.value);
      return isSource ? input.value : JSON.stringify(input.value);
    },
    write: (given) => {
      const value = given === undefined ? "" : JSON.parse(given);
      input.value = typeof value === "string" ? value : given ?? "";
    },
  };
}

/** @param {Place} place @param {string} type @returns {Field} */
function number(place, type) {
  const input = h("input", {
    inputmode: type === "integer" ? "numeric" : "decimal",
    placeholder: place.schema.default,
  });
  return {
    ...labelled(place, input),
    read: () => {
      const value = input.value.trim();
      if (!value) return undefined;
      return /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(value) ? value : JSON.stringify(value);
    },
    write: (given) => {
      input.value = given ?? "";
    },
  };
}

/** @param {Place} place @param {unknown[]} values @returns {Field} */
function choice(place, values) {
  const select = h(
    "select",
    null,
    h("option", { value: "" }, "–"),
    values.map((value) => h("option", { value: JSON.stringify(value) }, String(value))),
  );
  return {
    ...labelled(place, select),
    read: () => select.value || undefined,
    write: (given) => {
      select.value = given ?? "";
    },
  };
}

/** Any JSON. @param {Place} place @returns {Field} */
function source(place) {
  const area = h("textarea", {
    rows: 2,
    class: "source",
    spellcheck: "false",
    placeholder: "JSON",
  });
  const outer = labelled(place, area);
  area.addEventListener("input", () => {
    outer.calm();
    const error = area.value.trim() && jsonError(area.value);
    if (error) outer.complain(place.pointer, error);
  });
  return {
    ...outer,
    read: () => {
      const value = area.value.trim();
      if (!value) return undefined;
      return jsonError(value) ? JSON.stringify(value) : value;
    },
    write: (given) => {
      area.value = given === undefined ? "" : indented(given);
    },
  };
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
