/** The types of task: what each does, and the schema of its payload. */

import { get } from "./api.js";
import { nothing } from "./dialog.js";
import { count, fill, h, prose } from "./dom.js";
import { address } from "./router.js";
import { commandForFunctions } from "./samples.js";
import { may } from "./session.js";
import { viewer } from "./viewer.js";

const BUILT_IN = ["sleep", "http"];
/** @type {Record<string, string>} */
const POOLS = { io: "the I/O pool, many at once", process: "a process of its own" };

/**
 * @param {HTMLElement} root
 * @param {import("./app.js").Context} context
 */
export async function show(root, { signal }) {
  const [{ types }, stats] = await Promise.all([
    get("types", signal),
    may("observe") ? get("stats", signal) : undefined,
  ]);
  const card = (/** @type {any} */ { type, description, pool, payload_schema: schema }) =>
    h(
      "article",
      { class: "card" },
      h("h2", null, type),
      h("p", null, prose(description)),
      h("p", null, `Runs in ${POOLS[pool] ?? pool}.`),
      h(
        "p",
        { class: "buttons" },
        may("submit") &&
          h("a", { class: "button primary", href: address("new", { type }) }, "New task"),
        h(
          "a",
          { class: "button", href: address("tasks", { type }) },
          stats ? `${count(stats.by_type[type] ?? 0)} stored` : "Tasks",
        ),
        h("a", { class: "button", href: address("tasks", { type, status: "FAILED" }) }, "Failed"),
      ),
      h(
        "details",
        null,
        h("summary", null, "Schema of the payload"),
        viewer(`Schema of ${type}`, JSON.stringify(schema, null, 2)),
      ),
    );
  const hasOwn = types.some((/** @type {any} */ { type }) => !BUILT_IN.includes(type));
  fill(
    root,
    h("h1", null, "Types"),
    h("div", { class: "cards" }, types.map(card)),
    !hasOwn &&
      nothing(
        "Your own functions appear here. Start the service with the examples:",
        commandForFunctions(),
      ),
  );
}
