/** Live changes of tasks for the views of this tab. */

import { followAll } from "./worker.js";

/** @typedef {import("./worker.js").Change} Change */

const feed = new EventTarget();
/** @type {"open" | "lost" | undefined} */
let state;
/** @type {Change[]} */
let hidden = [];
const MAX_HIDDEN = 2_000;

/** @param {import("./worker.js").Message} message */
function take(message) {
  if (message.state && message.state !== state) {
    state = message.state;
    feed.dispatchEvent(new CustomEvent("state", { detail: state }));
  }
  if (message.gap) feed.dispatchEvent(new Event("gap"));
  if (!message.changes?.length) return;
  if (document.hidden) {
    if (hidden.length <= MAX_HIDDEN) hidden.push(...message.changes);
    return;
  }
  feed.dispatchEvent(new CustomEvent("changes", { detail: message.changes }));
}

/** Pass on what happened while the tab was hidden, or say that it was too much to keep. */
function show() {
  if (document.hidden || !hidden.length) return;
  const kept = hidden;
  hidden = [];
  if (kept.length > MAX_HIDDEN) feed.dispatchEvent(new Event("gap"));
  else feed.dispatchEvent(new CustomEvent("changes", { detail: kept }));
}

/** @returns {URL} */
function workerUrl() {
  const url = new URL("./worker.js", import.meta.url);
  const types = /** @type {any} */ (globalThis).trustedTypes;
  if (!types) return url;
  const policy = types.createPolicy("task-manager", {
    createScriptURL: (/** @type {string} */ text) => text,
  });
  return policy.createScriptURL(url.href);
}

/** Begin to follow, in the worker that all tabs share, or while this tab is visible. */
export function connect() {
  document.addEventListener("visibilitychange", show);
  if (typeof SharedWorker === "undefined") return followAlone();
  const url = workerUrl();
  const join = () => {
    const shared = new SharedWorker(url, { type: "module", name: "task-manager" });
    shared.onerror = followAlone;
    shared.port.onmessage = (event) => take(event.data);
    addEventListener("pagehide", () => shared.port.postMessage("bye"), { once: true });
  };
  join();
  addEventListener("pageshow", (event) => event.persisted && join());
}

function followAlone() {
  /** @type {{close: () => void} | undefined} */
  let following;
  const follow = () => {
    following?.close();
    following = document.hidden ? undefined : followAll(take);
    if (following) feed.dispatchEvent(new Event("gap"));
  };
  document.addEventListener("visibilitychange", follow);
  follow();
}

/**
 * Call back with changes until the signal is aborted; with undefined when all must be read again.
 * @param {AbortSignal} signal
 * @param {(changes: Change[] | undefined) => void} callback
 */
export function onChanges(signal, callback) {
  feed.addEventListener(
    "changes",
    (event) => callback(/** @type {CustomEvent<Change[]>} */ (event).detail),
    { signal },
  );
  feed.addEventListener("gap", () => callback(undefined), { signal });
}

/**
 * @param {(state: "open" | "lost") => void} callback
 */
export function onConnection(callback) {
  feed.addEventListener(
    "state",
    (event) => callback(/** @type {CustomEvent<"open" | "lost">} */ (event).detail),
  );
}

/**
 * Call the function now, then at most once in `ms`, when the returned function was called.
 * @param {AbortSignal} signal
 * @param {number} ms
 * @param {() => Promise<void> | void} action
 * @returns {() => void}
 */
export function atMostEvery(signal, ms, action) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let waiting;
  let wanted = false;
  const run = async () => {
    wanted = false;
    try {
      await action();
    } finally {
      waiting = signal.aborted ? undefined : setTimeout(() => {
        waiting = undefined;
        if (wanted && !signal.aborted) start();
      }, ms);
    }
  };
  const start = () => {
    waiting = setTimeout(() => {}, 0);
    run().catch(() => {});
  };
  return () => {
    wanted = true;
    if (waiting === undefined && !signal.aborted) start();
  };
}
