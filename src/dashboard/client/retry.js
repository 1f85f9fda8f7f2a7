// Whether and when to come back after a connection ended.
// @ts-check

/**
 * @typedef {object} End why there is no connection
 * @property {string} reason in words
 * @property {number | undefined} code of the close frame
 * @property {boolean} isBusy the server cannot serve now
 * @property {boolean} isSilent nothing was heard for too long
 * @property {Refusal} [refusal] an HTTP error in place of the upgrade, where the socket tells of one
 *
 * @typedef {{ status: number, retryAfterMs: number | undefined }} Refusal
 */

const FIRST_MS = 250;
const CAP_MS = 30_000;

/**
 * The bound is then about as long as the outage has been so far, and the draw below it on average a third of it too late. With
 * twice the growth it would be two thirds, which is felt after an outage of seconds.
 */
const GROWTH = 1.5;

/** Longest delay that a server may ask for. */
const ASKED_MS_MAX = 300_000;

/** Shortest wait after a close that says "after a delay". */
const DELAY_MS_MIN = 1_000;

/**
 * Data must have flowed for so long before the backoff starts over: a server that fails right after its snapshots must not
 * be asked for them four times a second.
 */
const GOOD_AFTER_MS = 5_000;

/** A minute, with heartbeats of a second. */
const PATIENCE_MAX = 20;

/** Message too big, bad credentials, malformed messages, wrong option, forbidden: the same would happen again. */
const NEVER = new Set([1009, 4500, 4501, 4505, 4507]);
const NO_CREDENTIALS = 4502;
const AFTER_A_DELAY = new Set([4013, 4504]);

/** Statuses below 500 after which the same request may be granted later. */
const LATER = new Set([408, 425, 429]);

/** Exponential with full jitter, so that a crowd does not return at once. */
export class Retry {
  #attempts = 0;
  #random;
  /**
   * How many times longer than usual the next connection may be silent. A message shows only when it is whole: on a slow
   * way a large one takes longer than three heartbeats, and would for ever.
   */
  patience = 1;

  /** @param {() => number} random from 0 to 1 */
  constructor(random = Math.random) {
    this.#random = random;
  }

  /** The longest that the next wait can be. */
  get boundMs() {
    return Math.min(CAP_MS, FIRST_MS * GROWTH ** this.#attempts);
  }

  /**
   * The wait before the next connection, `undefined` to give up.
   * @param {End} end
   * @param {{ hasToken: boolean, goodForMs: number, goawayMs: number | undefined }} about `goodForMs`: how long complete data
   *   had flowed; `goawayMs`: the delay that the server asked for, which has spread its subscribers itself; one that asks
   *   again and again, for little or nothing, is come back to no sooner than any other
   */
  next(end, { hasToken, goodForMs, goawayMs }) {
    const code = end.code ?? 0;
    const { refusal } = end;
    if (NEVER.has(code) || (code === NO_CREDENTIALS && !hasToken)) return undefined;
    if (refusal && refusal.status < 500 && !LATER.has(refusal.status)) return undefined;
    if (goodForMs >= GOOD_AFTER_MS) {
      this.#attempts = 0;
      this.patience = 1;
    }
    if (end.isSilent) this.patience = Math.min(PATIENCE_MAX, 2 * this.patience);
    const isFirst = this.#attempts === 0;
    const wait = this.#random() * this.boundMs;
    this.#attempts++;
    if (goawayMs !== undefined) return Math.max(Math.min(goawayMs, ASKED_MS_MAX), isFirst ? 0 : wait);
    if (refusal) return Math.min(Math.max(refusal.retryAfterMs ?? 0, DELAY_MS_MIN), ASKED_MS_MAX) + wait;
    return end.isBusy || AFTER_A_DELAY.has(code) ? DELAY_MS_MIN + wait : wait;
  }
}
