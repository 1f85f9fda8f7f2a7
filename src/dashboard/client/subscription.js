// What `subscribe` gives back, and its answer.
// @ts-check

/** Why the server, or the client, could not do what was asked. */
export class TickwireError extends Error {
  /** @param {import("./client.d.ts").ErrorCode | "closed"} code @param {string} message */
  constructor(code, message) {
    super(message);
    this.name = "TickwireError";
    this.code = code;
  }
}

/** @typedef {import("./client.d.ts").Subscription} Shown */

/** @implements {Shown} */
export class Subscription {
  #reader;
  #end;
  /** @type {import("./client.d.ts").Rejected[]} */
  #rejected = [];
  /** @type {(answer: import("./client.d.ts").Answer) => void} */
  #resolve = () => {};
  /** @type {(error: Error) => void} */
  #reject = () => {};
  #answer;

  /** @param {import("./handover.js").Reader} reader @param {() => void} end */
  constructor(reader, end) {
    this.#reader = reader;
    this.#end = end;
    this.#answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Whoever does not look at it is told by the `error` and `state` events.
    this.#answer.catch(() => {});
  }

  get symbols() {
    return [...this.#reader.strings];
  }

  get answer() {
    return this.#answer;
  }

  unsubscribe() {
    this.#end();
  }

  /** @param {import("./handover.js").Reader} reader */
  isOf(reader) {
    return this.#reader === reader;
  }

  /** Notes a symbol that the server refused. @param {import("./client.d.ts").Rejected} rejected */
  rejected(rejected) {
    if (this.#reader.strings.has(rejected.symbol)) this.#rejected.push(rejected);
  }

  /** @param {Error} error */
  fail(error) {
    this.#reject(error);
  }

  /**
   * Answers if all strings are held or refused.
   * @param {import("./view.js").View} view
   * @param {TickwireError | undefined} error why strings that are not asked for any more are so
   * @returns {boolean} whether it is answered
   */
  settle(view, error) {
    const isRejected = (/** @type {string} */ text) => this.#rejected.some(({ symbol }) => symbol === text);
    const open = this.symbols.filter((text) => !view.isHeld(text) && !isRejected(text));
    if (open.length === 0) {
      this.#resolve({ pending: this.symbols.filter((text) => view.pending.has(text)), rejected: this.#rejected });
      return true;
    }
    if (!error || open.every((text) => view.isWanted(text))) return false;
    this.#reject(error);
    return true;
  }
}
