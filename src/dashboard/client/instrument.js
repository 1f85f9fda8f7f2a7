// What is known of one instrument, and what of it changed since it was last handed over.
// @ts-check
import { formatDecimal } from "./decimal.js";
import { FIELDS, LAST_PRICE, LAST_SIDE, LAST_SIZE, NUMBERS, PLACE_BY_NAME, SCALES } from "./fields.js";
import { venueOf } from "./pattern.js";
import { SIDES, STALE_CAUSES, TICKER_STATES } from "./schema.js";

/**
 * @typedef {import("./client.d.ts").Instrument} Shown
 * @typedef {import("./client.d.ts").FieldName} FieldName
 * @typedef {import("./client.d.ts").ChangeName} ChangeName
 * @typedef {import("./fields.js").Entry} Entry
 * @typedef {import("./fields.js").Integer} Integer
 */

/**
 * What all instruments of a client share.
 * @typedef {object} World
 * @property {boolean} isCurrent the connection stands, and all that was known before it is known anew
 * @property {Map<string, import("./client.d.ts").Venue>} venues
 * @property {() => number} serverNowMs
 */

/** What an absent field of an entry means: in a delta and a resume unchanged, in a whole snapshot no value. */
export const DELTA = 0;
export const RESUMED = 1;
export const WHOLE = 2;

/** Names of a change by bit: the fields by their place, then the rest. @type {readonly ChangeName[]} */
export const CHANGE_NAMES = [...FIELDS, "decimals", "state", "isLive"];
const DECIMALS_BIT = 1 << FIELDS.length;
const STATE_BIT = DECIMALS_BIT << 1;
const LIVE_BIT = STATE_BIT << 1;
const STATE_NUMBER = 16;
const CAUSE_NUMBER = 20;
const STALE = 2;

const none = () => new Array(FIELDS.length).fill(undefined);

/** Nanoseconds as milliseconds, exact to the microsecond. @param {bigint} ts */
export const milliseconds = (ts) => Number(ts / 1000n) / 1000;

// The table's and the handover's alone, set within the class: whoever is handed an instrument has no way to these.

/** Takes an announcement, also another one of the same instrument: its values are forgotten (rule 6). @type {(instrument: Instrument, told: import("./wire.js").Announcement, isWhole: boolean) => void} */
export let announce;
/** Takes an entry of a message that was assembled at `ts`. @type {(instrument: Instrument, entry: Entry, ts: bigint, kind: number) => void} */
export let apply;
/** @type {(instrument: Instrument) => void} */
export let remove;
/** Bits of {@link CHANGE_NAMES} that differ from the last time it was asked; trades count though they are equal. @type {(instrument: Instrument) => number} */
export let takeChanges;
/** Takes the place of one that is gone and whose end nobody was told: what was handed over last is that one's. @type {(instrument: Instrument, older: Instrument) => void} */
export let succeed;

/** @implements {Shown} */
export class Instrument {
  #symbol;
  #venue;
  #world;
  /** Of prices, sizes, volume, and of whole numbers. */
  #decimals = [0, 0, 0, 0];
  /** @type {(Integer | undefined)[]} */
  #values = none();
  #state = 0;
  #cause = 0;
  #updateCount = 0;
  #ts = 0n;
  /** @type {number | undefined} */
  #tsEventMs = undefined;
  /** @type {number | undefined} */
  #tsLastMs = undefined;
  /** @type {number | undefined} */
  #eventAgeMs = undefined;
  #isRemoved = false;
  /** As it was last handed over. */
  #shown = { values: none(), decimals: [0, 0, 0, 0], state: 0, cause: 0, isLive: false };
  /** A trade was told since. */
  #tradeBits = 0;

  /** @param {string} symbol @param {World} world */
  constructor(symbol, world) {
    this.#symbol = symbol;
    this.#venue = venueOf(symbol);
    this.#world = world;
  }

