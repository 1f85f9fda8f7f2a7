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

const MOST = (1n << 64n) - 1n;
const LEAST = -(1n << 63n);
const MINUS = 45;
const POINT = 46;
const ZERO = 48;

/** So many digits are exact in a float. */
const EXACT_DIGITS = 15;
const DIGITS_MAX = 40;

/**
 * Reads `[-]digits[.digits]` and drops the point; `undefined` for any other text or beyond 64 bits.
 * @param {string} text
 * @returns {import("./fields.js").Integer | undefined}
 */
export function parseDecimal(text) {
  const isNegative = text.charCodeAt(0) === MINUS;
  let value = 0;
  let digits = 0;
  let point = -1;
  for (let at = isNegative ? 1 : 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === POINT && point < 0 && digits > 0) {
      point = at;
      continue;
    }
    const digit = code - ZERO;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
    digits++;
  }
  if (digits === 0 || digits > DIGITS_MAX || point === text.length - 1) return undefined;
  // `|| 0` turns -0 into 0.
  if (digits <= EXACT_DIGITS) return (isNegative ? -value : value) || 0;
  const large = BigInt(text.replace(".", ""));
  return large > MOST || large < LEAST ? undefined : integer(large);
}
