// The price chart of one instrument: bid, ask and last over a span of time, with exact prices at its axis and crosshair.

import { formatDecimal } from "/client.js";
import { timeTicks, valueTicks } from "./axis.js";
import { drawAxes, drawCross, Surface } from "./canvas.js";
import { palette } from "./palette.js";
import { LINES } from "./trace.js";
import { clockOf } from "./words.js";

/** Spans of time that can be chosen. */
export const SPANS_MS = [30_000, 60_000, 120_000, 300_000, 900_000];

const BOTTOM = 20;
const TOP = 8;
/** Room of one character at the axis. */
const CHARACTER = 6.6;
/** The mark of a break stands on the axis: there may be many of them. */
const MARK = 7;

export class PriceChart {
  /**
   * `read(texts)` is told what is under the crosshair: `{ time, bid, ask, last }`, or null where there is none; `tell` is told of
   * each drawing whether there was no price in its span, and whether a timeline began in it: `{ isEmpty, hasBreak }`.
   */
  constructor(canvas, read, tell) {
    this.surface = new Surface(canvas, (context, width, height) => this.draw(context, width, height));
    this.read = read;
    this.tell = tell;
    this.traces = [];
    this.spanMs = 120_000;
    this.cross = null;
    canvas.addEventListener("pointermove", (event) => this.point(event.offsetX));
    canvas.addEventListener("pointerleave", () => this.point(null));
  }

  /** What is drawn: a coarse trace and the fine one that takes over where it begins. */
  show(traces) {
    this.traces = traces;
    this.request();
  }

  request() {
    this.surface.request();
  }

  point(x) {
    this.cross = x;
    this.request();
  }

  /** Samples of the span, oldest first, as `{ trace, at }`; the finest there is of each moment. */
  samples(from) {
    const [coarse, fine] = this.traces;
    const fineFrom = fine.length > 0 ? fine.time(0) : Infinity;
    const samples = [];
    // One before the span, so that the line comes from its left edge.
    for (let at = Math.max(coarse.since(from) - 1, 0); at < coarse.length && coarse.time(at) < fineFrom; at++) {
      samples.push({ trace: coarse, at, time: coarse.time(at) });
    }
    for (let at = Math.max(fine.since(from) - 1, 0); at < fine.length; at++) {
      samples.push({ trace: fine, at, time: fine.time(at) });
    }
    return samples;
  }

  /** The least and the greatest value, with some air; null where there is no value. */
  rangeOf(samples, scaled) {
    let [low, high] = [Infinity, -Infinity];
    for (const sample of samples) {
      for (const line in LINES) {
        const value = scaled(sample, line);
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
    const margin = Math.max((high - low) * 0.08, 1);
    return high < low ? null : [low - margin, high + margin];
  }

  draw(context, width, height) {
    if (this.traces.length === 0) return;
    const now = Date.now();
    const from = now - this.spanMs;
    const samples = this.samples(from);
    const decimals = Math.max(...this.traces.map((trace) => trace.decimals));
    const scaled = (sample, line) => {
      const value = sample.trace.value(line, sample.at);
      return value === null ? NaN : Number(value) * 10 ** (decimals - sample.trace.decimals);
    };
    const breaks = samples.filter(({ trace, at, time }) => time >= from && trace.isBreak(at));
    const range = this.rangeOf(samples, scaled);
    this.tell({ isEmpty: range === null, hasBreak: range !== null && breaks.length > 0 });
    if (range === null) return this.read(null);
    const [low, high] = range;
    const ticks = valueTicks(low, high, Math.max(2, Math.floor(height / 44)), true);
    const texts = ticks.map((value) => formatDecimal(BigInt(Math.round(value)), decimals));
    const right = width - Math.max(...texts.map((text) => text.length), 4) * CHARACTER - 10;
    const box = { left: 0, right, top: TOP, bottom: height - BOTTOM, below: height - BOTTOM / 2 + 2 };
    const x = (time) => ((time - from) / this.spanMs) * right;
    const y = (value) => TOP + ((high - value) / (high - low)) * (height - TOP - BOTTOM);
    const times = timeTicks(from, now, Math.max(2, Math.floor(right / 90))).map(({ time, text }) => ({ at: x(time), text }));
    drawAxes(context, box, ticks.map((value, at) => ({ at: y(value), text: texts[at] })), times, { x: right + 8, align: "left" });
    context.save();
    context.beginPath();
    context.rect(0, 0, right, height);
    context.clip();
    this.drawBreaks(context, box, breaks, x);
    for (const line in LINES) this.drawLine(context, line, samples, scaled, x, y, now);
    this.drawCross(context, box, samples, x, from);
    context.restore();
  }

  drawBreaks(context, box, breaks, x) {
    context.fillStyle = palette.warn;
    for (const { time } of breaks) context.fillRect(Math.round(x(time)), box.bottom - MARK, 1, MARK);
  }

  /** A price stands until the next one, so its line is made of steps; where a timeline ends it ends. */
  drawLine(context, line, samples, scaled, x, y, now) {
    context.strokeStyle = palette[line];
    context.lineWidth = line === "last" ? 1.75 : 1.25;
    context.lineJoin = "round";
    context.beginPath();
    let before = NaN;
    for (const sample of samples) {
      const value = scaled(sample, line);
      const column = x(sample.time);
      if (!Number.isNaN(before)) context.lineTo(column, y(before));
      if (sample.trace.isBreak(sample.at)) before = NaN;
      if (Number.isNaN(value)) before = NaN;
      else if (Number.isNaN(before)) context.moveTo(column, y(value));
      else context.lineTo(column, y(value));
      before = value;
    }
    if (!Number.isNaN(before)) context.lineTo(x(now), y(before));
    context.stroke();
  }

  drawCross(context, box, samples, x, from) {
    if (this.cross === null || this.cross > box.right) return this.read(null);
    const time = from + (this.cross / box.right) * this.spanMs;
    const under = samples.findLast((sample) => sample.time <= time);
    if (!under) return this.read(null);
    drawCross(context, box, Math.max(x(under.time), this.cross));
    const text = (line) => {
      const value = under.trace.value(line, under.at);
      return value === null ? "" : formatDecimal(value, under.trace.decimals);
    };
    this.read({ time: clockOf(under.time), bid: text("bid"), ask: text("ask"), last: text("last") });
  }
}