  get symbol() { return this.#symbol; }
  get venue() { return this.#venue; }
  get name() { return this.#symbol.slice(this.#venue.length + 1); }
  get decimals() {
    const [price, size, volume] = this.#decimals;
    return { price, size, volume };
  }

  get bidPrice() { return this.#text(0); }
  get bidSize() { return this.#text(1); }
  get askPrice() { return this.#text(2); }
  get askSize() { return this.#text(3); }
  get lastPrice() { return this.#text(4); }
  get lastSize() { return this.#text(5); }
  get volume() { return this.#text(6); }
  get open() { return this.#text(7); }
  get high() { return this.#text(8); }
  get low() { return this.#text(9); }
  get tradeCount() { return this.#text(10); }
  get lastSide() {
    const side = this.#values[LAST_SIDE];
    return side === undefined ? undefined : /** @type {"buy" | "sell"} */ (SIDES[Number(side)]);
  }

  /** @param {FieldName} field */
  text(field) {
    return field === "lastSide" ? this.lastSide : this.#text(placeOf(field));
  }

  /** @param {FieldName} field */
  number(field) {
    const place = placeOf(field);
    const value = this.#values[place];
    // Two exact floats divided are the nearest float; a bigint is not exact as one.
    if (typeof value === "number") return value / 10 ** this.#decimals[SCALES[place]];
    return value === undefined ? undefined : Number(this.#text(place));
  }

  /** @param {FieldName} field */
  mantissa(field) {
    const value = this.#values[placeOf(field)];
    return value === undefined ? undefined : BigInt(value);
  }

  get state() { return this.#state === 0 ? undefined : /** @type {Shown["state"]} */ (TICKER_STATES[this.#state]); }
  get cause() { return this.#cause === 0 ? undefined : /** @type {Shown["cause"]} */ (STALE_CAUSES[this.#cause]); }
  get venueState() { return this.#world.venues.get(this.#venue)?.state; }
  get isLive() { return this.#state === 1 && this.#world.isCurrent && !this.#isRemoved && this.venueState === "up"; }
  get isRemoved() { return this.#isRemoved; }

  get tsMs() { return milliseconds(this.#ts); }
  get tsEventMs() { return this.#tsEventMs; }
  get tsLastMs() { return this.#tsLastMs; }
  get eventAgeMs() { return this.#eventAgeMs; }
  get ageMs() { return Math.max(0, this.#world.serverNowMs() - this.tsMs); }
  get updateCount() { return this.#updateCount; }

  /** @param {number} place */
  #text(place) {
    const value = this.#values[place];
    return value === undefined ? undefined : formatDecimal(value, this.#decimals[SCALES[place]]);
  }

  /** @param {import("./wire.js").Announcement} told @param {boolean} isWhole */
  #announce(told, isWhole) {
    this.#decimals = [told.priceDecimals, told.sizeDecimals, told.volumeDecimals, 0];
    this.#values.fill(undefined);
    if (isWhole) this.#forget();
  }

  /** Forgets all but the announcement: a whole snapshot says it anew (rule 4). */
  #forget() {
    this.#values.fill(undefined);
    this.#state = 0;
    this.#cause = 0;
    this.#updateCount = 0;
    this.#tsEventMs = undefined;
    this.#tsLastMs = undefined;
    this.#eventAgeMs = undefined;
  }

  /** @param {Entry} entry @param {bigint} ts @param {number} kind */
  #apply(entry, ts, kind) {
    if (kind === WHOLE) this.#forget();
    const { values, cleared } = entry;
    for (let place = 0; place < values.length; place++) {
      const value = values[place];
      if (value !== undefined) this.#values[place] = value;
      else if (cleared !== 0 && cleared & (1 << NUMBERS[place])) this.#values[place] = undefined;
    }
    if (kind !== WHOLE && values[LAST_PRICE] !== undefined) this.#tradeBits |= 1 << LAST_PRICE;
    if (kind !== WHOLE && values[LAST_SIZE] !== undefined) this.#tradeBits |= 1 << LAST_SIZE;
    this.#applyState(entry);
    if (entry.updateCount !== undefined) this.#updateCount = entry.updateCount;
    else if (kind === DELTA) this.#updateCount += entry.updates ?? 1;
    this.#ts = ts;
    if (entry.eventAgeUs !== undefined) {
      this.#eventAgeMs = entry.eventAgeUs / 1000;
      this.#tsEventMs = milliseconds(ts) - this.#eventAgeMs;
    }
    if (entry.lastAgeUs !== undefined) this.#tsLastMs = milliseconds(ts) - entry.lastAgeUs / 1000;
  }

  /** @param {Entry} entry */
  #applyState(entry) {
    if (entry.cleared & (1 << STATE_NUMBER)) this.#state = 0;
    if (entry.cleared & (1 << CAUSE_NUMBER)) this.#cause = 0;
    if (entry.cause > 0 && entry.cause < STALE_CAUSES.length) this.#cause = entry.cause;
    if (entry.state > 0 && entry.state < TICKER_STATES.length) this.#state = entry.state;
    if (this.#state !== STALE) this.#cause = 0;
  }

  #takeChanges() {
    const shown = this.#shown;
    let bits = this.#tradeBits;
    this.#tradeBits = 0;
    const isRescaled = this.#decimals.some((decimals, scale) => decimals !== shown.decimals[scale]);
    for (let place = 0; place < FIELDS.length; place++) {
      const value = this.#values[place];
      if (value !== shown.values[place] || (isRescaled && value !== undefined)) bits |= 1 << place;
      shown.values[place] = value;
    }
    if (isRescaled) bits |= DECIMALS_BIT;
    if (this.#state !== shown.state || this.#cause !== shown.cause) bits |= STATE_BIT;
    const { isLive } = this;
    if (isLive !== shown.isLive) bits |= LIVE_BIT;
    shown.decimals = this.#decimals;
    shown.state = this.#state;
    shown.cause = this.#cause;
    shown.isLive = isLive;
    return bits;
  }

  static {
    announce = (instrument, told, isWhole) => instrument.#announce(told, isWhole);
    apply = (instrument, entry, ts, kind) => instrument.#apply(entry, ts, kind);
    remove = (instrument) => { instrument.#isRemoved = true; };
    takeChanges = (instrument) => instrument.#takeChanges();
    succeed = (instrument, older) => { instrument.#shown = older.#shown; };
  }
}

/** @param {FieldName} field */
function placeOf(field) {
  const place = PLACE_BY_NAME.get(field);
  if (place === undefined) throw new TypeError(`${JSON.stringify(field)} is not a field: ${FIELDS.join(", ")} are`);
  return place;
}

/** Bits of all that an instrument has. @param {Instrument} instrument */
export function allBits(instrument) {
  let bits = DECIMALS_BIT | STATE_BIT | LIVE_BIT;
  FIELDS.forEach((field, place) => {
    if (instrument.mantissa(field) !== undefined) bits |= 1 << place;
  });
  return bits;
}
