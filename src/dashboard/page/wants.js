// What the server is asked for, and why a row or a pattern has nothing.

import { isPattern } from "./list.js";

export class Wants {
  /**
   * `told` has `change(instrument, change)`, `answered(rejected)` once a request is answered, `cannot(entry, problem)` for one that
   * no server could be asked for, and `problem(message)`.
   */
  constructor(told) {
    this.told = told;
    this.client = null;
    this.subscriptions = new Map();
    /** The server's words by symbol or pattern. */
    this.notes = new Map();
    /** Requests whose answer is not complete. */
    this.unanswered = 0;
  }

  /** Another connection is asked, and has not been asked for anything. */
  begin(client) {
    this.client = client;
    this.subscriptions.clear();
    this.notes.clear();
  }

  /** Asks for entries that nobody has asked for yet, all with one request. */
  want(entries) {
    const asked = entries.filter((entry) => !this.subscriptions.has(entry));
    if (asked.length === 0) return;
    let subscription;
    try {
      subscription = this.client.subscribe(asked, this.told.change);
    } catch (error) {
      // One that cannot be asked for takes no other with it.
      if (asked.length > 1) return asked.forEach((entry) => this.want([entry]));
      return this.told.cannot(asked[0], error.message);
    }
    for (const entry of asked) this.subscriptions.set(entry, subscription);
    this.unanswered++;
    subscription.answer.then(
      ({ rejected }) => {
        this.unanswered--;
        this.told.answered(rejected);
      },
      (error) => {
        this.unanswered--;
        if (error.code !== "closed") this.told.problem(error.message);
      },
    );
  }

  unwant(entry) {
    this.client.unsubscribe(entry, this.told.change);
    this.subscriptions.delete(entry);
    this.notes.delete(entry);
  }

  unwantAll() {
    for (const entry of [...this.subscriptions.keys()]) this.unwant(entry);
  }

  /** Whether the server was asked for a pattern and has not refused it. */
  isGranted(pattern) {
    return isPattern(pattern) && !this.notes.has(pattern);
  }

  /** Why a symbol has no values. */
  noteOf(symbol) {
    return this.client.pending.has(symbol) ? "no such symbol yet" : (this.notes.get(symbol) ?? "waiting");
  }
}
