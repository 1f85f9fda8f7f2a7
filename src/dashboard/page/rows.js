// The rows of the watchlist on the page. What changed is drawn within a budget a frame, what can be seen first, so that a
// storm of updates makes the page later and never stuck.

import { ALL, COLUMNS, STATE, bitsOf } from "./columns.js";
import { Flashes } from "./flash.js";
import { Row } from "./row.js";
import { inOrder } from "./sorting.js";
import { drawSparkline } from "./sparkline.js";
import { Trace } from "./trace.js";
import { Widths } from "./widths.js";

/** Script's part of a frame of 16 ms on a slow machine. */
const BUDGET_MS = 3;
/** Rows written in one frame: 720 a second, ten of each that a large screen shows. Their layout and paint cost five times as much. */
const ROWS_A_FRAME = 12;
/** Frames further apart than this are late: so much is within sight that each is to write less. */
const LATE_MS = 25;
const ROWS_A_LATE_FRAME = 6;
/** Between two looks at the clock. */
const BATCH = 4;
/** Rows of one frame whose sparkline is drawn and whose age is written: about 0.1 ms each, and their paint. */
const AGED_A_FRAME = 8;
const AGED_A_LATE_FRAME = 4;
/** One sample a second for a quarter of an hour; 29 KB a row. */
const SAMPLES = 900;
/** Two samples further apart have a hole between them: the page was hidden, or the machine slept. */
const HOLE_MS = 5_000;

export class Rows {
  /** `look(symbol)` gives `{ instrument, venue, note }` as they are now, `ages` how old an instrument's values are. */
  constructor(body, look, ages) {
    this.body = body;
    this.look = look;
    this.ages = ages;
    this.rows = new Map();
    this.traces = new Map();
    this.flashes = new Flashes();
    this.widths = new Widths(body.parentElement, COLUMNS.map((column) => column.key));
    this.near = new Set();
    this.far = new Set();
    this.aged = new Set();
    this.frame = 0;
    this.drawn = 0;
    this.ticked = Infinity;
    this.draw = this.draw.bind(this);
    this.sight = new IntersectionObserver((entries) => this.see(entries), { root: body.closest("#scroller"), rootMargin: "120px" });
  }

  /** Makes the page's rows those of the list, in its order; as few as can be are moved. */
  show(order) {
    const wanted = new Set(order);
    for (const [symbol, row] of this.rows) if (!wanted.has(symbol)) this.drop(symbol, row);
    const places = new Map(order.map((symbol, at) => [symbol, at]));
    const stay = inOrder(Array.from(this.body.children, (element) => places.get(element.dataset.symbol)));
    let behind = null;
    for (let at = order.length - 1; at >= 0; at--) {
      const row = this.rows.get(order[at]) ?? this.add(order[at]);
      if (!stay.has(at)) this.body.insertBefore(row.element, behind);
      behind = row.element;
    }
  }

  add(symbol) {
    const row = new Row(symbol, this.ages);
    this.rows.set(symbol, row);
    this.traces.set(symbol, new Trace(SAMPLES));
    this.far.add(row);
    this.sight.observe(row.element);
    this.request();
    return row;
  }

  drop(symbol, row) {
    this.sight.unobserve(row.element);
    row.element.remove();
    this.rows.delete(symbol);
    this.traces.delete(symbol);
    for (const set of [this.near, this.far, this.aged]) set.delete(row);
  }

  see(entries) {
    for (const { target, isIntersecting } of entries) {
      const row = this.rows.get(target.dataset.symbol);
      if (!row || row.isNear === isIntersecting) continue;
      row.isNear = isIntersecting;
      const [to, from] = isIntersecting ? [this.near, this.far] : [this.far, this.near];
      if (from.delete(row)) to.add(row);
      if (isIntersecting) this.aged.add(row);
      else this.aged.delete(row);
    }
    this.request();
  }

  /** Something of an instrument has changed. */
  touch(symbol, names) {
    const row = this.rows.get(symbol);
    if (row) this.mark(row, bitsOf(names));
  }

  /** An instrument has come, gone or was refused: nothing of its row need be as it was. */
  renew(symbol) {
    const row = this.rows.get(symbol);
    if (row) this.mark(row, ALL);
  }

  /** A state has changed that is told of many: a venue's, or the connection's. */
  touchStates() {
    for (const row of this.rows.values()) this.mark(row, STATE);
  }

  /** All is new: another epoch or another connection. What was goes on to be seen, with a break. */
  renewAll() {
    for (const [symbol, row] of this.rows) {
      this.traces.get(symbol).cut();
      this.mark(row, ALL);
    }
  }

  mark(row, bits) {
    if (bits === 0) return;
    row.bits |= bits;
    (row.isNear ? this.near : this.far).add(row);
    this.request();
  }

  request() {
    this.frame ||= requestAnimationFrame(this.draw);
  }

  draw(time) {
    this.frame = 0;
    const isLate = time - this.drawn > LATE_MS;
    this.drawn = time;
    const until = performance.now() + BUDGET_MS;
    this.left = isLate ? ROWS_A_LATE_FRAME : ROWS_A_FRAME;
    if (this.drain(this.near, until)) this.drain(this.far, until);
    this.drawAged(isLate ? AGED_A_LATE_FRAME : AGED_A_FRAME, until);
    if (this.near.size + this.far.size + this.aged.size > 0) this.request();
  }

  /** Writes rows until none is left or the budget is used up; whether none is left. */
  drain(set, until) {
    for (const row of set) {
      set.delete(row);
      const { instrument, venue, note } = this.look(row.symbol);
      row.write(instrument, venue, note, row.isNear ? this.flashes : null, this.widths);
      this.left--;
      if (this.left % BATCH === 0 && (this.left === 0 || performance.now() > until)) return false;
    }
    return true;
  }

  /** Draws what time alone changes: the sparkline, which moves on, and the age. */
  drawAged(most, until) {
    const now = Date.now();
    let left = most;
    for (const row of this.aged) {
      if (left-- === 0 || performance.now() > until) return;
      this.aged.delete(row);
      row.writeAge(this.look(row.symbol).instrument);
      drawSparkline(row.spark, this.traces.get(row.symbol), now);
    }
  }

  /** Once a second: a sample of every price; the rows within sight have aged. */
  tick(now) {
    const isHole = now - this.ticked > HOLE_MS;
    for (const [symbol, row] of this.rows) {
      const { instrument } = this.look(symbol);
      const trace = this.traces.get(symbol);
      if (isHole) trace.push(this.ticked + 1, undefined);
      trace.push(now, instrument);
      this.ages.see(instrument);
      if (row.isNear) this.aged.add(row);
    }
    this.ticked = now;
    this.request();
  }
}
