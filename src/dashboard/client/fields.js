// The values of an instrument: their order, numbers and scales, and one entry of a message as all encodings decode it.
// @ts-check

/**
 * A whole number of up to 64 bits: a number where that is exact, else a bigint; never both for one value.
 * @typedef {number | bigint} Integer
 */

/** @type {readonly import("./client.d.ts").FieldName[]} */
export const FIELDS = [
  "bidPrice", "bidSize", "askPrice", "askSize", "lastPrice", "lastSize", "volume", "open", "high", "low", "tradeCount", "lastSide",
];
export const BID_PRICE = 0;
export const LAST_PRICE = 4;
export const LAST_SIZE = 5;
export const TRADE_COUNT = 10;
export const LAST_SIDE = 11;

/** Which of price, size, volume or none a field is counted in: 0, 1, 2, 3. */
export const SCALES = [0, 1, 0, 1, 0, 1, 2, 0, 0, 0, 3, 3];

/** Numbers in `Ticker`. */
export const NUMBERS = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 18, 19];

/** The place of a number in {@link FIELDS}, -1 for those that are no values. */
export const PLACES = Array.from({ length: 21 }, (_, number) => NUMBERS.indexOf(number));

/** @type {ReadonlyMap<string, number>} */
export const PLACE_BY_NAME = new Map(FIELDS.map((name, place) => [name, place]));

/** One instrument's part of a snapshot or delta. `undefined` and state 0 are absent. */
export class Entry {
  constructor() {
    this.id = 0;
    /** @type {(Integer | undefined)[]} */
    this.values = [
      undefined, undefined, undefined, undefined, undefined, undefined, undefined, undefined, undefined, undefined, undefined, undefined,
    ];
    /** Bit n: field number n has no value now. */
    this.cleared = 0;
    this.state = 0;
    this.cause = 0;
    /** @type {number | undefined} */
    this.updates = undefined;
    /** @type {number | undefined} */
    this.updateCount = undefined;
    /** @type {number | undefined} */
    this.eventAgeUs = undefined;
    /** @type {number | undefined} */
    this.lastAgeUs = undefined;
    /**
     * Of JSON, whose values are decimals: the digits after the point of prices, sizes and volume, -1 where they differ among
     * themselves. They must be those of the announcement.
     * @type {(number | undefined)[] | undefined}
     */
    this.digits = undefined;
  }
}

/**
 * The one form of a value of 64 bits.
 * @param {bigint} value
 * @returns {Integer}
 */
export function integer(value) {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** The low bits, in which all known field numbers are. @param {Integer} bits */
export const lowBits = (bits) => (typeof bits === "number" ? bits | 0 : Number(BigInt.asIntN(32, bits)));
