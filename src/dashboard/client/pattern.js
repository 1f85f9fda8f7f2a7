// Symbols, `venue:NAME`, and patterns with `*`.
// @ts-check

const NOT_OF_A_VENUE = /[^a-z0-9-]/u;
const NOT_OF_A_NAME = /[\p{White_Space}\p{Cc}\p{Cs},?]/u;
const VENUE_BYTES_MAX = 32;
const NAME_BYTES_MAX = 63;
const PATTERN_BYTES_MAX = VENUE_BYTES_MAX + 1 + NAME_BYTES_MAX + 32;

const utf8 = new TextEncoder();

/** Enough of a text to recognise it by. @param {unknown} text */
const excerpt = (text) => JSON.stringify(String(text).slice(0, 60));

/**
 * What is wrong with a venue, or with the beginning of one, whose rest a `*` stands for.
 * @param {string} venue
 * @param {boolean} isBeginning
 */
function faultOfVenue(venue, isBeginning) {
  const letters = venue.startsWith("$") ? venue.slice(1) : venue;
  const [wrong] = NOT_OF_A_VENUE.exec(letters) ?? [];
  if (wrong) return `the venue holds ${excerpt(wrong)}`;
  if (letters === "" && !isBeginning) return "no venue stands before the \":\"";
  return venue.length > VENUE_BYTES_MAX ? `the venue has ${venue.length} letters, ${VENUE_BYTES_MAX} are allowed` : "";
}

/** What is wrong with letters of a name, or nothing. @param {string} name */
function faultOfName(name) {
  const [wrong] = NOT_OF_A_NAME.exec(name) ?? [];
  if (wrong) return `it holds ${/\p{White_Space}/u.test(wrong) ? "white space" : excerpt(wrong)}`;
  return "";
}

/** What keeps a text from being a symbol, or nothing. @param {string} text */
function faultOfSymbol(text) {
  const colon = text.indexOf(":");
  if (colon < 0) return "no \":\" stands between a venue and a name";
  const name = text.slice(colon + 1);
  const bytes = utf8.encode(name).length;
  return (
    faultOfVenue(text.slice(0, colon), false) ||
    (name === "" && "no name stands behind the \":\"") ||
    faultOfName(name) ||
    (name.includes("*") && "it holds \"*\"") ||
    (bytes > NAME_BYTES_MAX && `the name has ${bytes} bytes`) ||
    ""
  );
}

/** What keeps a text with a `*` from being a pattern, or nothing. @param {string} text */
function faultOfPattern(text) {
  const literal = text.slice(0, text.indexOf("*"));
  const colon = literal.indexOf(":");
  const bytes = utf8.encode(text).length;
  return (
    faultOfVenue(colon < 0 ? literal : literal.slice(0, colon), colon < 0) ||
    faultOfName(text) ||
    (bytes > PATTERN_BYTES_MAX && `it has ${bytes} bytes, ${PATTERN_BYTES_MAX} are allowed`) ||
    ""
  );
}

/**
 * Whether a text is a symbol.
 * @param {string} text
 */
export const isSymbol = (text) => faultOfSymbol(text) === "";

const ALLOWED_AS_SYMBOL =
  `"venue:NAME" is allowed, such as "binance:BTCUSDT"; the venue of a-z, 0-9 and "-", ` +
  `the name of 1 to ${NAME_BYTES_MAX} bytes without white space, ",", "*" and "?"`;

const ALLOWED_AS_PATTERN =
  'A symbol in which "*" stands for any run of characters is allowed; the venue of a-z, 0-9 and "-", ' +
  'the name without white space, "," and "?"';

/**
 * Checks a text that a subscriber gave: a symbol, or a pattern that could match one.
 * @param {unknown} text
 * @returns {string}
 * @throws {TypeError} with what is wrong and what is allowed
 */
export function checkPattern(text) {
  if (typeof text !== "string") throw new TypeError(`${excerpt(text)} is not a text: a symbol is "venue:NAME"`);
  const [fault, what, allowed] = isGlob(text)
    ? [faultOfPattern(text), "pattern", ALLOWED_AS_PATTERN]
    : [faultOfSymbol(text), "symbol", ALLOWED_AS_SYMBOL];
  if (fault !== "") throw new TypeError(`${excerpt(text)} is not a ${what}: ${fault}. ${allowed}`);
  return text;
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
