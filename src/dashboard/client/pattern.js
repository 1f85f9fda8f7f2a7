// Symbols, `venue:NAME`, and patterns with `*`.
// @ts-check

const VENUE = /^\$?[a-z0-9-]{1,32}$/;
const NAME = /^[^\p{White_Space}\p{Cc}\p{Cs},*?]+$/u;
const PATTERN = /^[^\p{White_Space}\p{Cc}\p{Cs},?]+$/u;
const VENUE_BEGINS = /^\$?[a-z0-9-]*$/;
const VENUE_BYTES_MAX = 32;
const NAME_BYTES_MAX = 63;
const PATTERN_BYTES_MAX = VENUE_BYTES_MAX + 1 + NAME_BYTES_MAX + 32;

const utf8 = new TextEncoder();

/** Enough of a text to recognise it by. @param {unknown} text */
const excerpt = (text) => JSON.stringify(String(text).slice(0, 60));

/** @param {string} venue */
const isVenue = (venue) => venue.length <= VENUE_BYTES_MAX && VENUE.test(venue);

/**
 * Whether a text is a symbol.
 * @param {string} text
 */
export function isSymbol(text) {
  const colon = text.indexOf(":");
  const name = text.slice(colon + 1);
  return colon > 0 && isVenue(text.slice(0, colon)) && NAME.test(name) && utf8.encode(name).length <= NAME_BYTES_MAX;
}

/**
 * Checks a text that a subscriber gave: a symbol, or a pattern that could match one.
 * @param {unknown} text
 * @returns {string}
 * @throws {TypeError} with what is allowed
 */
export function checkPattern(text) {
  if (typeof text !== "string") throw new TypeError(`${excerpt(text)} is not a text: a symbol is "venue:NAME"`);
  if (!text.includes("*")) {
    if (isSymbol(text)) return text;
    throw new TypeError(
      `${excerpt(text)} is not a symbol: "venue:NAME" is allowed, such as "binance:BTCUSDT"; the venue of a-z, 0-9 and "-", ` +
        `the name of 1 to ${NAME_BYTES_MAX} bytes without white space, ",", "*" and "?"`,
    );
  }
  const literal = text.slice(0, text.indexOf("*"));
  const colon = literal.indexOf(":");
  const fits = colon < 0 ? literal.length <= VENUE_BYTES_MAX && VENUE_BEGINS.test(literal) : isVenue(literal.slice(0, colon));
  if (fits && PATTERN.test(text) && utf8.encode(text).length <= PATTERN_BYTES_MAX) return text;
  throw new TypeError(`${excerpt(text)} is not a pattern: a symbol in which "*" stands for any run of characters is allowed`);
}

/** @param {string} text */
export const isGlob = (text) => text.includes("*");

/** @param {string} symbol */
export const venueOf = (symbol) => symbol.slice(0, symbol.indexOf(":"));

/**
 * Whether a checked pattern means a symbol. A `*` never matches a venue that begins with `$`.
 * @param {string} pattern
 * @param {string} symbol
 */
export function matches(pattern, symbol) {
  if (!isGlob(pattern)) return pattern === symbol;
  return (!symbol.startsWith("$") || pattern.startsWith("$")) && glob(pattern, symbol);
}

/**
 * Whether a checked pattern could mean an instrument of a venue, existing or not.
 * @param {string} pattern
 * @param {string} venue
 */
export function touchesVenue(pattern, venue) {
  if (!isGlob(pattern)) return venueOf(pattern) === venue;
  if (venue.startsWith("$") && !pattern.startsWith("$")) return false;
  // Some beginning of the pattern takes in exactly `venue:`, and the rest can meet a name.
  const head = `${venue}:`;
  for (let at = 0; at <= pattern.length; at++) {
    const front = pattern.slice(0, at);
    if ((at < pattern.length || front.endsWith("*")) && glob(front, head)) return true;
  }
  return false;
}

/**
 * Greedy, with one point to come back to: at most quadratic, whatever the pattern.
 * @param {string} pattern
 * @param {string} text
 */
function glob(pattern, text) {
  let p = 0;
  let t = 0;
  let after = -1;
  let from = 0;
  while (t < text.length) {
    if (pattern[p] === "*") {
      after = ++p;
      from = t;
    } else if (p < pattern.length && pattern[p] === text[t]) {
      p++;
      t++;
    } else if (after >= 0) {
      p = after;
      t = ++from;
    } else return false;
  }
  while (pattern[p] === "*") p++;
  return p === pattern.length;
}
