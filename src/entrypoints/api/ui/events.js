/** Live changes of tasks for the views of this tab. */

import { link } from "./link.js";
import { followAll, followLog } from "./worker.js";

/** @typedef {import("./worker.js").Change} Change */
/** @typedef {import("./worker.js").Log} Log */

const feed = new EventTarget();
/** @type {"open" | "lost" | undefined} */
let state;
let wasOpen = false;
/** @type {Change[]} */
let hidden = [];
const MAX_HIDDEN = 2_000;
const POLL_MS = 2_000;
let wantedLog = "";
/** Asks for the log of a task; "" for none. @type {(id: string) => void} */
let askForLog = () => {};

/** @param {import("./worker.js").Message} message */
function take(message) {
  if (message.state && message.state !== state) {
    state = message.state;
    if (state === "open" && !wasOpen) {
      wasOpen = true;
      feed.dispatchEvent(new Event("gap")); // what changed since the view was read was not sent
    }
    feed.dispatchEvent(new CustomEvent("state", { detail: state }));
  }
  if (message.gap) feed.dispatchEvent(new Event("gap"));
  if (message.log) feed.dispatchEvent(new CustomEvent("log", { detail: message.log }));
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
  document.addEventListener("visibilitychange", renewLog);
  if (link) return pollAlone();
  if (typeof SharedWorker === "undefined") return followAlone();
  const url = workerUrl();
  const join = () => {
    const shared = new SharedWorker(url, { type: "module", name: "task-manager" });
    shared.onerror = followAlone;
    shared.port.onmessage = (event) => take(event.data);
    addEventListener("pagehide", () => shared.port.postMessage({ end: true }), { once: true });
    askForLog = (id) => shared.port.postMessage({ log: id });
    renewLog();
  };
  join();
  addEventListener("pageshow", (event) => event.persisted && join());
}

/** Read the one task of a link again and again: all tasks, which others follow, are not shown. */
function pollAlone() {
  setInterval(() => document.hidden || feed.dispatchEvent(new Event("gap")), POLL_MS);
  askForLog = (id) => id && take({ log: { id, refused: true } });
  renewLog();
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
  /** @type {{close: () => void} | undefined} */
  let log;
  askForLog = (id) => {
    log?.close();
    log = id ? followLog(id, take) : undefined;
  };
  renewLog();
}

/** Follow the log that is wanted while the tab is visible. */
function renewLog() {
  askForLog(document.hidden ? "" : wantedLog);
}

/**
 * Follow the log of a task until the signal is aborted. Each time the tab becomes visible, all
 * stored lines are sent again.
 * @param {string} id
 * @param {AbortSignal} signal
 * @param {(log: Log) => void} callback
 */
export function onLog(id, signal, callback) {
  feed.addEventListener("log", (event) => {
    const { detail } = /** @type {CustomEvent<Log>} */ (event);
    if (detail.id === id) callback(detail);
  }, { signal });
  signal.addEventListener("abort", () => {
    wantedLog = "";
    renewLog();
  });
  wantedLog = id;
  renewLog();
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
