// What the page remembers: list and settings in localStorage, with a version. Damaged content is left out with a word.

const KEY = "tickwire.dashboard";
const VERSION = 1;
/** Far beyond any list made by hand; a longer one was not written by this page. */
const SYMBOLS_MAX = 5_000;

export const PACES = [10, 50, 100, 250, 500, 1_000, 5_000];
export const ENCODINGS = ["protobuf", "msgpack", "json"];
export const THEMES = ["system", "light", "dark"];

/** How the page is before anybody has chosen anything. */
export const DEFAULTS = { encoding: "protobuf", intervalMs: 100, theme: "system", spanMs: 120_000 };

const isTexts = (list) => Array.isArray(list) && list.length <= SYMBOLS_MAX && list.every((text) => typeof text === "string");

function listOf(value) {
  if (value === null) return null;
  const { entries, order, without } = value ?? {};
  if (!isTexts(entries) || !isTexts(order) || !isTexts(without)) throw new TypeError("its list is none");
  return { entries, order, without };
}

function settingsOf(value) {
  const chosen = { ...DEFAULTS };
  if (ENCODINGS.includes(value?.encoding)) chosen.encoding = value.encoding;
  if (PACES.includes(value?.intervalMs)) chosen.intervalMs = value.intervalMs;
  if (THEMES.includes(value?.theme)) chosen.theme = value.theme;
  if (Number.isFinite(value?.spanMs)) chosen.spanMs = value.spanMs;
  return chosen;
}

/** What was remembered: `list` is null where nobody has chosen one; `problem` says what could not be read. */
export function load() {
  const fresh = { list: null, settings: { ...DEFAULTS }, problem: "" };
  let text;
  try {
    text = localStorage.getItem(KEY);
  } catch {
    return { ...fresh, problem: "this browser lets the page remember nothing" };
  }
  if (text === null) return fresh;
  try {
    const kept = JSON.parse(text);
    if (kept?.version !== VERSION) throw new TypeError(`its version is ${String(kept?.version).slice(0, 20)}, not ${VERSION}`);
    return { list: listOf(kept.list), settings: settingsOf(kept.settings), problem: "" };
  } catch (error) {
    return { ...fresh, problem: `what was remembered here could not be read and is left out: ${error.message}` };
  }
}

/** Remembers; says what went wrong, or nothing. */
export function save(list, settings) {
  try {
    localStorage.setItem(KEY, JSON.stringify({ version: VERSION, list, settings }));
    return "";
  } catch (error) {
    return `the list could not be remembered: ${error.message}`;
  }
}
