// The order of the rows on the page: the list's own, or that of a column, which rows keep while somebody reads them.

import { COLUMNS } from "./columns.js";
import { Heads } from "./heads.js";
import { Reading } from "./reading.js";
import { held, Sorting } from "./sorting.js";
import { announce } from "./status.js";
import { troubleOf } from "./words.js";

const HEADS = [["handle", ""], ["symbol", "Symbol"], ["spark", "5 min"], ...COLUMNS.map(({ key, label }) => [key, label]), ["age", "Age"], ["removes", ""]];

/**
 * Rows go where they belong every so many seconds, all at once: one frame of some 50 ms where 500 of them change places. Half of
 * it is laid out anew however few are moved, so that a few in each frame would make many frames late in place of one.
 */
const SECONDS = 2;

const byId = (id) => document.getElementById(id);

export class Order {
  /** `look` and `ages` as for rows; `place(symbols)` puts the rows there, `toRows()` leads from the heads to the first row. */
  constructor(look, ages, place, toRows) {
    Object.assign(this, { look, ages, place, symbols: [], shown: [], seconds: 0 });
    this.sorting = new Sorting();
    this.reading = new Reading(byId("scroller"));
    this.heads = new Heads(byId("heads"), HEADS, (key, label) => this.press(key, label), toRows);
    byId("own-order").addEventListener("click", () => this.end());
  }

  get isOwn() {
    return this.sorting.key === null;
  }

  /** The list is another one, or in another order. */
  show(symbols) {
    this.symbols = symbols;
    this.lay(this.isOwn || this.reading.why === "");
  }

  /** To be called once a second: rows whose values have changed go where they belong, if nobody reads them. */
  second() {
    if (this.isOwn) return;
    const { why } = this.reading;
    byId("sorted-held").title = why && `Rows stay where they are ${why}`;
    byId("sorted-held").classList.toggle("on", why !== "");
    this.seconds = (this.seconds + 1) % SECONDS;
    if (why === "" && this.seconds === 0) this.lay(true);
  }

  lay(isSorted) {
    this.shown = isSorted ? this.sorting.order(this.symbols, (symbol) => this.keyOf(symbol)) : held(this.shown, this.symbols);
    this.place(this.shown);
  }

  /** What a row is sorted by. What is not current is older than any age. */
  keyOf(symbol) {
    const { key } = this.sorting;
    if (key === "symbol") return symbol.slice(symbol.indexOf(":") + 1);
    const { instrument, venue } = this.look(symbol);
    if (!instrument) return undefined;
    if (key === "age") return troubleOf(instrument, venue) ? Infinity : this.ages.stepOf(instrument);
    return COLUMNS.find((column) => column.key === key).value(instrument);
  }

  press(key, label) {
    this.sorting.press(key);
    this.tell(`by ${label}`);
  }

  end() {
    this.sorting.end();
    this.tell("");
    this.heads.focus();
  }

  tell(words) {
    const said = this.isOwn ? "" : `${words} ${this.sorting.isDown ? "↓" : "↑"}`;
    byId("sorted-by").textContent = said;
    byId("sorted").hidden = this.isOwn;
    byId("sorted-held").classList.remove("on");
    byId("list").classList.toggle("sorted", !this.isOwn);
    this.heads.show(this.sorting);
    announce(this.isOwn ? "in the list's own order" : `sorted ${words}, ${this.sorting.isDown ? "descending" : "ascending"}`);
    this.lay(true);
  }
}
