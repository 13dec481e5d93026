/** Elements, times and numbers. Every text becomes a text node, so nothing is read as markup. */

/** @typedef {Node | string | number | null | undefined | false} Child */
/** @typedef {Record<string, any>} Properties */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Create an element. `on…` are listeners, `value` is a property, the others are attributes: true
 * sets an empty attribute; null, undefined and false set nothing.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Properties | null} [properties]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, properties, ...children) {
  const element = document.createElement(tag);
  set(element, properties ?? {});
  element.append(...nodes(children));
  return element;
}

/**
 * Create an SVG element.
 * @param {string} tag
 * @param {Properties} properties
 * @param {...(Child | Child[])} children
 * @returns {SVGElement}
 */
export function svg(tag, properties, ...children) {
  const element = /** @type {SVGElement} */ (document.createElementNS(SVG, tag));
  set(element, properties);
  element.append(...nodes(children));
  return element;
}

/**
 * @param {Element} element
 * @param {Properties} properties
 */
function set(element, properties) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") /** @type {any} */ (element).value = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
}

/**
 * @param {(Child | Child[])[]} children
 * @returns {Node[]}
 */
function nodes(children) {
  return children.flat()
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => child instanceof Node ? child : document.createTextNode(String(child)));
}

/**
 * Replace the children of an element.
 * @param {Element} element
 * @param {...(Child | Child[])} children
 */
export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
}

/**
 * Return the time of an API member. `submitted_at` is UTC without a zone.
 * @param {string} text
 * @returns {Date}
 */
export function moment(text) {
  return new Date(text.includes("T") ? text : `${text.replace(" ", "T")}Z`);
}

const UNITS = /** @type {[Intl.RelativeTimeFormatUnit, number][]} */ ([
  ["year", 31_556_952],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
]);
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const exact = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "long" });

/**
 * @param {Date} date
 * @returns {string}
 */
export function ago(date) {
  const seconds = (date.getTime() - Date.now()) / 1000;
  const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
  return relative.format(Math.trunc(seconds / size), unit);
}

/**
 * Show a time relative to now, with the exact one in the reader's zone as its title.
 * @param {string | undefined} text
 * @returns {HTMLElement | string}
 */
export function time(text) {
  if (!text) return "–";
  const date = moment(text);
  return h("time", { datetime: date.toISOString(), title: exact.format(date) }, ago(date));
}

/** Renew the relative times on the page. */
export function renewTimes() {
  for (const found of document.querySelectorAll("time:not(.clock)")) {
    const element = /** @type {HTMLTimeElement} */ (found);
    const text = ago(new Date(element.dateTime));
    if (element.textContent !== text) element.textContent = text;
  }
}

/**
 * Describe a number of seconds: "350 ms", "4.2 s", "3 min 5 s", "2 h 10 min".
 * @param {number | undefined} seconds
 * @returns {string}
 */
export function duration(seconds) {
  if (seconds === undefined || Number.isNaN(seconds)) return "–";
  if (seconds === 0) return "0 s";
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${Math.round(seconds * 10) / 10} s`;
  const two = (
    /** @type {number} */ large,
    /** @type {string} */ unit,
    /** @type {string} */ rest,
  ) => rest.startsWith("0 ") ? `${large} ${unit}` : `${large} ${unit} ${rest}`;
  const whole = Math.round(seconds), minutes = Math.floor(whole / 60);
  if (minutes < 60) return two(minutes, "min", `${whole % 60} s`);
  const hours = Math.floor(minutes / 60);
  return hours < 48
    ? two(hours, "h", `${minutes % 60} min`)
    : `${count(Math.floor(hours / 24))} days`;
}

/**
 * @param {number} number
 * @returns {string}
 */
export function count(number) {
  return number.toLocaleString("en");
}

/**
 * Return "1 task" or "1,200 tasks".
 * @param {number} number
 * @param {string} noun
 * @returns {string}
 */
export function some(number, noun) {
  return `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/**
 * Show a sentence of the API, in which `code` stands between backticks.
 * @param {string} text
 * @returns {Child[]}
 */
export function prose(text) {
  return text.split("`").map((part, place) => place % 2 ? h("code", null, part) : part);
}

/**
 * Show a status by a word and a mark, so that it does not depend on colours.
 * @param {string} status
 * @returns {HTMLElement}
 */
export function badge(status) {
  return h(
    "span",
    { class: "badge", "data-status": status },
    status.toLowerCase().replaceAll("_", " "),
  );
}
