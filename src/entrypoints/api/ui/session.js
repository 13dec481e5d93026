/** Who reads this page, and what they may do. */

import { call, get, Problem } from "./api.js";
import { fill, h } from "./dom.js";
import { link, linkPermissions } from "./link.js";

/**
 * @typedef {{needs_key: boolean, name?: string, role: string, permissions: string[]}} Session
 */

/** @type {Session | undefined} */
let session;

/**
 * Return whether the reader may do this. While it is not known, the service decides.
 * @param {string} permission
 * @returns {boolean}
 */
export function may(permission) {
  return !session || session.permissions.includes(permission);
}

/** @returns {Session | undefined} */
export function reader() {
  return session;
}

/**
 * Find out who reads. Resolves with false when a key is needed first.
 * @returns {Promise<boolean>}
 */
export async function enter() {
  if (link) {
    session = { needs_key: false, role: "link", permissions: linkPermissions };
    return true;
  }
  try {
    session = await get("session");
  } catch (error) {
    return !(error instanceof Problem && error.status === 401);
  }
  return true;
}

/** End the session, and show the form to sign in. */
export async function signOut() {
  await call("DELETE", "session");
  location.reload();
}

/**
 * Ask for a key in place of a view.
 * @param {Element} place
 */
export function askForKey(place) {
  const key = h("input", {
    id: "key",
    type: "password",
    autocomplete: "current-password",
    required: true,
    "aria-describedby": "key-hint key-error",
  });
  const error = h("p", { id: "key-error", class: "error", role: "alert" });
  const form = h(
    "form",
    { class: "sign-in" },
    h("h1", null, "Sign in"),
    h("div", { class: "field" }, h("label", { for: "key" }, "Key"), key),
    h(
      "p",
      { id: "key-hint", class: "hint" },
      "It begins with tm_. An admin of this service ",
      "makes it, the first one on the host: ",
      h("code", null, "task-manager keys create"),
    ),
    error,
    h("div", { class: "buttons" }, h("button", { class: "primary" }, "Sign in")),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const headers = { Authorization: `Bearer ${key.value.trim()}` };
      await call("POST", "session", { headers });
      location.reload();
    } catch (problem) {
      fill(error, /** @type {Error} */ (problem).message);
      key.select();
    }
  });
  fill(place, form);
  key.focus();
}
