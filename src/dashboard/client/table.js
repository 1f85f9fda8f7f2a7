// Instruments by id and by symbol, and venues; the order of one message's parts (rule 6).
// @ts-check
import { Instrument, WHOLE, announce, apply, milliseconds, remove } from "./instrument.js";
import { isSymbol } from "./pattern.js";
import { VENUE_STATES } from "./schema.js";

/** Most that a view holds, so that a server gone wild does not fill the memory. */
const INSTRUMENTS_MAX = 1_000_000;
const VENUES_MAX = 4_096;
const DECIMALS_MAX = 18;

/** A rule of the protocol that the server broke. */
export class Breach extends Error {}

/**
 * What is told of each change.
 * @typedef {object} Sink
 * @property {(instrument: Instrument) => void} changed
 * @property {(instrument: Instrument) => void} removed
 * @property {(venue: import("./client.d.ts").Venue) => void} venue
 */

/**
 * Whether decimals are written as announced.
 * @param {readonly (number | undefined)[]} digits
 * @param {import("./client.d.ts").Instrument["decimals"]} announced
 */
function isScaled(digits, { price, size, volume }) {
  const [ofPrices = price, ofSizes = size, ofVolume = volume] = digits;
  return ofPrices === price && ofSizes === size && ofVolume === volume;
}

/** All that is known, without the question of whether it is complete. */
export class Table {
  /** @type {Map<number, Instrument>} */
  #byId = new Map();
  /** @type {Map<string, number>} */
  #ids = new Map();
  #world;
  #sink;

  /** @param {import("./instrument.js").World} world @param {Sink} sink */
  constructor(world, sink) {
    this.#world = world;
    this.#sink = sink;
  }

  get size() {
    return this.#ids.size;
  }

  /** @param {string} symbol */
  get(symbol) {
    const id = this.#ids.get(symbol);
    return id === undefined ? undefined : this.#byId.get(id);
  }

  instruments() {
    return this.#byId.values();
  }

  /** Ids of the instruments whose symbol is meant. @param {(symbol: string) => boolean} isMeant @returns {Set<number>} */
  idsWhere(isMeant) {
    const ids = new Set();
    for (const [symbol, id] of this.#ids) if (isMeant(symbol)) ids.add(id);
    return ids;
  }

  /**
   * Applies a message's body; `announced` is told each announced or wholly given id.
   *
   * Throws a {@link Breach} at the first; what came before it stays applied.
   * @param {import("./wire.js").Data} data
   * @param {number} kind
   * @param {boolean} isRepairing entries without announcement, or of another than is known, are passed over: the answer that
   *   repairs the loss has them
   * @param {(id: number) => void} announced
   */
  apply(data, kind, isRepairing, announced) {
    for (const id of data.removed) this.remove(id);
    for (const told of data.instruments) {
      this.#announce(told, kind);
      announced(told.id);
    }
    for (const entry of data.tickers) {
      const instrument = this.#byId.get(entry.id);
      if (!instrument) {
        if (isRepairing) continue;
        throw new Breach(`values for instrument ${entry.id}, which was not announced`);
      }
      if (entry.digits && !isScaled(entry.digits, instrument.decimals)) {
        if (isRepairing) continue;
        throw new Breach(`values for ${instrument.symbol} of other decimals than announced`);
      }
      apply(instrument, entry, data.ts, kind);
      if (kind === WHOLE) announced(entry.id);
      this.#sink.changed(instrument);
    }
    for (const venue of data.venues) this.#setVenue(venue);
  }

  /** @param {import("./wire.js").Announcement} told @param {number} kind */
  #announce(told, kind) {
    const { id, symbol } = told;
    if (!isSymbol(symbol)) throw new Breach(`instrument ${id} is announced with a symbol that is none`);
    if (Math.max(told.priceDecimals, told.sizeDecimals, told.volumeDecimals) > DECIMALS_MAX) {
      throw new Breach(`instrument ${id} is announced with more than ${DECIMALS_MAX} decimals`);
    }
    let instrument = this.#byId.get(id);
    if (instrument && instrument.symbol !== symbol) throw new Breach(`id ${id} is used for another instrument`);
    if (!instrument) {
      if (this.#byId.size >= INSTRUMENTS_MAX) throw new Breach(`more instruments than ${INSTRUMENTS_MAX}`);
      // Listed anew under another id: the old one is gone, told or not.
      const older = this.#ids.get(symbol);
      if (older !== undefined) this.remove(older);
      instrument = new Instrument(symbol, this.#world);
      this.#byId.set(id, instrument);
      this.#ids.set(symbol, id);
    }
    announce(instrument, told, kind === WHOLE);
    this.#sink.changed(instrument);
  }

  /** @param {import("./wire.js").VenueTold} told */
  #setVenue(told) {
    const { venues } = this.#world;
    const state = /** @type {import("./client.d.ts").VenueState} */ (VENUE_STATES[told.state]);
    const isKnown = told.state > 0 && state !== undefined && isSymbol(`${told.name}:X`);
    if (!isKnown || (venues.size >= VENUES_MAX && !venues.has(told.name))) return;
    const wasUp = venues.get(told.name)?.state === "up";
    const venue = { name: told.name, state, sinceMs: milliseconds(told.since), reason: told.reason.slice(0, 1024) };
    venues.set(told.name, venue);
    if (wasUp !== (state === "up")) this.touch((instrument) => instrument.venue === told.name);
    this.#sink.venue(venue);
  }

  /** Tells that instruments changed though no value did. @param {(instrument: Instrument) => boolean} isMeant */
  touch(isMeant) {
    for (const instrument of this.#byId.values()) if (isMeant(instrument)) this.#sink.changed(instrument);
  }

  /** Drops an instrument; one that is not known is no error. @param {number} id */
  remove(id) {
    const instrument = this.#byId.get(id);
    if (!instrument) return;
    this.#byId.delete(id);
    this.#ids.delete(instrument.symbol);
    remove(instrument);
    this.#sink.removed(instrument);
  }

  /** Drops all that is not meant. @param {(symbol: string) => boolean} isMeant @param {(venue: string) => boolean} isTouched */
  retain(isMeant, isTouched) {
    for (const id of this.idsWhere((symbol) => !isMeant(symbol))) this.remove(id);
    for (const name of this.#world.venues.keys()) if (!isTouched(name)) this.#world.venues.delete(name);
  }

  /** Forgets everything: a new epoch voids every id and value (rule 4). */
  clear() {
    for (const id of [...this.#byId.keys()]) this.remove(id);
    this.#world.venues.clear();
  }
}
