// The server's clock, as pings tell it.
// @ts-check

/** Pings looked back on: the offset is that of the quickest, whose way leaves the least to guess. */
const SAMPLES = 8;

/**
 * Beyond it `Date.now` has gone another way: the machine slept, which the other clock may not count, or its time was set. Both
 * may be as coarse as 100 ms.
 */
const STEP_MS = 250;

/** This machine's clock, in milliseconds since 1970; finer than `Date.now` and never stepping back. */
const nowMs = () => performance.timeOrigin + performance.now();

/** @param {number} ms */
const nanoseconds = (ms) => BigInt(Math.round(ms * 1000)) * 1000n;

export class Clock {
  #nowMs;
  #dateMs;
  /** How far `Date.now` is ahead, as of the oldest sample. */
  #aheadMs;
  #nonce = 0;
  #sentMs = 0;
  /** @type {{ rttMs: number, offsetMs: number }[]} */
  #samples = [];

  /** Of the newest ping. @type {number | undefined} */
  rttMs = undefined;
  /** The server's clock minus this one's. @type {number | undefined} */
  offsetMs = undefined;

  /** @param {() => number} now @param {() => number} date the clock that may step */
  constructor(now = nowMs, date = Date.now) {
    this.#nowMs = now;
    this.#dateMs = date;
    this.#aheadMs = date() - now();
  }

  /** While no ping tells of it, this machine's own time. */
  get serverNowMs() {
    return this.offsetMs === undefined ? this.#dateMs() : this.#nowMs() + this.offsetMs;
  }

  /** Forgets what pings told: of another connection, which may lead to another machine, or before a sleep. */
  forget() {
    this.#samples = [];
    this.rttMs = undefined;
    this.offsetMs = undefined;
    this.#aheadMs = this.#dateMs() - this.#nowMs();
    // A pong on its way is not of this time.
    this.#nonce++;
  }

  /** Whether the machine slept or its time was set since the oldest ping. */
  get hasStepped() {
    return Math.abs(this.#dateMs() - this.#nowMs() - this.#aheadMs) > STEP_MS;
  }

  /** The next ping to send. */
  ping() {
    this.#nonce++;
    this.#sentMs = this.#nowMs();
    return { ping: { nonce: this.#nonce, ts: String(nanoseconds(this.#sentMs)) } };
  }

  /** @param {import("./wire.js").Pong} pong */
  pong(pong) {
    if (pong.nonce !== this.#nonce) return;
    const now = this.#nowMs();
    const received = Number(pong.tsRecv - nanoseconds(this.#sentMs)) / 1e6;
    const heldMs = Number(pong.tsSent - pong.tsRecv) / 1e6;
    const rttMs = Math.max(0, now - this.#sentMs - heldMs);
    this.#samples.push({ rttMs, offsetMs: received - rttMs / 2 });
    if (this.#samples.length > SAMPLES) this.#samples.shift();
    this.rttMs = rttMs;
    this.offsetMs = this.#samples.reduce((best, s) => (s.rttMs < best.rttMs ? s : best)).offsetMs;
  }
}
