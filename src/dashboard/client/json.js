// Decodes the server's messages from JSON text.
// @ts-check
import { parseDecimal } from "./decimal.js";
import { Entry, FIELDS, LAST_SIDE, NUMBERS, SCALES, TRADE_COUNT, integer } from "./fields.js";
import { BODIES, DecodeError, SIDES, STALE_CAUSES, TICKER_STATES, blank } from "./schema.js";

/** @typedef {Record<string, unknown>} Tree */

/** @param {string} name */
const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Names of the ticker's values in JSON, with their place. */
const PLACES = new Map(FIELDS.map((name, place) => [snake(name), place]));

/** Bits of `cleared` by name. */
const CLEARED_BITS = new Map([
  ...FIELDS.map((name, place) => /** @type {const} */ ([snake(name), 1 << NUMBERS[place]])),
  /** @type {const} */ (["state", 1 << 16]),
  /** @type {const} */ (["cause", 1 << 20]),
]);

const BY_KIND = new Map([...BODIES.values()].map((body) => [body.kind, body.message]));

/** Whole numbers that a float cannot hold were met; they are read again as text. */
class Inexact extends Error {}

/** @param {unknown} value @param {string} what @returns {Tree} */
function tree(value, what) {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return /** @type {Tree} */ (value);
  throw new DecodeError(`${what} is not an object`);
}

/** @param {unknown} value @param {string} what @returns {import("./fields.js").Integer} */
function whole(value, what) {
  if (typeof value === "string" && /^-?[0-9]{1,20}$/.test(value)) return integer(BigInt(value));
  if (typeof value !== "number" || !Number.isInteger(value)) throw new DecodeError(`${what} is not a whole number`);
  if (!Number.isSafeInteger(value)) throw new Inexact(what);
  return value;
}

/** @param {unknown} value @param {string} what */
function uint(value, what) {
  const number = whole(value, what);
  if (typeof number === "number" && number >= 0) return number;
  throw new DecodeError(`${what} is not within 0 and 2^53`);
}

/** @param {unknown} value @param {string} what */
function text(value, what) {
  if (typeof value === "string") return value;
  throw new DecodeError(`${what} is not a text`);
}

/** Words that are not known are 0. @param {unknown} value @param {readonly string[]} words @param {string} what */
const word = (value, words, what) => Math.max(0, words.indexOf(text(value, what)));

/** @param {unknown} value @param {string} what @returns {unknown[]} */
function list(value, what) {
  if (Array.isArray(value)) return value;
  throw new DecodeError(`${what} is not a list`);
}

/** @param {Tree} from @param {import("./schema.js").Message} message */
function read(from, message) {
  const made = blank(message);
  for (const [key, value] of Object.entries(from)) {
    const field = message.byJson.get(key);
    if (!field) continue;
    const what = `${message.name}.${key}`;
    made[field.name] = field.isRepeated ? list(value, what).map((v) => readOne(v, field, what)) : readOne(value, field, what);
  }
  return made;
}

/** @param {unknown} value @param {import("./schema.js").Field} field @param {string} what @returns {unknown} */
function readOne(value, field, what) {
  switch (field.type) {
    case "uint":
      return uint(value, what);
    case "enum":
      return word(value, field.words, what);
    case "bool":
      if (typeof value === "boolean") return value;
      throw new DecodeError(`${what} is neither true nor false`);
    case "fixed64": {
      const number = BigInt(whole(value, what));
      if (number >= 0n && number < 1n << 64n) return number;
      throw new DecodeError(`${what} is not within 0 and 2^64`);
    }
    case "string":
      return text(value, what);
    case "ticker":
      return readEntry(tree(value, what));
    default:
      return field.message && read(tree(value, what), field.message);
  }
}

/** @param {Tree} from */
function readEntry(from) {
  const entry = new Entry();
  for (const [key, value] of Object.entries(from)) {
    const place = PLACES.get(key);
    if (place !== undefined) readValue(entry, place, value, key);
    else if (key === "id") entry.id = uint(value, key);
    else if (key === "event_age_us") entry.eventAgeUs = Number(whole(value, key));
    else if (key === "cleared") for (const name of list(value, key)) entry.cleared |= CLEARED_BITS.get(text(name, key)) ?? 0;
    else if (key === "updates") entry.updates = uint(value, key);
    else if (key === "update_count") entry.updateCount = uint(value, key);
    else if (key === "state") entry.state = word(value, TICKER_STATES, key);
    else if (key === "last_age_us") entry.lastAgeUs = Number(whole(value, key));
    else if (key === "cause") entry.cause = word(value, STALE_CAUSES, key);
  }
  return entry;
}

/** @param {Entry} entry @param {number} place @param {unknown} value @param {string} key */
function readValue(entry, place, value, key) {
  if (place === LAST_SIDE) {
    const side = word(value, SIDES, key);
    if (side > 0) entry.values[place] = side;
  } else if (place === TRADE_COUNT) {
    entry.values[place] = whole(value, key);
  } else {
    const decimal = text(value, key);
    entry.values[place] = parseDecimal(decimal);
    if (entry.values[place] === undefined) throw new DecodeError(`${key} is not a decimal of 64 bits`);
    const point = decimal.indexOf(".");
    const digits = point < 0 ? 0 : decimal.length - point - 1;
    entry.digits ??= [undefined, undefined, undefined];
    const before = entry.digits[SCALES[place]];
    entry.digits[SCALES[place]] = before === undefined || before === digits ? digits : -1;
  }
}

/** Texts as they are, and whole numbers of sixteen digits and more. */
const TEXT_OR_LONG = /"(?:[^"\\]|\\.)*"|(?<![0-9.eE+-])-?[0-9]{16,}(?![0-9.eE])/g;

/**
 * Decodes one message; a body that is not known is `undefined`.
 * @param {string} json
 * @returns {import("./wire.js").Decoded | undefined}
 */
export function decodeJson(json) {
  try {
    return decodeTree(json);
  } catch (error) {
    if (!(error instanceof Inexact)) throw error;
    return decodeTree(json.replace(TEXT_OR_LONG, (found) => (found.startsWith('"') ? found : `"${found}"`)));
  }
}

/** @param {string} json @returns {import("./wire.js").Decoded | undefined} */
function decodeTree(json) {
  let parsed;
  try {
    parsed = JSON.parse(json);
  } catch (error) {
    throw new DecodeError(`not JSON: ${error instanceof Error ? error.message : error}`);
  }
  /** @type {any} */
  let decoded;
  for (const [kind, body] of Object.entries(tree(parsed, "the message"))) {
    const message = BY_KIND.get(kind);
    if (message) decoded = { kind, ...read(tree(body, kind), message) };
  }
  return decoded;
}
