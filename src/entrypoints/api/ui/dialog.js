/** Dialogs, messages and the clipboard. */

import { fill, h } from "./dom.js";
import { focusAgain, keyOf } from "./refill.js";

/**
 * Show a modal dialog. Resolves with the value of the button; "" when it was dismissed. The focus
 * returns to where it was, also if that was replaced meanwhile.
 * @param {string} title
 * @param {(Node | string)[]} content
 * @param {HTMLElement[]} buttons
 * @param {{wide?: boolean}} [options]
 * @returns {Promise<string>}
 */
export function dialog(title, content, buttons, { wide = false } = {}) {
  const heading = h("h2", { id: "dialog-title" }, title);
  const element = h(
    "dialog",
    { "aria-labelledby": "dialog-title", class: wide && "wide" },
    h("form", { method: "dialog" }, heading, ...content, h("div", { class: "buttons" }, buttons)),
  );
  const main = document.querySelector("main") ?? document.body;
  const opener = document.activeElement ?? main, key = keyOf(main, opener);
  document.body.append(element);
  element.showModal();
  return new Promise((resolve) =>
    element.addEventListener("close", () => {
      element.remove();
      if (!opener.isConnected) focusAgain(main, key);
      resolve(element.returnValue);
    })
  );
}

/**
 * Ask before something happens. Resolves with whether it was confirmed.
 * @param {string} title
 * @param {string} sentence what will happen, and to how many
 * @param {string} action the text of the button
 * @returns {Promise<boolean>}
 */
export async function confirmed(title, sentence, action) {
  const answer = await dialog(title, [h("p", null, sentence)], [
    h("button", { value: "" }, "Keep as it is"),
    h("button", { value: "yes", class: "primary" }, action),
  ]);
  return answer === "yes";
}

const said = h("div", { id: "messages", role: "status", "aria-live": "polite" });
const SHOWN_MS = 8_000;

/** @returns {HTMLElement} */
export function messages() {
  return said;
}

/**
 * Tell the result of an action, also to screen readers.
 * @param {string} text
 * @param {"done" | "error"} [kind]
 */
export function tell(text, kind = "done") {
  const close = h("button", { class: "quiet", "aria-label": "Dismiss this message" }, "✕");
  const line = h("p", { class: kind }, h("span", null, text), close);
  close.addEventListener("click", () => line.remove());
  said.append(line);
  if (kind === "done") setTimeout(() => line.remove(), SHOWN_MS);
  while (said.children.length > 5) said.firstElementChild?.remove();
}

/**
 * Do something and tell its result. An error is told, and false returned.
 * @param {() => Promise<string | void>} action returns what was done
 * @returns {Promise<boolean>}
 */
export async function attempt(action) {
  try {
    const result = await action();
    if (result) tell(result);
    return true;
  } catch (error) {
    const { sentences, message } = /** @type {any} */ (error);
    tell((sentences ?? [message]).join(" "), "error");
    return false;
  }
}

/**
 * Copy a text. On plain HTTP the browser has no clipboard, so a selection is copied.
 * @param {string} text
 * @param {string} what
 */
export async function copy(text, what) {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return tell(`Copied ${what}.`);
    } catch {
      // Not allowed here: copy a selection instead.
    }
  }
  const area = h("textarea", { class: "offscreen", "aria-hidden": "true" });
  area.value = text;
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (copied) tell(`Copied ${what}.`);
  else dialog(`Copy ${what}`, [h("pre", null, text)], [h("button", { value: "" }, "Close")]);
}

/**
 * Show a command with a button that copies it.
 * @param {string} command
 * @returns {HTMLElement}
 */
export function commandBox(command) {
  return h(
    "div",
    { class: "command" },
    h("pre", { tabindex: 0, "aria-label": "Command" }, h("code", null, command)),
    h("button", { type: "button", onclick: () => copy(command, "the command") }, "Copy"),
  );
}

/**
 * Show what to do where there is nothing.
 * @param {string} sentence
 * @param {string} [command]
 * @returns {HTMLElement}
 */
export function nothing(sentence, command) {
  return h("div", { class: "nothing" }, h("p", null, sentence), command && commandBox(command));
}

/**
 * Show an error in place of a view.
 * @param {Element} place
 * @param {unknown} error
 * @param {() => void} again
 */
export function showError(place, error, again) {
  const { sentences, message } = /** @type {any} */ (error);
  fill(
    place,
    h(
      "div",
      { class: "nothing", role: "alert" },
      (sentences ?? [message]).map((/** @type {string} */ text) => h("p", null, text)),
      h("button", { onclick: again }, "Try again"),
    ),
  );
}
