// The strings a subscriber asks for: which are held, which are asked, up to where each was known.
// @ts-check
import { isGlob, matches, touchesVenue } from "./pattern.js";

/** To be asked for; asked, the last part of the answer not come; complete; taken back, the ack not come. */
const WANTED = 0;
const ASKED = 1;
const HELD = 2;
const LEAVING = 3;

/** Bytes of symbols in one request, as JSON; servers take 64 KiB and more. */
const REQUEST_BYTES_MAX = 32 << 10;

/**
 * @typedef {object} Interest one string
 * @property {number} phase
 * @property {number} requestId with which it was asked or is taken back
 * @property {number | undefined} known while not held: the seq up to which it was known completely, in the view's epoch
 * @property {boolean} isRepair something of it was lost: until its next answer, entries may come whose announcement is missed
 *
 * @typedef {object} Answering a subscribe whose answer has not ended
 * @property {boolean} isBegun a first part has come
 * @property {boolean} isTainted something was lost between its parts: it must be asked for again
 * @property {Set<number>} unnamed of a whole answer: known before and not yet named; at the last part they are gone
 *
 * @typedef {{ requestId: number, strings: string[], known: number | undefined }} Ask
 */

const utf8 = new TextEncoder();

/** Splits strings so that each part fits into one request. @param {readonly string[]} strings */
export function inRequests(strings) {
  /** @type {string[][]} */
  const requests = [];
  let bytes = REQUEST_BYTES_MAX;
  for (const text of strings) {
    const more = utf8.encode(JSON.stringify(text)).length + 1;
    bytes += more;
    if (bytes > REQUEST_BYTES_MAX) {
      requests.push([]);
      bytes = more;
    }
    requests[requests.length - 1].push(text);
  }
  return requests;
}

/** All strings of a subscriber. */
export class Interests {
  /** @type {Map<string, Interest>} */
  #strings = new Map();
  /** @type {Map<number, Answering>} */
  #answering = new Map();
  /** A new epoch is being told unasked, and its last part has not come: nothing held is known completely. */
  #isRenewing = false;

  // Kept, so that a delta's cost does not grow with the strings; as of the last `refresh`.
  anyHeld = false;
  anyWanted = false;
  allHeld = false;
  isRepairing = false;

