// One row of the watchlist: its elements are made once, and only a text that is another one is written.

import { ALL, COLUMNS, STATE } from "./columns.js";
import { makeSparkline } from "./sparkline.js";
import { troubleOf } from "./words.js";

function make(tag, className, parent) {
  const element = document.createElement(tag);
  element.className = className;
  parent.append(element);
  return element;
}

function makeCell(key, parent, text = "") {
  const cell = make("div", `cell ${key}`, parent);
  cell.setAttribute("role", "gridcell");
  const node = document.createTextNode(text);
  cell.append(node);
  return { cell, node, text };
}

/** Names that differ in their end only are to be told apart where they are cut: so the cut is in their middle. */
const WHOLE_MAX = 18;
const END = 12;

function makeName(name, parent) {
  const letters = [...name];
  const end = letters.length > WHOLE_MAX ? letters.splice(-END).join("") : "";
  const element = make("span", "name", parent);
  make("span", "front", element).textContent = letters.join("");
  if (end) make("span", "end", element).textContent = end;
}

export class Row {
  constructor(symbol, ages) {
    this.symbol = symbol;
    this.ages = ages;
    this.isNear = false;
    this.bits = ALL;
    this.mantissas = {};
    const element = (this.element = document.createElement("div"));
    element.className = "row";
    element.tabIndex = -1;
    element.setAttribute("role", "row");
    element.dataset.symbol = symbol;
    makeCell("handle", element).cell.setAttribute("aria-hidden", "true");
    const name = makeCell("symbol", element).cell;
    const colon = symbol.indexOf(":");
    makeName(symbol.slice(colon + 1), name);
    make("span", "venue", name).textContent = symbol.slice(0, colon);
    name.title = symbol;
    this.spark = makeSparkline();
    makeCell("spark", element).cell.append(this.spark.svg);
    this.cells = COLUMNS.map((column) => makeCell(column.key, element));
    this.age = makeCell("age", element);
    const remove = make("button", "remove", makeCell("removes", element).cell);
    remove.type = "button";
    remove.tabIndex = -1;
    remove.textContent = "×";
    remove.setAttribute("aria-label", `Remove ${symbol}`);
  }

  /** Writes what has changed. `flashes` is null where all is new, and nothing has gone up or down. */
  write(instrument, venue, note, flashes, widths) {
    const bits = this.bits;
    this.bits = 0;
    for (let at = 0; at < COLUMNS.length; at++) {
      if (bits & (1 << at)) this.writeCell(this.cells[at], COLUMNS[at], instrument, flashes, widths);
    }
    if (bits & STATE) this.writeState(instrument, venue, note);
  }

  writeCell(cell, column, instrument, flashes, widths) {
    const text = instrument ? column.text(instrument) : "";
    const before = cell.text;
    if (text === before) return;
    cell.node.data = cell.text = text;
    widths.fit(column.key, text.length);
    if (column.isSigned) cell.cell.dataset.sign = text.startsWith("-") ? "down" : text.startsWith("+") ? "up" : "";
    if (!column.flash) return;
    const mantissa = instrument?.mantissa(column.flash);
    const old = this.mantissas[column.flash];
    this.mantissas[column.flash] = mantissa;
    if (!flashes || !before || !text || !instrument.isLive || mantissa === old) return;
    flashes.light(cell.cell, mantissa > old ? 1 : -1);
  }

  /** A row is what its instrument is: live, stale with its cause, halted, or not there yet. */
  writeState(instrument, venue, note) {
    const trouble = instrument ? troubleOf(instrument, venue) : note;
    const state = !instrument ? "waiting" : trouble === "" ? "live" : instrument.state === "halted" ? "halted" : "stale";
    if (this.element.dataset.state !== state) this.element.dataset.state = state;
    this.trouble = trouble;
    this.writeAge(instrument);
  }

  /** How old the values are, or why they are not current. */
  writeAge(instrument) {
    const { text, title } = this.trouble || !instrument ? { text: this.trouble ?? "", title: this.trouble ?? "" } : this.ages.of(instrument);
    if (text !== this.age.text) this.age.node.data = this.age.text = text;
    if (title !== this.age.title) this.age.cell.title = this.age.title = title;
  }
}
