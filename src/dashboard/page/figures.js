// The statistics that the page has collected: a ring of one sample a second for a quarter of an hour.

/** A quarter of an hour. */
export const SPAN_MS = 900_000;
const SAMPLES = 900;
/** Two samples further apart have a hole between them. */
const HOLE_MS = 3_000;

export class Figures {
  constructor() {
    this.times = new Float64Array(SAMPLES);
    this.values = new Map();
    this.first = 0;
    this.length = 0;
  }

  /** Takes the values of now by name; null where nothing is known, which is a gap in all lines. */
  push(time, values) {
    if (this.length > 0 && time - this.time(this.length - 1) > HOLE_MS) this.store(this.time(this.length - 1) + 1, null);
    this.store(time, values);
  }

  store(time, values) {
    const slot = (this.first + this.length) % SAMPLES;
    this.times[slot] = time;
    for (const [name, value] of values ?? []) {
      if (!Number.isNaN(value) && !this.values.has(name)) this.values.set(name, new Float64Array(SAMPLES).fill(NaN));
    }
    for (const [name, line] of this.values) {
      line[slot] = values?.get(name) ?? NaN;
      // Of a venue that is gone nothing is left after a quarter of an hour.
      if (Number.isNaN(line[slot]) && line.every(Number.isNaN)) this.values.delete(name);
    }
    if (this.length < SAMPLES) this.length++;
    else this.first = (this.first + 1) % SAMPLES;
  }

  time(at) {
    return this.times[(this.first + at) % SAMPLES];
  }

  /** NaN where nothing was measured. */
  value(name, at) {
    return this.values.get(name)?.[(this.first + at) % SAMPLES] ?? NaN;
  }

  /** Whether it was above 0 at any time. */
  isAny(name) {
    return this.values.get(name)?.some((value) => value > 0) ?? false;
  }

  /** The newest sample that is not younger; -1 where there is none. */
  until(time) {
    let [low, high] = [0, this.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.time(middle) <= time) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
