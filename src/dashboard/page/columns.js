// What stands in a row: each column with its text, and what has to change for the text to change.

import { formatDecimal } from "/client.js";
import { percentOf, signed } from "./decimals.js";

const price = (instrument, mantissa) => formatDecimal(mantissa, instrument.decimals.price);

/** What is between bid and ask. */
export function spreadOf(instrument) {
  const [bid, ask] = [instrument.mantissa("bidPrice"), instrument.mantissa("askPrice")];
  return bid === undefined || ask === undefined ? "" : price(instrument, ask - bid);
}

/** Last price minus the day's first, as an integer; undefined where one of both is not told. */
function moveOf(instrument) {
  const [last, open] = [instrument.mantissa("lastPrice"), instrument.mantissa("open")];
  return last === undefined || open === undefined ? undefined : last - open;
}

/** The day's change in the price's own decimals. */
export function changeOf(instrument) {
  const move = moveOf(instrument);
  return move === undefined ? "" : signed(price(instrument, move));
}

/** The day's change in hundredths of the day's first price. */
export function percentChangeOf(instrument) {
  const move = moveOf(instrument);
  const percent = move === undefined ? "" : percentOf(move, instrument.mantissa("open"));
  return percent && `${signed(percent)} %`;
}

const field = (key, label, flash = "") => ({ key, label, of: [key], flash, text: (instrument) => instrument.text(key) ?? "" });

/** In the order of the screen. `of`: the fields it is made of. `flash`: the field whose ups and downs it shows. */
export const COLUMNS = [
  field("bidSize", "Bid size"),
  field("bidPrice", "Bid", "bidPrice"),
  field("askPrice", "Ask", "askPrice"),
  field("askSize", "Ask size"),
  { key: "spread", label: "Spread", of: ["bidPrice", "askPrice"], flash: "", text: spreadOf },
  field("lastPrice", "Last", "lastPrice"),
  field("lastSize", "Size"),
  { key: "change", label: "Change", of: ["lastPrice", "open"], flash: "", text: changeOf, isSigned: true },
  { key: "percent", label: "Change %", of: ["lastPrice", "open"], flash: "", text: percentChangeOf, isSigned: true },
  field("low", "Low"),
  field("high", "High"),
];

/** All columns and the state beside them. */
export const ALL = (1 << (COLUMNS.length + 1)) - 1;

/** The bit of the state, which decides how a row looks. */
export const STATE = 1 << COLUMNS.length;

const BITS = new Map([["decimals", ALL], ["state", STATE], ["isLive", STATE]]);
COLUMNS.forEach((column, at) => column.of.forEach((name) => BITS.set(name, (BITS.get(name) ?? 0) | (1 << at))));

/** Which columns these changes concern, as bits. */
export function bitsOf(names) {
  let bits = 0;
  for (const name of names) bits |= BITS.get(name) ?? 0;
  return bits;
}
