// Exact decimals.
import assert from "node:assert/strict";
import { test } from "node:test";
import { formatDecimal, parseDecimal } from "../../src/dashboard/client/decimal.js";
import { Entry } from "../../src/dashboard/client/fields.js";
import { DELTA, Instrument, WHOLE, announce, apply } from "../../src/dashboard/client/instrument.js";
import { Breach, Table } from "../../src/dashboard/client/table.js";
import { decode } from "../../src/dashboard/client/wire.js";
import { Random } from "./support/random.js";
import { decimal } from "./support/referees.js";

const EXTREMES = [
  0n, 1n, -1n, 9n, 10n, -10n, 99_999n, (1n << 53n) - 1n, 1n << 53n, (1n << 53n) + 1n, -(1n << 53n), -(1n << 53n) - 1n,
  (1n << 63n) - 1n, -(1n << 63n), (1n << 64n) - 1n,
];

test("a decimal is written with all its digits and read back to the same, whatever its size", () => {
  const random = new Random(11);
  const values = [...EXTREMES, ...Array.from({ length: 2_000 }, () => random.pick([random.signed64(), random.unsigned64()]))];
  for (const value of values) {
    for (let decimals = 0; decimals <= 18; decimals++) {
      const text = formatDecimal(value, decimals);
      assert.equal(text, decimal(value, decimals));
      assert.equal(BigInt(parseDecimal(text)), value, text);
      if (Number.isSafeInteger(Number(value))) assert.equal(formatDecimal(Number(value), decimals), text);
    }
  }
});

test("an instrument's texts are exact and its numbers the nearest floats", () => {
  const random = new Random(12);
  const world = { isCurrent: true, venues: new Map(), serverNowMs: () => 0 };
  for (let decimals = 0; decimals <= 18; decimals++) {
    const instrument = new Instrument("a:B", world);
    announce(instrument, { id: 1, symbol: "a:B", priceDecimals: decimals, sizeDecimals: decimals, volumeDecimals: decimals }, true);
    for (let round = 0; round < 200; round++) {
      const value = round < EXTREMES.length ? EXTREMES[round] : random.signed64();
      const entry = new Entry();
      entry.values[0] = Number.isSafeInteger(Number(value)) ? Number(value) : value;
      apply(instrument, entry, 0n, WHOLE);
      const text = decimal(value, decimals);
      assert.equal(instrument.bidPrice, text);
      assert.equal(instrument.text("bidPrice"), text);
      assert.equal(instrument.mantissa("bidPrice"), value);
      assert.equal(instrument.number("bidPrice"), Number(text));
      assert.equal(instrument.askPrice, undefined);
    }
  }
});

test("a decimal in JSON with more or fewer digits than announced is a breach, not another number", () => {
  const world = { isCurrent: false, venues: new Map(), serverNowMs: () => 0 };
  const apply = (table, tickers, isRepairing = false, instruments = []) => {
    table.apply(decode("json", JSON.stringify({ delta: { seq: 1, tickers, instruments } })), DELTA, isRepairing, () => {});
  };
  const holding = () => {
    const table = new Table(world, { changed() {}, removed() {}, venue() {} });
    const instruments = [{ id: 1, symbol: "a:X", price_decimals: 2, size_decimals: 0, volume_decimals: 1 }];
    apply(table, [{ id: 1, bid_price: "2.50", ask_price: "2.60", bid_size: "7", volume: "1.5" }], false, instruments);
    return table;
  };
  for (const wrong of [
    { bid_price: "2.5" }, { bid_price: "2" }, { bid_price: "2.500" }, { bid_price: "2.50", ask_price: "2.6" }, { high: "-3" },
    { ask_size: "1.0" }, { volume: "1" },
  ]) {
    const table = holding();
    assert.throws(() => apply(table, [{ id: 1, ...wrong }]), Breach, JSON.stringify(wrong));
    // While a loss is repaired, an announcement may have been lost: the answer has both.
    apply(table, [{ id: 1, ...wrong }], true);
    const { bidPrice, askPrice, askSize, volume } = table.get("a:X");
    assert.deepEqual([bidPrice, askPrice, askSize, volume], ["2.50", "2.60", undefined, "1.5"]);
  }
  const table = holding();
  apply(table, [{ id: 1, bid_price: "2.510", ask_size: "1" }], false, [{ id: 1, symbol: "a:X", price_decimals: 3, volume_decimals: 1 }]);
  assert.deepEqual([table.get("a:X").bidPrice, table.get("a:X").askSize], ["2.510", "1"]);
});

test("other texts are no decimals", () => {
  for (const text of ["", "-", ".", "1.", ".5", "+1", "1e5", " 1", "1 ", "0x1", "1,5", "NaN", "18446744073709551616", "-9223372036854775809"]) {
    assert.equal(parseDecimal(text), undefined, text);
  }
});
