// The server's messages as tables, by which every encoding is decoded: names and numbers are those of the schema.
// @ts-check

/**
 * @typedef {"uint" | "fixed64" | "string" | "bool" | "enum" | "message" | "ticker"} Type
 * `uint` is kept below 2^53; `fixed64` is a bigint.
 *
 * @typedef {object} Field
 * @property {number} number
 * @property {string} name
 * @property {string} json
 * @property {Type} type
 * @property {readonly string[]} words of an enum, by number
 * @property {Message | undefined} message
 * @property {boolean} isRepeated
 * @property {unknown} absent what it is where it does not stand
 *
 * @typedef {object} Message
 * @property {string} name
 * @property {readonly Field[]} fields
 * @property {ReadonlyMap<number, Field>} byNumber
 * @property {ReadonlyMap<string, Field>} byJson
 */

export const TICKER_STATES = ["unspecified", "live", "stale", "halted"];
export const STALE_CAUSES = ["unspecified", "gap", "silent", "disconnected", "checksum", "restart"];
export const VENUE_STATES = ["unspecified", "up", "stale", "down"];
export const SIDES = ["unspecified", "buy", "sell"];
export const CLOCKS = ["wall", "tape"];
export const ERROR_CODES = [
  "unspecified", "invalid_message", "unauthenticated", "forbidden", "invalid_symbol", "too_many_symbols",
  "rate_limited", "unsupported", "not_subscribed", "internal",
];

/** @type {Record<string, unknown>} */
const ABSENT = { uint: 0, fixed64: 0n, string: "", bool: false, enum: 0, message: undefined };

/** @param {string} name */
const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/**
 * @param {string} name
 * @param {Record<string, [number, Type, { words?: readonly string[], message?: Message, repeated?: boolean, optional?: boolean }?]>} table
 * @returns {Message}
 */
function message(name, table) {
  const fields = Object.entries(table).map(([name, [number, type, more = {}]]) => ({
    number,
    name,
    json: snake(name),
    type,
    words: more.words ?? [],
    message: more.message,
    isRepeated: more.repeated ?? false,
    absent: more.optional ? undefined : ABSENT[type],
  }));
  return {
    name,
    fields,
    byNumber: new Map(fields.map((field) => [field.number, field])),
    byJson: new Map(fields.map((field) => [field.json, field])),
  };
}

const repeated = true;
const REJECTED = message("Rejected", {
  symbol: [1, "string"], code: [2, "enum", { words: ERROR_CODES }], message: [3, "string"],
});
const VENUE = message("Venue", {
  name: [1, "string"], state: [2, "enum", { words: VENUE_STATES }], since: [3, "fixed64"], reason: [4, "string"],
});
const INSTRUMENT = message("Instrument", {
  id: [1, "uint"], symbol: [2, "string"], priceDecimals: [3, "uint"], sizeDecimals: [4, "uint"], volumeDecimals: [5, "uint"],
});
const instruments = { message: INSTRUMENT, repeated };
const venues = { message: VENUE, repeated };
const WELCOME = message("Welcome", {
  server: [1, "string"], epoch: [2, "fixed64"], seq: [3, "uint"], ts: [4, "fixed64"], intervalMs: [5, "uint"],
  heartbeatMs: [6, "uint"], maxSymbols: [7, "uint"], maxMessageBytes: [8, "uint"], session: [9, "string"],
  authenticated: [10, "bool"], frameBytesMax: [11, "uint"], clock: [12, "enum", { words: CLOCKS }],
});
const SNAPSHOT = message("Snapshot", {
  epoch: [1, "fixed64"], seq: [2, "uint"], ts: [3, "fixed64"], requestId: [4, "uint"], removed: [5, "uint", { repeated }],
  instruments: [6, "message", instruments], tickers: [7, "ticker", { repeated }], venues: [8, "message", venues],
  resumed: [9, "bool"], more: [10, "bool"], pending: [11, "string", { repeated }],
  rejected: [12, "message", { message: REJECTED, repeated }],
});
const DELTA = message("Delta", {
  seq: [1, "uint"], prevSeq: [2, "uint", { optional: true }], ts: [3, "fixed64"], removed: [4, "uint", { repeated }],
  instruments: [5, "message", instruments], tickers: [6, "ticker", { repeated }], venues: [7, "message", venues],
  skipped: [8, "uint"], more: [9, "bool"],
});
const HEARTBEAT = message("Heartbeat", { seq: [1, "uint"], ts: [2, "fixed64"], prevSeq: [3, "uint"] });
const ACK = message("Ack", { requestId: [1, "uint"], intervalMs: [2, "uint"], window: [3, "uint"], symbols: [4, "uint"] });
const ERROR = message("Error", { requestId: [1, "uint"], code: [2, "enum", { words: ERROR_CODES }], message: [3, "string"] });
const PONG = message("Pong", { nonce: [1, "uint"], tsClient: [2, "fixed64"], tsRecv: [3, "fixed64"], tsSent: [4, "fixed64"] });
const GOAWAY = message("Goaway", { reason: [1, "string"], reconnectAfterMs: [2, "uint"], url: [3, "string"] });

/** The number of `deflated`: bytes that are another message. */
export const DEFLATED = 15;

/** @type {ReadonlyMap<number, { kind: string, message: Message }>} */
export const BODIES = new Map([
  [1, { kind: "welcome", message: WELCOME }],
  [2, { kind: "snapshot", message: SNAPSHOT }],
  [3, { kind: "delta", message: DELTA }],
  [4, { kind: "heartbeat", message: HEARTBEAT }],
  [6, { kind: "ack", message: ACK }],
  [7, { kind: "error", message: ERROR }],
  [8, { kind: "pong", message: PONG }],
  [9, { kind: "goaway", message: GOAWAY }],
]);

/**
 * A message before its fields are read. Its `kind` is the body's name.
 * @param {Message} message
 * @returns {Record<string, any>}
 */
export function blank(message) {
  /** @type {Record<string, any>} */
  const made = {};
  for (const field of message.fields) made[field.name] = field.isRepeated ? [] : field.absent;
  return made;
}

/** What is wrong with bytes or text that are no message. */
export class DecodeError extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = "DecodeError";
  }
}
