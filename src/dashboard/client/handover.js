// Hands changes to the page once per animation frame, each instrument once, however often it changed.
// @ts-check
import { CHANGE_NAMES, allBits, succeed, takeChanges } from "./instrument.js";
import { isGlob, matches } from "./pattern.js";

/**
 * @typedef {import("./instrument.js").Instrument} Instrument
 * @typedef {import("./client.d.ts").Change} Shown
 * @typedef {import("./client.d.ts").ChangeName} ChangeName
 */

/** A frame, where nothing draws. */
const FRAME_MS = 16;
/** A hidden page has no animation frames, and its timers are slow: the server conflates for it meanwhile. */
const HIDDEN_MS = 250;

/** Calls once, at the next animation frame or a little later. @param {() => void} call @returns {() => void} ends it */
function atNextFrame(call) {
  if (typeof requestAnimationFrame !== "function") {
    const timer = setTimeout(call, FRAME_MS);
    return () => clearTimeout(timer);
  }
  const end = () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
  };
  const once = () => {
    end();
    call();
  };
  const frame = requestAnimationFrame(once);
  const timer = setTimeout(once, HIDDEN_MS);
  return end;
}

/** @implements {Shown} */
class Change {
  #bits;
  /** @type {Set<ChangeName> | undefined} */
  #names = undefined;

  /** @param {Shown["kind"]} kind @param {number} bits */
  constructor(kind, bits) {
    this.kind = kind;
    this.#bits = bits;
  }

  /** @param {ChangeName} name */
  has(name) {
    return (this.#bits & (1 << CHANGE_NAMES.indexOf(name))) !== 0;
  }

  get names() {
    this.#names ??= new Set(CHANGE_NAMES.filter((_, bit) => this.#bits & (1 << bit)));
    return this.#names;
  }
}

/** Whoever wants some strings, with what was handed to it. */
export class Reader {
  #onChange;
  /** @type {Set<string>} */
  #strings;
  /** @type {string[]} */
  #globs;
  /** @type {Map<string, Instrument>} */
  #known = new Map();

  /** @param {readonly string[]} strings @param {import("./client.d.ts").OnChange | undefined} onChange */
  constructor(strings, onChange) {
    this.#strings = new Set(strings);
    this.#globs = strings.filter(isGlob);
    this.#onChange = onChange;
  }

  get strings() {
    return this.#strings;
  }

  get onChange() {
    return this.#onChange;
  }

  /** @param {string} symbol */
  covers(symbol) {
    return this.#strings.has(symbol) || this.#globs.some((text) => matches(text, symbol));
  }

  /** @param {string} text */
  drop(text) {
    this.#strings.delete(text);
    this.#globs = this.#globs.filter((glob) => glob !== text);
  }

