// The server's clock, as pings tell it.
// @ts-check

/** Pings looked back on: the offset is that of the quickest, whose way leaves the least to guess. */
const SAMPLES = 8;

/** This machine's clock, in milliseconds since 1970; finer than `Date.now` and never stepping back. */
export const nowMs = () => performance.timeOrigin + performance.now();

/** @param {number} ms */
const nanoseconds = (ms) => BigInt(Math.round(ms * 1000)) * 1000n;

export class Clock {
  #nonce = 0;
  #sentMs = 0;
  /** @type {{ rttMs: number, offsetMs: number }[]} */
  #samples = [];

  /** Of the newest ping. @type {number | undefined} */
  rttMs = undefined;
  /** The server's clock minus this one's. @type {number | undefined} */
  offsetMs = undefined;

  get serverNowMs() {
    return nowMs() + (this.offsetMs ?? 0);
  }

  /** The next ping to send. */
  ping() {
    this.#nonce++;
    this.#sentMs = nowMs();
    return { ping: { nonce: this.#nonce, ts: String(nanoseconds(this.#sentMs)) } };
  }

  /** @param {import("./wire.js").Pong} pong */
  pong(pong) {
    if (pong.nonce !== this.#nonce) return;
    const now = nowMs();
    const received = Number(pong.tsRecv - nanoseconds(this.#sentMs)) / 1e6;
    const heldMs = Number(pong.tsSent - pong.tsRecv) / 1e6;
    const rttMs = Math.max(0, now - this.#sentMs - heldMs);
    this.#samples.push({ rttMs, offsetMs: received - rttMs / 2 });
    if (this.#samples.length > SAMPLES) this.#samples.shift();
    this.rttMs = rttMs;
    this.offsetMs = this.#samples.reduce((best, s) => (s.rttMs < best.rttMs ? s : best)).offsetMs;
  }
}
