// Where the lines of a chart's axes stand, and what is written at them.

import { clockOf } from "./words.js";

const TIME_STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600];

/** The least of 1, 2, 5, 10, 20, .. that is not below. */
export function niceStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  const times = least / power;
  return power * (times <= 1 ? 1 : times <= 2 ? 2 : times <= 5 ? 5 : 10);
}

/** Values between low and high at a step that gives at most so many; whole numbers where `isWhole`. */
export function valueTicks(low, high, most, isWhole) {
  const step = niceStep(Math.max((high - low) / most, isWhole ? 1 : Number.MIN_VALUE));
  const ticks = [];
  for (let at = Math.ceil(low / step); at * step <= high && ticks.length < 50; at++) ticks.push(at * step);
  return ticks;
}

/** Times of day between two moments, at most so many, with their texts. */
export function timeTicks(from, to, most) {
  const step = 1_000 * (TIME_STEPS_S.find((s) => (to - from) / (s * 1_000) <= most) ?? TIME_STEPS_S.at(-1));
  const shift = new Date(from).getTimezoneOffset() * 60_000;
  const ticks = [];
  for (let time = Math.ceil((from - shift) / step) * step + shift; time <= to; time += step) {
    const text = clockOf(time);
    ticks.push({ time, text: step % 60_000 === 0 ? text.slice(0, 5) : text });
  }
  return ticks;
}