  /** @param {Instrument} instrument @param {number} bits */
  hand(instrument, bits) {
    const { symbol } = instrument;
    if (!this.#onChange || !this.covers(symbol)) return;
    const isKnown = this.#known.has(symbol);
    if (instrument.isRemoved) {
      if (this.#known.delete(symbol)) this.#call(instrument, "removed", bits);
      return;
    }
    this.#known.set(symbol, instrument);
    if (isKnown) this.#call(instrument, "changed", bits);
    else this.#call(instrument, "added", allBits(instrument));
  }

  /** Nothing is called any more, not even what is left of a handover under way. */
  end() {
    this.#onChange = undefined;
    this.#known.clear();
  }

  /** Of instruments that its strings do not cover any more. */
  sayFarewell() {
    for (const [symbol, instrument] of this.#known) {
      if (this.covers(symbol)) continue;
      this.#known.delete(symbol);
      this.#call(instrument, "removed", 0);
    }
  }

  /** Hands over what is there already. @param {(symbol: string) => Instrument | undefined} find @param {() => Iterable<Instrument>} all */
  catchUp(find, all) {
    const held = this.#globs.length > 0 ? all() : [...this.#strings].map(find);
    for (const instrument of held) if (instrument && !this.#known.has(instrument.symbol)) this.hand(instrument, 0);
  }

  /** An exception is the page's, and no reason to keep the others waiting. @param {Instrument} instrument @param {Shown["kind"]} kind @param {number} bits */
  #call(instrument, kind, bits) {
    try {
      this.#onChange?.(instrument, new Change(kind, bits));
    } catch (error) {
      if (typeof reportError === "function") reportError(error);
      else queueMicrotask(() => { throw error; });
    }
  }
}

export class Handover {
  /** @type {Map<string, Instrument>} */
  #changed = new Map();
  /** @type {Set<Reader>} */
  #readers = new Set();
  /** Readers whose strings are others now. @type {Set<Reader>} */
  #fresh = new Set();
  /** Who is to be told of a symbol. @type {Map<string, Reader[]>} */
  #told = new Map();
  /** @type {(() => void) | undefined} */
  #endWaiting = undefined;
  #isFlushing = false;
  #isOver = false;
  #find;
  #all;
  #done;

  /**
   * @param {(symbol: string) => Instrument | undefined} find
   * @param {() => Iterable<Instrument>} all
   * @param {(changed: number) => void} done after each handover
   */
  constructor(find, all, done) {
    this.#find = find;
    this.#all = all;
    this.#done = done;
  }

  get readers() {
    return this.#readers;
  }

  /** One without strings is told nothing. @param {Reader} reader */
  add(reader) {
    if (reader.strings.size === 0) return;
    this.#readers.add(reader);
    this.#renew(reader);
  }

  /** Takes a string from a reader; one without strings is told nothing more. @param {Reader} reader @param {string} text */
  drop(reader, text) {
    reader.drop(text);
    if (reader.strings.size === 0) this.#readers.delete(reader);
    this.#renew(reader);
  }

  /** @param {Reader} reader */
  #renew(reader) {
    this.#told.clear();
    if (this.#readers.has(reader)) this.#fresh.add(reader);
    else this.#fresh.delete(reader);
    this.wake();
  }

  /** @param {Instrument} instrument there or removed */
  changed(instrument) {
    const older = this.#changed.get(instrument.symbol);
    if (older && older !== instrument) succeed(instrument, older);
    this.#changed.set(instrument.symbol, instrument);
  }

  /** Hands over at the next frame. */
  wake() {
    if (!this.#isOver) this.#endWaiting ??= atNextFrame(() => this.flush());
  }

  /** Hands over now; from within a callback nothing. */
  flush() {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    const changed = this.#handAll();
    this.#isFlushing = false;
    this.#done(changed);
  }

  #handAll() {
    this.#endWaiting?.();
    this.#endWaiting = undefined;
    const changed = this.#changed;
    this.#changed = new Map();
    for (const [symbol, instrument] of changed) {
      const bits = takeChanges(instrument);
      for (const reader of this.#toldOf(symbol)) reader.hand(instrument, bits);
      if (instrument.isRemoved) this.#told.delete(symbol);
    }
    const fresh = this.#fresh;
    this.#fresh = new Set();
    for (const reader of fresh) {
      reader.sayFarewell();
      reader.catchUp(this.#find, this.#all);
    }
    return changed.size;
  }

  /** Ends it; nothing is called any more. */
  end() {
    this.#isOver = true;
    this.#endWaiting?.();
    this.#endWaiting = undefined;
    for (const reader of this.#readers) reader.end();
    this.#readers.clear();
    this.#fresh.clear();
    this.#changed.clear();
    this.#told.clear();
  }

  /** @param {string} symbol */
  #toldOf(symbol) {
    let readers = this.#told.get(symbol);
    if (!readers) {
      readers = [...this.#readers].filter((reader) => reader.onChange && reader.covers(symbol));
      this.#told.set(symbol, readers);
    }
    return readers;
  }
}
