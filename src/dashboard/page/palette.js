// The colours of the style sheet, for what is drawn on canvas. Read when the theme changes, never in a frame.

const NAMES = ["text", "dim", "line", "surface", "up", "down", "bid", "ask", "last", "warn", "accent", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8"];

/** Colours by name, always those of the theme now. */
export const palette = {};

const listeners = new Set();
const systemIsDark = matchMedia("(prefers-color-scheme: dark)");

function read() {
  const style = getComputedStyle(document.documentElement);
  for (const name of NAMES) palette[name] = style.getPropertyValue(`--${name}`).trim();
  palette.font = `11px ${style.getPropertyValue("--sans").trim()}`;
  for (const listener of listeners) listener();
}

/** Called after each change of theme. */
export function onTheme(listener) {
  listeners.add(listener);
}

/** `system`, `light` or `dark`. */
export function chooseTheme(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  read();
}

systemIsDark.addEventListener("change", read);
read();
