// The watchlist: what was asked for, in which order, and what a pattern brought that nobody wants. No page in here.

import { checkPattern } from "../client/tickwire.js";

/** Rows that the page draws; with more of them nobody finds anything, and a search is the better list. */
export const ROWS_MAX = 1_000;

/** Patterns a server takes from one subscriber. */
const PATTERNS_MAX = 64;

export const isPattern = (entry) => entry.includes("*");

/** What is wrong with an entry, by the client's own check, or nothing. */
export function problemOf(entry) {
  try {
    checkPattern(entry);
    return "";
  } catch (error) {
    return error.message;
  }
}

/** Whether a pattern means a symbol; never one of the server's own unless it says so. */
export function covers(pattern, symbol) {
  if (!isPattern(pattern)) return pattern === symbol;
  if (symbol.startsWith("$") && !pattern.startsWith("$")) return false;
  const [head, ...rest] = pattern.split("*");
  const tail = rest.pop();
  if (!symbol.startsWith(head) || symbol.length < head.length + tail.length || !symbol.endsWith(tail)) return false;
  let from = head.length;
  for (const part of rest) {
    const found = symbol.indexOf(part, from);
    if (found < 0) return false;
    from = found + part.length;
  }
  return from <= symbol.length - tail.length;
}

export class Watchlist {
  constructor(kept) {
    const entries = [...new Set(kept?.entries ?? [])];
    /** What was remembered and can be no entry. */
    this.leftOut = entries.filter((entry) => problemOf(entry) !== "");
    this.entries = entries.filter((entry) => !this.leftOut.includes(entry));
    this.order = [...new Set(kept?.order ?? [])];
    this.without = new Set(kept?.without ?? []);
    this.known = new Set(this.order);
    for (const entry of this.entries) if (!isPattern(entry)) this.place(entry);
    // A row is there because something asks for it, and for no other reason.
    this.order = this.order.filter((symbol) => this.isWanted(symbol));
    this.known = new Set(this.order);
  }

  get patterns() {
    return this.entries.filter(isPattern);
  }

  /** Adds a symbol or a pattern; says what is wrong, or nothing. */
  add(entry) {
    const problem = problemOf(entry);
    if (problem) return problem;
    if (isPattern(entry) && this.patterns.length >= PATTERNS_MAX) return `${PATTERNS_MAX} patterns are allowed`;
    if (isPattern(entry)) this.without.forEach((symbol) => covers(entry, symbol) && this.without.delete(symbol));
    else this.without.delete(entry);
    if (this.entries.includes(entry)) {
      if (!isPattern(entry)) this.place(entry);
      return "";
    }
    this.entries.push(entry);
    if (!isPattern(entry)) this.place(entry);
    return "";
  }

  /** Takes an instrument in that a pattern has brought; whether it has a row. */
  take(symbol) {
    return this.isWanted(symbol) && this.place(symbol);
  }

  place(symbol) {
    if (this.known.has(symbol)) return true;
    if (this.order.length >= ROWS_MAX) return false;
    this.known.add(symbol);
    this.order.push(symbol);
    return true;
  }

  /** Drops the rows that only a pattern asks for and that are not there; whether any was. */
  dropMissing(isThere) {
    const asked = new Set(this.entries);
    const order = this.order.filter((symbol) => asked.has(symbol) || isThere(symbol));
    const isAny = order.length < this.order.length;
    this.order = order;
    this.known = new Set(order);
    return isAny;
  }

  isWanted(symbol) {
    return !this.without.has(symbol) && this.entries.some((entry) => covers(entry, symbol));
  }

  /** Takes a row away, also one that a pattern brought. */
  remove(symbol) {
    this.entries = this.entries.filter((entry) => entry !== symbol);
    if (this.isWanted(symbol)) this.without.add(symbol);
    this.order = this.order.filter((other) => other !== symbol);
    this.known.delete(symbol);
  }

  /** Takes a pattern back, with the rows that nothing else asks for. */
  removePattern(pattern) {
    this.entries = this.entries.filter((entry) => entry !== pattern);
    this.without.forEach((symbol) => this.entries.some((entry) => covers(entry, symbol)) || this.without.delete(symbol));
    this.order = this.order.filter((symbol) => this.isWanted(symbol));
    this.known = new Set(this.order);
  }

  /** Puts a row at another place. */
  move(symbol, to) {
    const from = this.order.indexOf(symbol);
    if (from < 0) return;
    this.order.splice(from, 1);
    this.order.splice(Math.max(0, Math.min(to, this.order.length)), 0, symbol);
  }

  toJSON() {
    return { entries: this.entries, order: this.order, without: [...this.without] };
  }
}
