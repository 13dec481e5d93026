/** Views that are read again while they are shown. */

import { showError } from "./dialog.js";
import { atMostEvery, onChanges } from "./events.js";

const RELOAD_MS = 1_000;
const POLL_MS = 5_000;

/**
 * Show what `load` reads, now, after changes of tasks, and every few seconds.
 * @param {HTMLElement} root
 * @param {AbortSignal} signal
 * @param {() => Promise<void>} load
 * @returns {() => void} reads again
 */
export function keepFresh(root, signal, load) {
  let wasShown = false;
  const reload = atMostEvery(signal, RELOAD_MS, async () => {
    try {
      await load();
      wasShown = true;
    } catch (error) {
      if (!signal.aborted && !wasShown) showError(root, error, reload);
    }
  });
  const timer = setInterval(() => document.hidden || reload(), POLL_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
  onChanges(signal, reload);
  reload();
  return reload;
}
