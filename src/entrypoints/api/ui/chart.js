/** Charts as own SVG, each with a table of the same numbers. */

import { count, h, svg } from "./dom.js";

const WIDTH = 720, HEIGHT = 180, LEFT = 44, BOTTOM = 22, TOP = 8;
const STEPS = [1, 2, 5];
const MAX_TICKS = 6;

/**
 * @typedef {{name: string, kind: string, values: number[]}} Series
 */

/** @param {number} largest a value; returns the greatest tick of an axis with few ticks */
function niceTop(largest) {
  for (let power = 1; ; power *= 10) {
    for (const step of STEPS) if (step * power * 4 >= largest) return step * power * 4;
  }
}

/**
 * Draw stacked bars over time.
 * @param {string} title
 * @param {Date[]} times
 * @param {Series[]} series
 * @returns {HTMLElement}
 */
export function barChart(title, times, series) {
  const clock = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", hour12: false });
  const sums = times.map((_, place) => series.reduce((sum, { values }) => sum + values[place], 0));
  const top = niceTop(Math.max(1, ...sums));
  const inner = HEIGHT - BOTTOM - TOP, wide = (WIDTH - LEFT) / times.length;
  const y = (/** @type {number} */ value) => TOP + inner * (1 - value / top);
  const lines = [0, 1, 2, 3, 4].map((part) => part * top / 4).flatMap((value) => [
    svg("line", { class: "grid", x1: LEFT, x2: WIDTH, y1: y(value), y2: y(value) }),
    svg("text", { class: "tick", x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, count(value)),
  ]);
  const every = Math.ceil(times.length / MAX_TICKS);
  const ticks = times.flatMap((time, place) => place % every ? [] : [
    svg("text", { class: "tick", x: LEFT + place * wide, y: HEIGHT - 6 }, clock.format(time)),
  ]);
  const bars = times.map((time, place) => {
    let below = 0;
    const parts = series.map(({ kind, values }) => {
      const value = values[place];
      const rect = value > 0 && svg("rect", {
        class: `bar ${kind}`, x: LEFT + place * wide + 0.5, width: Math.max(1, wide - 1),
        y: y(below + value), height: Math.max(1, y(below) - y(below + value)),
      });
      below += value;
      return rect;
    });
    const text = series.map(({ name, values }) => `${count(values[place])} ${name}`).join(", ");
    return svg("g", {}, ...parts,
      svg("rect", { class: "hover", x: LEFT + place * wide, y: TOP, width: wide, height: inner },
        svg("title", {}, `${clock.format(time)}: ${text}`)));
  });
  const totals = series.map(({ name, values }) =>
    `${count(values.reduce((a, b) => a + b, 0))} ${name}`).join(", ");
  return h("figure", { class: "chart" },
    h("figcaption", null, title, h("span", { class: "legend" }, series.map(({ name, kind }) =>
      h("span", null, h("i", { class: `bar ${kind}` }), name)))),
    svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${title}: ${totals}` },
      ...lines, ...bars, ...ticks),
    h("details", null, h("summary", null, "As a table"),
      h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `${title} as a table` }, h("table", null,
        h("thead", null, h("tr", null, h("th", { scope: "col" }, "Time"), series.map(({ name }) => h("th", { scope: "col" }, name)))),
        h("tbody", null, times.map((time, place) => h("tr", null, h("th", { scope: "row" }, clock.format(time)),
          series.map(({ values }) => h("td", { class: "number" }, count(values[place]))))))))));
}
