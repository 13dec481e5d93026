/** The frame of all views: navigation, theme, connection, and the view that the address names. */

import { call, reach } from "./api.js";
import { messages, showError } from "./dialog.js";
import { fill, h, renewTimes } from "./dom.js";
import { connect, onConnection } from "./events.js";
import { help, listen } from "./keys.js";
import { keepFocus } from "./refill.js";
import { address, here } from "./router.js";

/**
 * @typedef {{id: string, query: URLSearchParams, signal: AbortSignal}} Context
 * @typedef {(query: URLSearchParams) => void} Update takes a new query of the view that is shown
 */

const VIEWS = /** @type {Record<string, {title: string, load: () => Promise<any>}>} */ ({
  overview: { title: "Overview", load: () => import("./overview.js") },
  tasks: { title: "Tasks", load: () => import("./tasks.js") },
  queues: { title: "Queues", load: () => import("./queues.js") },
  workers: { title: "Workers", load: () => import("./workers.js") },
  types: { title: "Types", load: () => import("./types.js") },
  callbacks: { title: "Callbacks", load: () => import("./callbacks.js") },
  new: { title: "New task", load: () => import("./new.js") },
});
const TASK = { title: "Task", load: () => import("./task.js") };
const THEMES = ["system", "light", "dark"];
const RENEW_TIMES_MS = 5_000;
const RETRY_MS = 5_000;

const main = h("main", { id: "main", tabindex: -1 });
const banner = h("div", { id: "banner", role: "alert" });
const navigation = h(
  "nav",
  { "aria-label": "Views" },
  Object.entries(VIEWS).map(([view, { title }]) =>
    h("a", { href: address(view), "data-view": view, class: view === "new" && "primary" }, title)
  ),
);

/** @type {AbortController | undefined} */
let shown;
let place = "";
/** @type {Update | undefined} */
let update;

/** Show the view that the address names, or tell the shown one its new query. */
async function route() {
  const { view, id, query } = here();
  const next = `${view}/${id}`;
  document.querySelectorAll("dialog").forEach((dialog) => dialog.close());
  if (next === place && update) return update(query);
  place = next;
  shown?.abort();
  shown = new AbortController();
  update = undefined;
  const { signal } = shown;
  const { title, load } = view === "tasks" && id ? TASK : VIEWS[view] ?? VIEWS.overview;
  document.title = `${title} · Task Manager`;
  for (const link of navigation.querySelectorAll("a")) {
    if (link.dataset.view === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const again = () => {
    place = "";
    route();
  };
  const root = h("div", { class: `view ${view}` });
  fill(main, root);
  try {
    const { show } = await load().catch(loadAgain);
    if (signal.aborted) return;
    const given = await show(root, { id, query, signal });
    if (!signal.aborted) update = given;
  } catch (error) {
    if (signal.aborted) return;
    showError(root, error, again);
    const { status } = /** @type {any} */ (error);
    if (status === 0 || status >= 500) setTimeout(() => signal.aborted || again(), RETRY_MS);
  }
}

/**
 * Load the page again, since a part of it did not arrive: the network changed, or it is the page of
 * a version that is gone. A browser may remember what did not arrive for as long as the page stays.
 * Raises Problem when the service does not respond.
 */
async function loadAgain() {
  await call("GET", "ui/");
  dispatchEvent(new Event("missing"));
  return new Promise(() => {});
}

/** Say within a second that the connection is lost. What is shown stays. */
function watchConnection() {
  const lost = { stream: false, calls: false };
  const show = () => {
    const isLost = lost.stream || lost.calls;
    document.body.dataset.connection = isLost ? "lost" : "open";
    fill(
      banner,
      isLost &&
        h(
          "p",
          null,
          "Connection lost. What you see may be out of date; it continues by itself when the " +
            "service responds.",
        ),
    );
  };
  onConnection((state) => {
    lost.stream = state === "lost";
    if (!lost.stream) lost.calls = false;
    show();
  });
  reach.addEventListener("unreached", () => {
    lost.calls = true;
    show();
  });
  reach.addEventListener("reached", () => {
    if (lost.calls) {
      lost.calls = false;
      show();
    }
  });
  addEventListener("offline", () => {
    lost.calls = true;
    show();
  });
  addEventListener("online", () => {
    lost.calls = false;
    show();
  });
}

/** @returns {HTMLElement} */
function themeChooser() {
  const { dataset } = document.documentElement;
  const select = h(
    "select",
    { "aria-label": "Theme", id: "theme" },
    THEMES.map((name) => h("option", { value: name }, name[0].toUpperCase() + name.slice(1))),
  );
  select.value = dataset.theme ?? "system";
  select.addEventListener("change", () => {
    const chosen = select.value === "system" ? "" : select.value;
    if (chosen) dataset.theme = chosen;
    else delete dataset.theme;
    try {
      localStorage.setItem("theme", chosen);
    } catch {
      // The choice holds for this page.
    }
  });
  return select;
}

const skip = h("button", { class: "skip", onclick: () => main.focus() }, "Skip to the content");
document.getElementById("loading")?.remove();
document.body.append(
  skip,
  h(
    "header",
    null,
    h("a", { class: "brand", href: address("overview") }, "Task Manager"),
    navigation,
    h(
      "div",
      { class: "tools" },
      h("a", { href: "../docs" }, "API"),
      themeChooser(),
      h("button", { class: "quiet", onclick: help, "aria-label": "Show the keys" }, "?"),
    ),
  ),
  banner,
  main,
  messages(),
);
addEventListener("hashchange", route);
setInterval(renewTimes, RENEW_TIMES_MS);
keepFocus();
watchConnection();
listen();
connect();
route();
