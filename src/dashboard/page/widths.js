// Columns as wide as their longest text: digits are all of one width, so counting is enough and nothing is measured.

/** Wider in steps, so that a digit more does not move the whole page. */
const STEP = 2;
/** As wide as the heads. */
const LEAST = 8;

export class Widths {
  constructor(element) {
    this.element = element;
    this.of = new Map();
  }

  /** Makes room for a text of so many characters. */
  fit(key, length) {
    if (length <= (this.of.get(key) ?? LEAST)) return;
    const wide = Math.ceil(length / STEP) * STEP;
    this.of.set(key, wide);
    this.element.style.setProperty(`--w-${key}`, `${wide}ch`);
  }
}
