// Exact decimals.
import assert from "node:assert/strict";
import { test } from "node:test";
import { formatDecimal, parseDecimal } from "../../src/dashboard/client/decimal.js";
import { Entry } from "../../src/dashboard/client/fields.js";
import { Instrument, WHOLE, announce, apply } from "../../src/dashboard/client/instrument.js";
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

test("other texts are no decimals", () => {
  for (const text of ["", "-", ".", "1.", ".5", "+1", "1e5", " 1", "1 ", "0x1", "1,5", "NaN", "18446744073709551616", "-9223372036854775809"]) {
    assert.equal(parseDecimal(text), undefined, text);
  }
});
