/** The keys of the service: make, rotate and revoke. */

import { call, get, post } from "./api.js";
import { attempt, confirmed, copy, dialog, nothing } from "./dialog.js";
import { fill, h, time } from "./dom.js";
import { keepFresh } from "./fresh.js";
import { recordTable } from "./records.js";
import { refill } from "./refill.js";

const ROLES = ["viewer", "submitter", "operator", "admin", "metrics"];

/**
 * @param {HTMLElement} root
 * @param {import("./app.js").Context} context
 */
export function show(root, { signal }) {
  const body = h("div");
  const reload = keepFresh(body, signal, async () => {
    const { keys } = await get("keys", signal);
    refill(body, keys.length ? table(keys) : nothing("There are no keys yet."));
  });
  const act = (/** @type {() => Promise<string | void>} */ action) => async () => {
    await attempt(action);
    reload();
  };
  const path = (/** @type {any} */ key) => `keys/${encodeURIComponent(key.key_id)}`;

  /** @param {any} key */
  function buttons(key) {
    const rotate = async () => {
      if (
        !await confirmed(
          `Give ${key.name} a new secret?`,
          "You see the new key once. The old one works for another hour.",
          "Make a new secret",
        )
      ) return;
      await showToken((await post(`${path(key)}/rotate`, { keep_seconds: 3_600 })).data);
    };
    const revoke = async () => {
      if (
        !await confirmed(
          `Revoke ${key.name}?`,
          "Within five seconds its requests are refused and its streams end. " +
            "This cannot be undone.",
          "Revoke the key",
        )
      ) return;
      await call("DELETE", path(key));
      return `The key ${key.name} is revoked.`;
    };
    return h(
      "div",
      { class: "buttons" },
      h("button", { onclick: act(rotate) }, "Rotate"),
      h("button", { class: "quiet", onclick: act(revoke) }, "Revoke"),
    );
  }

  /** @param {any[]} keys */
  function table(keys) {
    const bounds = (/** @type {any} */ { queues, labels }) => [
      !queues.length && !Object.keys(labels).length && "nothing",
      ...queues.map((/** @type {string} */ queue) => h("span", { class: "token" }, queue)),
      ...Object.entries(labels).map(([name, value]) =>
        h("span", { class: "token" }, `${name}:${value}`)
      ),
    ];
    return recordTable("Keys", [
      { title: "Name", kind: "name", cell: ({ name }) => name },
      { title: "Role", cell: ({ role }) => role },
      { title: "Bound to", kind: "wide", cell: bounds },
      { title: "Limit", cell: (key) => key.rate_limit ?? "" },
      { title: "Last used", cell: (key) => time(key.last_used_at) },
      { title: "Expires", cell: (key) => time(key.expires_at) },
      { title: "Made", cell: (key) => time(key.created_at) },
      { title: "Id", cell: ({ key_id: id }) => h("code", null, id) },
      { title: "", cell: buttons },
    ], keys);
  }

  fill(
    root,
    h(
      "div",
      { class: "title" },
      h("h1", null, "Keys"),
      h(
        "div",
        { class: "buttons" },
        h("button", { class: "primary", onclick: act(make) }, "New key"),
      ),
    ),
    body,
  );
}

/** Ask for the members of a key, make it and show its token. */
async function make() {
  const name = h("input", { id: "key-name", required: true, maxlength: 100 });
  const role = h("select", { id: "key-role" }, ROLES.map((each) => h("option", null, each)));
  const queues = h("input", { id: "key-queues", placeholder: "reports, mail" });
  const labels = h("input", { id: "key-labels", placeholder: "tenant:acme" });
  const limit = h("input", { id: "key-limit", placeholder: "600/minute" });
  const line = (/** @type {string} */ text, /** @type {HTMLElement} */ input) =>
    h("div", { class: "field" }, h("label", { for: input.id }, text), input);
  const answer = await dialog("New key", [
    line("Name", name),
    line("Role", role),
    line("Queues it is bound to", queues),
    line("Labels it is bound to", labels),
    line("Limit of its requests", limit),
  ], [
    h("button", { value: "", formnovalidate: true }, "Make none"),
    h("button", { value: "yes", class: "primary" }, "Make the key"),
  ]);
  if (answer !== "yes") return;
  const words = (/** @type {HTMLInputElement} */ input) =>
    input.value.split(",").map((word) => word.trim()).filter(Boolean);
  const pairs = words(labels).map((word) => {
    const [key, ...rest] = word.split(":");
    return [key, rest.join(":")];
  });
  const { data } = await post("keys", {
    name: name.value,
    role: role.value,
    ...words(queues).length && { queues: words(queues) },
    ...pairs.length && { labels: Object.fromEntries(pairs) },
    ...limit.value.trim() && { rate_limit: limit.value.trim() },
  });
  await showToken(data);
}

/** @param {any} key */
async function showToken({ name, token }) {
  await dialog(`Key of ${name}`, [
    h("p", null, "Keep it now: it is not shown again."),
    h("pre", { tabindex: 0, "aria-label": "Key" }, h("code", null, token)),
    h("button", { type: "button", onclick: () => copy(token, "the key") }, "Copy"),
  ], [h("button", { value: "", class: "primary" }, "I have it")]);
}
