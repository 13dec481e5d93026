/**
 * The one event stream of all tabs, in a SharedWorker: a browser opens only six connections to a
 * host over HTTP/1.1. Also imported by a page that has no SharedWorker.
 */

const WRITE_MS = 250;
const REOPEN_MS = 1_000;
const NAMES = [
  "submitted",
  "scheduled",
  "started",
  "progress",
  "completed",
  "failed",
  "retrying",
  "cancelled",
  "expired",
  "updated",
  "deleted",
  "recovered",
].map((name) => `task.${name}`);

/** @typedef {{state?: "open" | "lost", gap?: boolean, changes?: Change[]}} Message */
/** @typedef {{names: string[], task: any}} Change */

/**
 * Follow all tasks. Sends the state of the connection at once, changes four times a second with
 * each task once, and `gap` if events may be missing.
 * @param {(message: Message) => void} send
 * @returns {{close: () => void, state: () => "open" | "lost" | undefined}}
 */
export function followAll(send) {
  /** @type {EventSource} */
  let source;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let reopening;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let writing;
  /** @type {"open" | "lost" | undefined} */
  let state;
  /** @type {Map<string, Change>} */
  const changes = new Map();

  const become = (/** @type {"open" | "lost"} */ next) => {
    if (state !== next) send({ state: state = next });
  };
  const write = () => {
    writing = undefined;
    send({ changes: [...changes.values()] });
    changes.clear();
  };
  const take = (/** @type {MessageEvent} */ event) => {
    const task = JSON.parse(event.data);
    const names = [...changes.get(task.task_id)?.names ?? [], event.type];
    changes.set(task.task_id, { names, task });
    writing ??= setTimeout(write, WRITE_MS);
  };
  const open = (again = false) => {
    source = new EventSource(new URL("../../events", import.meta.url));
    source.onopen = () => {
      become("open");
      if (again) send({ gap: true });
      again = false;
    };
    source.onerror = () => {
      become("lost");
      if (source.readyState !== EventSource.CLOSED) return; // it resumes by Last-Event-ID
      clearTimeout(reopening);
      reopening = setTimeout(() => open(true), REOPEN_MS);
    };
    source.addEventListener("stream.gap", () => send({ gap: true }));
    for (const name of NAMES) source.addEventListener(name, take);
  };
  open();
  return {
    state: () => state,
    close: () => {
      source.close();
      clearTimeout(reopening);
      clearTimeout(writing);
    },
  };
}

if ("onconnect" in globalThis) {
  /** @type {Set<MessagePort>} */
  const ports = new Set();
  const following = followAll((message) => ports.forEach((port) => port.postMessage(message)));
  /** @type {any} */ (globalThis).onconnect = (/** @type {MessageEvent} */ event) => {
    const [port] = event.ports;
    ports.add(port);
    port.onmessage = () => ports.delete(port); // the only message of a page is its end
    port.postMessage({ state: following.state() });
  };
}
