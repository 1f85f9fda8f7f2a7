// The price chart of one instrument: bid, ask and last over a span of time, with exact prices at its axis and crosshair.

import { formatDecimal } from "/client.js";
import { timeTicks, valueTicks } from "./axis.js";
import { Surface } from "./canvas.js";
import { palette } from "./palette.js";
import { LINES } from "./trace.js";
import { clockOf } from "./words.js";

/** Spans of time that can be chosen. */
export const SPANS_MS = [30_000, 60_000, 120_000, 300_000, 900_000];

const BOTTOM = 20;
const TOP = 8;
/** Room of one character at the axis. */
const CHARACTER = 6.6;

export class PriceChart {
  /** `read(texts)` is told what is under the crosshair: `{ time, bid, ask, last }`, or null where there is none. */
  constructor(canvas, read) {
    this.surface = new Surface(canvas, (context, width, height) => this.draw(context, width, height));
    this.read = read;
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
    let [low, high] = [Infinity, -Infinity];
    for (const sample of samples) {
      for (const line in LINES) {
        const value = scaled(sample, line);
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
    if (high < low) return this.drawNothing(context, width, height);
    const margin = Math.max((high - low) * 0.08, 1);
    [low, high] = [low - margin, high + margin];
    const ticks = valueTicks(low, high, Math.max(2, Math.floor(height / 44)), true);
    const texts = ticks.map((value) => formatDecimal(BigInt(Math.round(value)), decimals));
    const right = width - Math.max(...texts.map((text) => text.length), 4) * CHARACTER - 10;
    const x = (time) => ((time - from) / this.spanMs) * right;
    const y = (value) => TOP + ((high - value) / (high - low)) * (height - TOP - BOTTOM);
    this.drawAxes(context, { right, height, ticks, texts, from, now, x, y });
    context.save();
    context.beginPath();
    context.rect(0, 0, right, height);
    context.clip();
    for (const line in LINES) this.drawLine(context, line, samples, scaled, x, y, now);
    this.drawCross(context, samples, x, right, height, from);
    context.restore();
  }

  drawNothing(context, width, height) {
    context.font = palette.font;
    context.fillStyle = palette.dim;
    context.textAlign = "center";
    context.fillText("no live price in this span", width / 2, height / 2);
  }

  drawAxes(context, { right, height, ticks, texts, from, now, x, y }) {
    context.font = palette.font;
    context.lineWidth = 1;
    context.strokeStyle = palette.line;
    context.fillStyle = palette.dim;
    context.textBaseline = "middle";
    context.textAlign = "left";
    context.beginPath();
    ticks.forEach((value, at) => {
      const row = Math.round(y(value)) + 0.5;
      context.moveTo(0, row);
      context.lineTo(right, row);
      context.fillText(texts[at], right + 8, row);
    });
    context.textAlign = "center";
    for (const { time, text } of timeTicks(from, now, Math.max(2, Math.floor(right / 90)))) {
      const column = Math.round(x(time)) + 0.5;
      context.moveTo(column, TOP);
      context.lineTo(column, height - BOTTOM);
      if (column > 24 && column < right - 24) context.fillText(text, column, height - BOTTOM / 2 + 2);
    }
    context.stroke();
  }

  /** A price stands until the next one, so its line is made of steps. */
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
      if (Number.isNaN(value)) before = NaN;
      else if (Number.isNaN(before)) context.moveTo(column, y(value));
      else context.lineTo(column, y(value));
      before = value;
    }
    if (!Number.isNaN(before)) context.lineTo(x(now), y(before));
    context.stroke();
  }

  drawCross(context, samples, x, right, height, from) {
    if (this.cross === null || this.cross > right) return this.read(null);
    const time = from + (this.cross / right) * this.spanMs;
    const under = samples.findLast((sample) => sample.time <= time);
    if (!under) return this.read(null);
    const column = Math.round(Math.max(x(under.time), this.cross)) + 0.5;
    context.strokeStyle = palette.dim;
    context.lineWidth = 1;
    context.setLineDash([3, 3]);
    context.beginPath();
    context.moveTo(column, TOP);
    context.lineTo(column, height - BOTTOM);
    context.stroke();
    context.setLineDash([]);
    const text = (line) => {
      const value = under.trace.value(line, under.at);
      return value === null ? "" : formatDecimal(value, under.trace.decimals);
    };
    this.read({ time: clockOf(under.time), bid: text("bid"), ask: text("ask"), last: text("last") });
  }
}
