/** Share a task with somebody who has no key. */

import { post, ROOT, taskPath } from "./api.js";
import { copy, dialog } from "./dialog.js";
import { h } from "./dom.js";
import { may } from "./session.js";

const SPANS = /** @type {[string, number][]} */ ([
  ["an hour", 3_600],
  ["a day", 86_400],
  ["a week", 604_800],
  ["30 days", 2_592_000],
]);

/**
 * Ask for how long, make the link and show it. Raises Problem.
 * @param {string} id
 */
export async function share(id) {
  const span = h("select", { id: "share-span" }, SPANS.map(([text]) => h("option", null, text)));
  span.value = "a day";
  const cancel = h("input", { type: "checkbox" });
  const answer = await dialog("Share this task", [
    h(
      "p",
      null,
      "Whoever has the link sees the task, its payload, result and log, without a key. It cannot " +
        "be taken back by itself: it ends with its time, or when your key is rotated or revoked.",
    ),
    h("div", { class: "field" }, h("label", { for: span.id }, "It works for"), span),
    ...may("change") ? [h("label", { class: "choice" }, cancel, "Let them cancel the task")] : [],
  ], [
    h("button", { value: "", formnovalidate: true }, "Share nothing"),
    h("button", { value: "yes", class: "primary" }, "Make the link"),
  ]);
  if (answer !== "yes") return;
  const { data } = await post(`${taskPath(id)}/links`, {
    expires_in: SPANS.find(([text]) => text === span.value)?.[1],
    actions: cancel.checked ? ["read", "cancel"] : ["read"],
  });
  const url = new URL(data.urls.page.slice(1), ROOT).href;
  await dialog("Link to this task", [
    h("pre", { tabindex: 0, "aria-label": "Link" }, h("code", null, url)),
    h("button", { type: "button", onclick: () => copy(url, "the link") }, "Copy"),
  ], [h("button", { value: "", class: "primary" }, "Done")]);
}
