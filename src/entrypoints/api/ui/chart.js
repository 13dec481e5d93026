/** Charts as own SVG, each with a table of the same numbers. */

import { count, h, svg } from "./dom.js";
import { recordTable } from "./records.js";

const HEIGHT = 180, LEFT = 58, BOTTOM = 22, TOP = 8;
const LINES = [0, 1, 2, 3, 4];
const TICK_WIDTH = 110;
const DAY_MS = 86_400_000;
const DAY_SECONDS = 86_400;
/** Even steps of an axis of seconds, where decimal ones would read as "3 min 20 s". */
const TIME_STEPS = [15, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200];
const short = new Intl.NumberFormat("en", { notation: "compact" });

/**
 * @typedef {{name: string, kind: string, values: (number | null)[]}} Series
 * @typedef {{stacked?: boolean, show?: (value: number) => string}} Options `show` is for seconds
 */

/** @param {number} largest a value; returns the top of an axis with four even steps */
function niceTop(largest) {
  if (largest <= 0) return 4;
  const power = 10 ** Math.floor(Math.log10(largest / 4));
  return [1, 2, 5, 10].map((step) => step * power * 4).find((top) => top >= largest) ?? largest;
}

/** @param {number} seconds */
function niceTime(seconds) {
  if (seconds <= 40) return niceTop(seconds);
  const days = Math.ceil(seconds / 4 / DAY_SECONDS) * DAY_SECONDS;
  return 4 * (TIME_STEPS.find((step) => 4 * step >= seconds) ?? days);
}

/** @param {Date[]} times */
function clockOf(times) {
  const long = times.length > 1 && times[times.length - 1].getTime() - times[0].getTime() > DAY_MS;
  return new Intl.DateTimeFormat("en", {
    ...long && { month: "short", day: "numeric" },
    hour: "2-digit",
    minute: "2-digit",
    hour12: false,
  });
}

/**
 * Draw stacked bars or lines over time. A line has a gap where a value is null.
 * @param {string} title
 * @param {Date[]} times
 * @param {Series[]} series
 * @param {Options} [options]
 * @returns {HTMLElement}
 */
export function chart(title, times, series, { stacked = false, show } = {}) {
  const width = innerWidth < 760 ? 380 : 720; // so that a phone does not shrink the texts
  const clock = clockOf(times);
  const text = (/** @type {number | null} */ value) =>
    value === null ? "–" : (show ?? count)(value);
  const largest = Math.max(
    0,
    ...stacked
      ? times.map((_, place) => series.reduce((sum, { values }) => sum + (values[place] ?? 0), 0))
      : series.flatMap(({ values }) => values.map((value) => value ?? 0)),
  );
  const top = show ? niceTime(largest) : Math.max(4, niceTop(largest));
  const inner = HEIGHT - BOTTOM - TOP, wide = (width - LEFT) / Math.max(1, times.length);
  const y = (/** @type {number} */ value) => TOP + inner * (1 - value / top);
  const axis = LINES.map((part) => part * top / 4).flatMap((value) => [
    svg("line", { class: "grid", x1: LEFT, x2: width, y1: y(value), y2: y(value) }),
    svg(
      "text",
      { class: "tick", x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" },
      show ? show(value) : short.format(value),
    ),
  ]);
  const every = Math.ceil(times.length * TICK_WIDTH / (width - LEFT));
  const ticks = times.flatMap((time, place) =>
    place % every ? [] : [
      svg("text", { class: "tick", x: LEFT + place * wide, y: HEIGHT - 6 }, clock.format(time)),
    ]
  );
  const drawn = stacked ? bars(series, times, wide, y) : series.map((each) => line(each, wide, y));
  const hovers = times.map((time, place) =>
    svg(
      "rect",
      {
        class: "hover",
        x: LEFT + place * wide,
        y: TOP,
        width: wide,
        height: inner,
      },
      svg(
        "title",
        {},
        [clock.format(time), ...series.map(({ name, values }) => `${name}: ${text(values[place])}`)]
          .join("\n"),
      ),
    )
  );
  const last = series.map(({ name, values }) => `${name} ${text(values.at(-1) ?? null)}`).join(
    ", ",
  );
  return h(
    "figure",
    { class: "chart" },
    h(
      "figcaption",
      null,
      title,
      h(
        "span",
        { class: "legend" },
        series.map(({ name, kind }) =>
          h("span", null, h("i", { class: `bar ${kind}` }), name ?? "")
        ),
      ),
    ),
    svg(
      "svg",
      {
        viewBox: `0 0 ${width} ${HEIGHT}`,
        role: "img",
        "aria-label": `${title}; now ${last || "no values"}`,
      },
      ...axis,
      ...drawn,
      ...ticks,
      ...hovers,
    ),
    table(title, times, series, clock, text),
  );
}

/**
 * @param {Series[]} series
 * @param {Date[]} times
 * @param {number} wide of a bar
 * @param {(value: number) => number} y
 */
function bars(series, times, wide, y) {
  return times.flatMap((_, place) => {
    let below = 0;
    return series.flatMap(({ kind, values }) => {
      const value = values[place] ?? 0;
      const from = below;
      below += value;
      return value > 0
        ? [svg("rect", {
          class: `bar ${kind}`,
          x: LEFT + place * wide + 0.5,
          width: Math.max(1, wide - 1),
          y: y(below),
          height: Math.max(1, y(from) - y(below)),
        })]
        : [];
    });
  });
}

/** @param {Series} series @param {number} wide @param {(value: number) => number} y */
function line({ kind, values }, wide, y) {
  let path = "", isDown = false;
  values.forEach((value, place) => {
    if (value === null) isDown = false;
    else {
      const x = LEFT + (place + 0.5) * wide;
      // A lone value is a short stroke.
      path += isDown ? `L${x} ${y(value)}` : `M${x - 2} ${y(value)}L${x + 2} ${y(value)}`;
      isDown = true;
    }
  });
  return svg("path", { class: `line ${kind}`, d: path });
}

/**
 * @param {string} title
 * @param {Date[]} times
 * @param {Series[]} series
 * @param {Intl.DateTimeFormat} clock
 * @param {(value: number | null) => string} text
 */
function table(title, times, series, clock, text) {
  return h(
    "details",
    null,
    h("summary", null, "As a table"),
    recordTable(`${title} as a table`, [
      { title: "Time", kind: "name", cell: (place) => clock.format(times[place]) },
      ...series.map(({ name, values }) => ({
        title: name,
        kind: "number",
        cell: (/** @type {number} */ place) => text(values[place]),
      })),
    ], [...times.keys()]),
  );
}
