/** The frame of all views: navigation, theme, connection, and the view that the address names. */

import { call, reach } from "./api.js";
import { messages, showError } from "./dialog.js";
import { fill, h, renewTimes } from "./dom.js";
import { connect, onConnection } from "./events.js";
import { help, listen } from "./keys.js";
import { link } from "./link.js";
import { keepFocus } from "./refill.js";
import { address, here } from "./router.js";
import { askForKey, enter, may, reader, signOut } from "./session.js";

/**
 * @typedef {{id: string, query: URLSearchParams, signal: AbortSignal}} Context
 * @typedef {(query: URLSearchParams) => void} Update takes a new query of the view that is shown
 */

/** @typedef {{title: string, needs: string, load: () => Promise<any>}} View */
const VIEWS = /** @type {Record<string, View>} */ ({
  overview: { title: "Overview", needs: "observe", load: () => import("./overview.js") },
  tasks: { title: "Tasks", needs: "read", load: () => import("./tasks.js") },
  queues: { title: "Queues", needs: "observe_queues", load: () => import("./queues.js") },
  schedules: {
    title: "Schedules",
    needs: "read_schedules",
    load: () => import("./schedules.js"),
  },
  workers: { title: "Workers", needs: "observe", load: () => import("./workers.js") },
  types: { title: "Types", needs: "read", load: () => import("./types.js") },
  callbacks: { title: "Callbacks", needs: "observe", load: () => import("./callbacks.js") },
  keys: { title: "Keys", needs: "manage_keys", load: () => import("./access.js") },
  new: { title: "New task", needs: "submit", load: () => import("./new.js") },
});
const TASK = { title: "Task", needs: "read", load: () => import("./task.js") };
const THEMES = ["system", "light", "dark"];
const RENEW_TIMES_MS = 5_000;
const RETRY_MS = 5_000;

const main = h("main", { id: "main", tabindex: -1 });
const banner = h("div", { id: "banner", role: "alert" });
const navigation = h("nav", { "aria-label": "Views" });
const account = h("span");

/** @type {AbortController | undefined} */
let shown;
let place = "";
/** @type {Update | undefined} */
let update;

/**
 * Return a view that the reader may see.
 * @param {string} name
 * @returns {View}
 */
function viewOf(name) {
  const view = VIEWS[name] ?? VIEWS.overview;
  return may(view.needs) ? view : VIEWS.tasks;
}

/** Show what the reader may see and do. Keys are of use only where the service asks for them. */
function showNavigation() {
  const { needs_key: needsKey = false, name = "" } = reader() ?? {};
  fill(
    navigation,
    Object.entries(VIEWS)
      .filter(([view, { needs }]) => may(needs) && (view !== "keys" || needsKey))
      .map(([view, { title }]) =>
        h(
          "a",
          { href: address(view), "data-view": view, class: view === "new" && "primary" },
          title,
        )
      ),
  );
  const out = h("button", { class: "quiet", title: name, onclick: signOut }, "Sign out");
  fill(account, needsKey && out);
}

/** Show the view that the address names, or tell the shown one its new query. */
async function route() {
  const { view, id, query } = here();
  if ((query.get("link") ?? "") !== link) return location.reload();
  const next = `${view}/${id}`;
  document.querySelectorAll("dialog").forEach((dialog) => dialog.close());
  if (next === place && update) return update(query);
  place = next;
  shown?.abort();
  shown = new AbortController();
  update = undefined;
  const { signal } = shown;
  const { title, load } = view === "tasks" && id ? TASK : viewOf(view);
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
    link
      ? h("span", { class: "brand" }, "Task Manager")
      : h("a", { class: "brand", href: address("overview") }, "Task Manager"),
    navigation,
    h(
      "div",
      { class: "tools" },
      !link && h("a", { href: "../docs" }, "API"),
      account,
      themeChooser(),
      !link && h("button", { class: "quiet", onclick: help, "aria-label": "Show the keys" }, "?"),
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
if (!link) listen();
if (!link) showNavigation();
if (await enter()) {
  if (!link) showNavigation();
  connect();
  route();
} else {
  removeEventListener("hashchange", route);
  fill(navigation);
  askForKey(main);
}
