// Seeded randomness: the same seed, the same run.

export class Random {
  #state;

  /** @param {number} seed */
  constructor(seed) {
    this.#state = seed >>> 0;
  }

  /** From 0 to 1, by mulberry32. */
  next() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 to below `end`. */
  below(end) {
    return Math.floor(this.next() * end);
  }

  chance(probability) {
    return this.next() < probability;
  }

  pick(list) {
    return list[this.below(list.length)];
  }

  /** A whole number of at most so many bits, all lengths alike: extremes come as often as small ones. */
  bits(most) {
    const length = this.below(most + 1);
    let value = 0n;
    for (let bit = 0; bit < length; bit++) value = (value << 1n) | (bit === 0 || this.chance(0.5) ? 1n : 0n);
    return value;
  }

  unsigned64() {
    return this.pick([this.bits(64), this.bits(64), 0n, (1n << 64n) - 1n, 1n << 53n, (1n << 53n) - 1n]);
  }

  signed64() {
    const value = this.pick([this.bits(63), this.bits(63), 0n, (1n << 63n) - 1n, 1n << 53n, (1n << 53n) + 1n]);
    return this.chance(0.5) ? value : -value - 1n;
  }

  bytes(length) {
    return Uint8Array.from({ length }, () => this.below(256));
  }
}
