// What a page shows that draws in its callbacks: once all of an instrument, and once only what a change names.
import assert from "node:assert/strict";
import { FIELDS, rowsOf } from "./rows.js";

/** What a change may name, as it is now. */
function valueOf(instrument, name) {
  if (name === "isLive") return instrument.isLive;
  if (name === "state") return [instrument.state, instrument.cause];
  return name === "decimals" ? instrument.decimals : instrument.text(name);
}

const NAMES = [...FIELDS.map(([name]) => name), "decimals", "state", "isLive"];
const cellsOf = (instrument) => Object.fromEntries(NAMES.map((name) => [name, valueOf(instrument, name)]));

export class Page {
  /** By symbol, drawn whole. */
  rows = {};
  /** By symbol, drawn where a change says that something differs. */
  cells = {};

  onChange = (instrument, { kind, names }) => {
    const { symbol } = instrument;
    assert.equal(kind === "added", !(symbol in this.rows), `${kind} of ${symbol}`);
    if (kind === "removed") {
      delete this.rows[symbol];
      delete this.cells[symbol];
      return;
    }
    this.rows[symbol] = rowsOf([instrument])[symbol];
    if (kind === "added") this.cells[symbol] = Object.fromEntries(NAMES.map((name) => [name, undefined]));
    for (const name of names) this.cells[symbol][name] = valueOf(instrument, name);
  };

  /** Both are what a client knows. */
  check(client, word) {
    assert.deepEqual(this.rows, rowsOf(client), `${word}: the callbacks were told everything`);
    const cells = Object.fromEntries([...client].map((instrument) => [instrument.symbol, cellsOf(instrument)]));
    assert.deepEqual(this.cells, cells, `${word}: the changes named what differs`);
  }
}
