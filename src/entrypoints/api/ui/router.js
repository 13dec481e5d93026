/** The address of a view: `#/tasks?status=FAILED`. It holds all state, so it can be sent on. */

/** @typedef {{view: string, id: string, query: URLSearchParams}} Place */

/**
 * Return the address of a view, for a link.
 * @param {string} path such as "tasks" or "tasks/<id>"
 * @param {URLSearchParams | Record<string, string>} [query]
 * @returns {string}
 */
export function address(path, query = {}) {
  const text = new URLSearchParams(query).toString();
  return `#/${path}${text && `?${text}`}`;
}

/** @returns {Place} */
export function here() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const [view, id = ""] = path.split("/", 2);
  let decoded = id;
  try {
    decoded = decodeURIComponent(id);
  } catch {
    // Not an encoded text: take it as it is.
  }
  return { view: view || "overview", id: decoded, query: new URLSearchParams(query) };
}

/**
 * Go to a view. With `replace`, Back does not return to the present address.
 * @param {string} path
 * @param {URLSearchParams | Record<string, string>} [query]
 * @param {{replace?: boolean}} [options]
 */
export function go(path, query = {}, { replace = false } = {}) {
  const next = address(path, query);
  if (next === location.hash) return;
  if (replace) history.replaceState(null, "", next);
  else history.pushState(null, "", next);
  dispatchEvent(new HashChangeEvent("hashchange"));
}
