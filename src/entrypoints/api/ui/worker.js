/**
 * The one event stream of all tabs, in a SharedWorker: a browser opens only six connections to a
 * host over HTTP/1.1. Also imported by a page that has no SharedWorker.
 */

const WRITE_MS = 250;
/** Streams of logs at once, so that connections are left for the calls of all tabs. */
const MAX_LOGS = 3;
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

/** @typedef {{state?: "open" | "lost", gap?: boolean, changes?: Change[], log?: Log}} Message */
/** @typedef {{names: string[], task: any}} Change */
/** @typedef {{id: string, lines?: any[], refused?: boolean}} Log */
/** @typedef {{end?: boolean, log?: string}} Wish what a tab wants: to leave, or another log */

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

/**
 * Follow the log of a task until it is closed or the task is final. Sends the stored lines, then
 * new ones four times a second; `refused` when the service does not send the stream.
 * @param {string} id
 * @param {(message: Message) => void} send
 * @returns {{close: () => void}}
 */
export function followLog(id, send) {
  const path = `../../tasks/${encodeURIComponent(id)}/events?logs=true`;
  const source = new EventSource(new URL(path, import.meta.url));
  /** @type {any[]} */
  let lines = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let writing;
  const write = () => {
    writing = undefined;
    send({ log: { id, lines } });
    lines = [];
  };
  source.addEventListener("task.log", (event) => {
    lines.push(JSON.parse(event.data));
    writing ??= setTimeout(write, WRITE_MS);
  });
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) send({ log: { id, refused: true } });
  };
  return {
    close: () => {
      source.close();
      clearTimeout(writing);
    },
  };
}

if ("onconnect" in globalThis) {
  /** @type {Map<MessagePort, {close: () => void} | undefined>} */
  const ports = new Map();
  const following = followAll((message) => ports.forEach((_, port) => port.postMessage(message)));
  const follow = (/** @type {MessagePort} */ port, /** @type {string} */ id) => {
    ports.get(port)?.close();
    ports.set(port, undefined);
    if (!id) return;
    if ([...ports.values()].filter(Boolean).length >= MAX_LOGS) {
      port.postMessage({ log: { id, refused: true } });
    } else ports.set(port, followLog(id, (message) => port.postMessage(message)));
  };
  /** @type {any} */ (globalThis).onconnect = (/** @type {MessageEvent} */ event) => {
    const [port] = event.ports;
    ports.set(port, undefined);
    port.onmessage = (/** @type {MessageEvent<Wish>} */ { data: { end, log = "" } }) => {
      follow(port, log);
      if (end) ports.delete(port);
    };
    port.postMessage({ state: following.state() });
  };
}
