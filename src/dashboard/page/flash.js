// Cells that light up when their value has gone up or down. No animation: one class on, one class off.

/** Long enough to be seen, short enough that the next change is another flash. */
const FLASH_MS = 400;
/** Flashes end in steps, so that many cells change in one pass of styles. */
const STEP_MS = 100;

export class Flashes {
  constructor() {
    this.lit = new Map();
    this.timer = 0;
  }

  /** `direction` above 0 is up. */
  light(cell, direction) {
    const word = direction > 0 ? "up" : "down";
    if (cell.dataset.flash !== word) cell.dataset.flash = word;
    this.lit.set(cell, performance.now() + FLASH_MS);
    if (!this.timer) this.timer = setTimeout(() => this.sweep(), STEP_MS);
  }

  sweep() {
    this.timer = 0;
    const now = performance.now();
    for (const [cell, until] of this.lit) {
      if (until > now) continue;
      delete cell.dataset.flash;
      this.lit.delete(cell);
    }
    if (this.lit.size > 0) this.timer = setTimeout(() => this.sweep(), STEP_MS);
  }
}
