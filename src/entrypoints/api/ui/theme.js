// Set the chosen theme before the first paint. Without a choice, the style follows the system.
"use strict";
try {
  const chosen = localStorage.getItem("theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
} catch {
  // The browser stores nothing for this page: follow the system.
}
