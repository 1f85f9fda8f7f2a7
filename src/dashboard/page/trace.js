// What a price was over the last minutes: a ring of samples, exact, for sparklines and charts.

/** What is traced of an instrument, and the field it comes from. */
export const LINES = { bid: "bidPrice", ask: "askPrice", last: "lastPrice" };

/** No value then: the least of 64 bits, which no price is. */
const NONE = -(2n ** 63n);

/** Samples of bid, ask and last, oldest first; when full the oldest makes room. All memory is taken at once. */
export class Trace {
  constructor(capacity) {
    this.capacity = capacity;
    this.times = new Float64Array(capacity);
    this.values = {};
    for (const line in LINES) this.values[line] = new BigInt64Array(capacity);
    this.clear();
  }

  /** Values that an epoch voided belong to no line of the next. */
  clear() {
    this.first = this.length = this.decimals = 0;
  }

  /** Takes what an instrument says; without one, or where it is not live, it is a gap in all lines. */
  push(time, instrument) {
    const isLive = instrument?.isLive ?? false;
    if (isLive) this.refine(instrument.decimals.price);
    const slot = (this.first + this.length) % this.capacity;
    this.times[slot] = time;
    for (const line in LINES) {
      this.values[line][slot] = (isLive ? instrument.mantissa(LINES[line]) : undefined) ?? NONE;
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
        if (values[slot] !== NONE) values[slot] *= factor;
      }
    }
    this.decimals = decimals;
  }
}
