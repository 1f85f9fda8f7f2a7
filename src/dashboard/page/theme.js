// Light or dark, before anything is drawn: a script of the head, so it is no module. What is remembered is `storage.js`'s.
"use strict";

try {
  const theme = JSON.parse(localStorage.getItem("tickwire.dashboard"))?.settings?.theme;
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // The page says so; here the system's choice will do.
}
