// What a price was over the last minutes: a ring of samples, exact, for sparklines and charts. It goes on over a new timeline of
// the server, as a pass of a looped replay is one, with a break: no line leads from the one to the other.

/** What is traced of an instrument, and the field it comes from. */
export const LINES = { bid: "bidPrice", ask: "askPrice", last: "lastPrice" };

/** No value then: the least of 64 bits, which no price is. */
const NONE = -(2n ** 63n);

/** A value in more decimals; what does not fit any more is none. */
function scaled(value, factor) {
  const product = value * factor;
  return BigInt.asIntN(64, product) === product ? product : NONE;
}

/** Samples of bid, ask and last, oldest first; when full the oldest makes room. All memory is taken at once. */
export class Trace {
  constructor(capacity) {
    this.capacity = capacity;
    this.times = new Float64Array(capacity);
    this.values = {};
    for (const line in LINES) this.values[line] = new BigInt64Array(capacity);
    this.breaks = new Uint8Array(capacity);
    this.clear();
  }

  clear() {
    this.first = this.length = this.decimals = 0;
    this.isCut = false;
  }

  /** The next sample is of another timeline than those before. */
  cut() {
    this.isCut = this.length > 0;
  }

  /** Takes what an instrument says; without one, or where it is not live, it is a gap in all lines. */
  push(time, instrument) {
    const isLive = instrument?.isLive ?? false;
    if (isLive) this.refine(instrument.decimals.price);
    // Another timeline may have begun with fewer decimals.
    const factor = isLive ? 10n ** BigInt(this.decimals - instrument.decimals.price) : 1n;
    const slot = (this.first + this.length) % this.capacity;
    this.times[slot] = time;
    this.breaks[slot] = Number(this.isCut);
    this.isCut = false;
    for (const line in LINES) {
      const value = isLive ? instrument.mantissa(LINES[line]) : undefined;
      this.values[line][slot] = value === undefined ? NONE : scaled(value, factor);
    }
    if (this.length < this.capacity) this.length++;
    else this.first = (this.first + 1) % this.capacity;
  }

  /** When the sample was taken; 0 is the oldest. */
  time(at) {
    return this.times[(this.first + at) % this.capacity];
  }

  /** The exact value x 10^decimals, or null where there was none. */
  value(line, at) {
    const value = this.values[line][(this.first + at) % this.capacity];
    return value === NONE ? null : value;
  }

  /** Whether a timeline begins with the sample. */
  isBreak(at) {
    return this.breaks[(this.first + at) % this.capacity] === 1;
  }

  /** The first sample that is not older. */
  since(time) {
    let [low, high] = [0, this.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.time(middle) < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Decimals grow when a price needs more; what was kept becomes the same value in them. */
  refine(decimals) {
    if (decimals <= this.decimals) return;
    const factor = 10n ** BigInt(decimals - this.decimals);
    for (const line in LINES) {
      const values = this.values[line];
      for (let at = 0; at < this.length; at++) {
        const slot = (this.first + at) % this.capacity;
        if (values[slot] !== NONE) values[slot] = scaled(values[slot], factor);
      }
    }
    this.decimals = decimals;
  }
}
