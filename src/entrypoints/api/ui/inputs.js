/** Inputs for single values of a form, which read and write source text. */

import { fill, h, prose } from "./dom.js";
import { indented, jsonError } from "./json.js";

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
export function text(place) {
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
export function secret(place, type) {
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
export function number(place, type) {
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
export function choice(place, values) {
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
export function source(place) {
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
