// States and times in words.

const CAUSES = {
  gap: "updates were lost",
  silent: "silent far longer than usual",
  disconnected: "venue disconnected",
  checksum: "checksum did not match",
  restart: "not heard since a restart",
};

/** Why an instrument's values are not current, or nothing where they are. Whose venue it is stands beside it. */
export function troubleOf(instrument, venue) {
  if (!instrument) return "";
  if (venue && venue.state !== "up") return `${venue.state}: ${venue.reason || "no reason told"}`;
  if (instrument.state === "halted") return "halted";
  if (instrument.state === "stale") return `stale: ${CAUSES[instrument.cause] ?? "cause not told"}`;
  if (instrument.state !== "live") return "state not told";
  // Connected again, or silent: what is known is from before, until the server has said more.
  return instrument.isLive ? "" : "waiting for the server";
}

/**
 * Why there is no row. `isChosen`: somebody has made this list; `isAsking`: the server has not answered; `hasWithout`: rows that a
 * pattern brought were taken away; `isReplay`: the server replays; `notes`: the server's words against patterns.
 */
export function emptyWords(patterns, { isChosen, isAsking, hasWithout, isReplay, notes }) {
  const granted = patterns.filter((pattern) => !notes.has(pattern));
  if (granted.length > 0 && isAsking) return `Asking the server what matches ${granted.join(", ")}.`;
  if (granted.length > 0) return `Nothing ${hasWithout ? "else " : ""}matches ${granted.join(", ")} yet. What appears later and matches becomes a row.`;
  if (patterns.length > 0) return `The server refused ${patterns.join(", ")}: ${notes.get(patterns[0])}`;
  if (isChosen) return "The list is empty. Press / and add a symbol, or a pattern such as *:*.";
  return `The server has no symbols yet.${isReplay ? " A replay that waits for a subscriber begins once you add a symbol or a pattern, such as *:*." : ""}`;
}

/** How long ago: "now", "12 s", "3 min", "2 h", "5 d". */
export function agoOf(ms) {
  if (!Number.isFinite(ms)) return "";
  if (ms < 2_000) return "now";
  const steps = [[86_400_000, "d"], [3_600_000, "h"], [60_000, "min"], [1_000, "s"]];
  const [unit, word] = steps.find(([unit]) => ms >= unit);
  return `${Math.floor(ms / unit)} ${word}`;
}

/** A span with its unit: "85 µs", "3.2 ms", "12 s"; below zero where a clock is ahead. */
export function spanOf(ms) {
  if (!Number.isFinite(ms)) return "–";
  const size = Math.abs(ms);
  if (size < 1) return `${Math.round(ms * 1_000)} µs`;
  if (size < 10) return `${ms.toFixed(1)} ms`;
  if (size < 1_000) return `${Math.round(ms)} ms`;
  return size < 60_000 ? `${(ms / 1_000).toFixed(1)} s` : agoOf(size);
}

const two = (number) => String(number).padStart(2, "0");

/** The time of day here: "14:05:09". */
export function clockOf(ms) {
  const date = new Date(ms);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** A count for people: "1,234,567". */
export function countOf(number) {
  return Number.isFinite(number) ? Math.round(number).toLocaleString("en-US") : "–";
}

/** About three digits that count: "1,234", "56.7", "0.12". */
export function figureOf(value) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 100) return Math.round(value).toLocaleString("en-US");
  return Number.isInteger(value) ? String(value) : value.toFixed(size >= 10 ? 1 : 2);
}
