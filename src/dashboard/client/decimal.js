// Scaled integers and decimal text; no float stands between them.
// @ts-check
import { integer } from "./fields.js";

/**
 * Writes `mantissa` x 10^-`decimals` with exactly that many decimals.
 * @param {bigint | number} mantissa a whole number, exact
 * @param {number} decimals
 */
export function formatDecimal(mantissa, decimals) {
  const text = String(mantissa);
  if (decimals === 0) return text;
  const sign = text.startsWith("-") ? "-" : "";
  const digits = text.slice(sign.length).padStart(decimals + 1, "0");
  const point = digits.length - decimals;
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}

const DECIMAL = /^-?[0-9]{1,40}(?:\.[0-9]{1,40})?$/;
const MOST = (1n << 64n) - 1n;
const LEAST = -(1n << 63n);

/**
 * Reads `[-]digits[.digits]` and drops the point; `undefined` for any other text or beyond 64 bits.
 * @param {string} text
 * @returns {import("./fields.js").Integer | undefined}
 */
export function parseDecimal(text) {
  if (!DECIMAL.test(text)) return undefined;
  const digits = text.replace(".", "");
  // 15 digits are exact; `|| 0` turns -0 into 0.
  if (digits.length <= 15) return Number(digits) || 0;
  const value = BigInt(digits);
  return value > MOST || value < LEAST ? undefined : integer(value);
}
