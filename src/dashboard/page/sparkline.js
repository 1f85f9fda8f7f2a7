// The small line of a row: where its price was in the last minutes.

import { palette } from "./palette.js";

/** Looked at this long. */
const SPAN_MS = 300_000;
export const WIDTH = 88;
export const HEIGHT = 20;

/** Makes the canvas of one row. */
export function makeSparkline() {
  const canvas = document.createElement("canvas");
  const scale = Math.min(devicePixelRatio || 1, 2);
  canvas.width = WIDTH * scale;
  canvas.height = HEIGHT * scale;
  canvas.setAttribute("aria-hidden", "true");
  return canvas;
}

/** The last price, or where none is told, the bid. */
function lineOf(trace, from) {
  for (let at = trace.length - 1; at >= from; at--) if (trace.value("last", at) !== null) return "last";
  return "bid";
}

/** Draws the trace's last minutes; what was not live is a gap. */
export function drawSparkline(canvas, trace, now) {
  const context = canvas.getContext("2d");
  const scale = canvas.width / WIDTH;
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, WIDTH, HEIGHT);
  const from = trace.since(now - SPAN_MS);
  const line = lineOf(trace, from);
  const values = [];
  let [low, high] = [Infinity, -Infinity];
  for (let at = from; at < trace.length; at++) {
    const mantissa = trace.value(line, at);
    const value = mantissa === null ? NaN : Number(mantissa);
    values.push(value);
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (high < low) return;
  const start = trace.time(from);
  // A young trace is drawn over what there is of it, so that it is a line and not a dot.
  const span = Math.max(now - start, 20_000);
  const x = (at) => 1 + ((trace.time(from + at) - start) / span) * (WIDTH - 5);
  const y = (value) => (high === low ? HEIGHT / 2 : 2 + ((high - value) / (high - low)) * (HEIGHT - 4));
  const first = values.find((value) => !Number.isNaN(value));
  const final = values.findLast((value) => !Number.isNaN(value));
  context.strokeStyle = final > first ? palette.up : final < first ? palette.down : palette.dim;
  context.lineWidth = 1.25;
  context.lineJoin = "round";
  context.beginPath();
  let isPen = false;
  values.forEach((value, at) => {
    if (Number.isNaN(value)) isPen = false;
    else if (isPen) context.lineTo(x(at), y(value));
    else {
      context.moveTo(x(at), y(value));
      isPen = true;
    }
  });
  context.stroke();
  if (Number.isNaN(values.at(-1))) return;
  context.fillStyle = context.strokeStyle;
  context.beginPath();
  context.arc(x(values.length - 1), y(final), 1.75, 0, 7);
  context.fill();
}
