// What stands in a row: each column with its text, what has to change for the text to change, and by what rows are sorted.

import { formatDecimal } from "/client.js";
import { percentOf, signed } from "./decimals.js";

const price = (instrument, mantissa) => formatDecimal(mantissa, instrument.decimals.price);

/** What is between bid and ask, as an integer; undefined where one of both is not told. */
function gapOf(instrument) {
  const [bid, ask] = [instrument.mantissa("bidPrice"), instrument.mantissa("askPrice")];
  return bid === undefined || ask === undefined ? undefined : ask - bid;
}

/** What is between bid and ask. */
export function spreadOf(instrument) {
  const gap = gapOf(instrument);
  return gap === undefined ? "" : price(instrument, gap);
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

/** Integers of any decimals become comparable: all have as many as any price can. */
const DECIMALS_MAX = 18;
const POWERS = Array.from({ length: DECIMALS_MAX + 1 }, (_, zeros) => 10n ** BigInt(zeros));
const comparable = (mantissa, decimals) => (mantissa === undefined ? undefined : mantissa * POWERS[DECIMALS_MAX - decimals]);
const ofPrice = (mantissaOf) => (instrument) => comparable(mantissaOf(instrument), instrument.decimals.price);

/** The day's change as a share of the day's first price. */
function shareOf(instrument) {
  const [move, open] = [moveOf(instrument), instrument.mantissa("open")];
  return move === undefined || open === 0n ? undefined : (move * POWERS[DECIMALS_MAX]) / open;
}

const field = (key, label, flash = "") => {
  const scale = key.endsWith("Size") ? "size" : "price";
  const value = (instrument) => comparable(instrument.mantissa(key), instrument.decimals[scale]);
  return { key, label, of: [key], flash, text: (instrument) => instrument.text(key) ?? "", value };
};

/**
 * In the order of the screen. `of`: the fields it is made of. `flash`: the field whose ups and downs it shows. `value`: what rows
 * are sorted by, exact.
 */
export const COLUMNS = [
  field("bidSize", "Bid size"),
  field("bidPrice", "Bid", "bidPrice"),
  field("askPrice", "Ask", "askPrice"),
  field("askSize", "Ask size"),
  { key: "spread", label: "Spread", of: ["bidPrice", "askPrice"], flash: "", text: spreadOf, value: ofPrice(gapOf) },
  field("lastPrice", "Last", "lastPrice"),
  field("lastSize", "Size"),
  { key: "change", label: "Change", of: ["lastPrice", "open"], flash: "", text: changeOf, value: ofPrice(moveOf), isSigned: true },
  { key: "percent", label: "Change %", of: ["lastPrice", "open"], flash: "", text: percentChangeOf, value: shareOf, isSigned: true },
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