  /** To be called after any change. */
  refresh() {
    const all = [...this.#strings.values()];
    this.anyHeld = all.some((i) => i.phase === HELD);
    this.anyWanted = all.some((i) => i.phase === WANTED);
    this.allHeld = !this.#isRenewing && all.length > 0 && all.every((i) => i.phase === HELD);
    this.isRepairing = all.some((i) => i.isRepair) || [...this.#answering.values()].some((a) => a.isTainted);
  }

  get size() {
    return this.#strings.size;
  }

  /** @param {string} text */
  has(text) {
    return this.#strings.has(text);
  }

  /** Whether a string is asked for and not being taken back. @param {string} text */
  isWanted(text) {
    const phase = this.#strings.get(text)?.phase;
    return phase !== undefined && phase !== LEAVING;
  }

  /** Whether a string's answer is complete on this connection. @param {string} text */
  isHeld(text) {
    return this.#strings.get(text)?.phase === HELD;
  }

  /** Wants a string, whole; one that is there already is asked for again. @param {string} text */
  want(text) {
    // The server may hold it already: what was lost of it is so until the answer.
    const isRepair = this.#strings.get(text)?.isRepair ?? false;
    this.#strings.set(text, { phase: WANTED, requestId: 0, known: undefined, isRepair });
  }

  /**
   * Takes strings back; those never asked for on this connection are gone at once.
   * @param {Iterable<string>} strings
   * @param {number} requestId
   * @returns {string[]} those of which the server must be told with `requestId`
   */
  leave(strings, requestId) {
    const told = [];
    for (const text of strings) {
      const interest = this.#strings.get(text);
      if (!interest || interest.phase === LEAVING) continue;
      if (interest.phase === WANTED) {
        this.#strings.delete(text);
        continue;
      }
      interest.phase = LEAVING;
      interest.requestId = requestId;
      told.push(text);
    }
    return told;
  }

  /**
   * Groups what is wanted by where it was known up to.
   * @param {() => number} nextRequestId
   * @returns {Ask[]}
   */
  ask(nextRequestId) {
    /** @type {Map<number | undefined, string[]>} */
    const groups = new Map();
    for (const [text, interest] of this.#strings) {
      if (interest.phase !== WANTED) continue;
      const group = groups.get(interest.known);
      if (group) group.push(text);
      else groups.set(interest.known, [text]);
    }
    return [...groups].flatMap(([known, group]) => inRequests(group).map((strings) => this.#asked(nextRequestId(), strings, known)));
  }

  /** @param {number} requestId @param {string[]} strings @param {number | undefined} known @returns {Ask} */
  #asked(requestId, strings, known) {
    for (const text of strings) {
      const interest = this.#strings.get(text);
      if (interest) Object.assign(interest, { phase: ASKED, requestId });
    }
    this.#answering.set(requestId, { isBegun: false, isTainted: false, unnamed: new Set() });
    return { requestId, strings, known };
  }

  /** @param {number} requestId */
  answering(requestId) {
    return this.#answering.get(requestId);
  }

  allAnswering() {
    return this.#answering.values();
  }

  /** Tells whether a string of this request covers a symbol. @param {number} requestId */
  requestCovers(requestId) {
    return this.#covering((i) => i.phase === ASKED && i.requestId === requestId);
  }

  /** Tells whether any string covers a symbol; those being taken back do until their ack. */
  covers() {
    return this.#covering(() => true);
  }

  /** Whether any string could meet an instrument of the venue. @param {string} venue */
  touches(venue) {
    return [...this.#strings.keys()].some((text) => touchesVenue(text, venue));
  }

  /** Exact strings are looked up and only patterns tried. @param {(interest: Interest) => boolean} isMeant */
  #covering(isMeant) {
    const exact = new Set();
    /** @type {string[]} */
    const globs = [];
    for (const [text, interest] of this.#strings) {
      if (!isMeant(interest)) continue;
      if (isGlob(text)) globs.push(text);
      else exact.add(text);
    }
    return (/** @type {string} */ symbol) => exact.has(symbol) || globs.some((text) => matches(text, symbol));
  }

  /** Ends a subscribe's answer; a tainted one is wanted again from where it was known before. @param {number} requestId */
  answered(requestId) {
    const answering = this.#answering.get(requestId);
    if (!answering) return undefined;
    this.#answering.delete(requestId);
    for (const interest of this.#strings.values()) {
      if (interest.phase !== ASKED || interest.requestId !== requestId) continue;
      interest.phase = answering.isTainted ? WANTED : HELD;
      interest.isRepair = answering.isTainted;
      if (!answering.isTainted) interest.known = undefined;
    }
    return answering;
  }

  /** Forgets a string that the server does not give. @param {string} text */
  forget(text) {
    this.#strings.delete(text);
  }

  /**
   * An unsubscribe was confirmed, or the subscribe of this number refused: its strings are gone.
   * @param {number} requestId
   * @returns {boolean} whether a string is gone
   */
  dropRequest(requestId) {
    const before = this.#strings.size;
    for (const [text, { phase, requestId: id }] of this.#strings) {
      if (id === requestId && (phase === LEAVING || phase === ASKED)) this.#strings.delete(text);
    }
    this.#answering.delete(requestId);
    return this.#strings.size < before;
  }

  /**
   * An unsubscribe was refused: nothing was taken back. What had no whole answer before has to be asked again.
   * @param {number} requestId
   */
  keep(requestId) {
    let any = false;
    for (const interest of this.#strings.values()) {
      if (interest.phase !== LEAVING || interest.requestId !== requestId) continue;
      interest.phase = WANTED;
      interest.known = undefined;
      any = true;
    }
    return any;
  }

  /**
   * What was held is wanted again from `own` on. What is asked for or being taken back may be held at the server, so it
   * misses something too, up to its answer.
   * @param {number | undefined} own
   */
  lose(own) {
    const from = this.#isRenewing ? undefined : own;
    this.#isRenewing = false;
    for (const interest of this.#strings.values()) {
      interest.isRepair = true;
      if (interest.phase === HELD) {
        interest.phase = WANTED;
        interest.known = from;
      }
    }
  }

  /** Nothing is known any more. What was held is wanted again; what is asked for stays so. */
  void() {
    this.lose(undefined);
    for (const interest of this.#strings.values()) interest.known = undefined;
  }

  /** A new epoch was told unasked: what is held comes anew, and until its end entries may come too early. */
  renew() {
    this.#isRenewing = true;
    for (const interest of this.#strings.values()) {
      interest.isRepair = true;
      interest.known = undefined;
    }
  }

  /** All that is held has come anew. */
  renewed() {
    this.#isRenewing = false;
    for (const interest of this.#strings.values()) if (interest.phase === HELD) interest.isRepair = false;
  }

  /** All is asked for again and whole, whatever was under way. */
  startOver() {
    this.#endRequests();
    this.void();
  }

  /**
   * The connection is gone: nothing is under way, and what was being taken back is gone with it.
   * @param {number} own
   * @returns {boolean} whether a string is gone
   */
  disconnected(own) {
    const before = this.#strings.size;
    this.lose(own);
    for (const [text, { phase }] of this.#strings) if (phase === LEAVING) this.#strings.delete(text);
    this.#endRequests();
    return this.#strings.size < before;
  }

  #endRequests() {
    this.#answering.clear();
    for (const interest of this.#strings.values()) if (interest.phase === ASKED) interest.phase = WANTED;
  }
}
