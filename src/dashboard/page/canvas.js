// A canvas that is as large as its place and sharp on every screen; its size is told, never asked for in a frame. And what all
// charts draw alike: axes, and lines of dashes.

import { palette } from "./palette.js";

/** Nearer to the ends of its axis a time would be cut. */
const TEXT_ROOM = 20;

export class Surface {
  /** `draw(context, width, height)` is called in a frame after `request()` and after each change of size. */
  constructor(canvas, draw) {
    this.canvas = canvas;
    this.paint = draw;
    this.width = this.height = 0;
    this.frame = 0;
    this.run = this.run.bind(this);
    new ResizeObserver(([entry]) => this.resize(entry.contentRect)).observe(canvas.parentElement);
  }

  resize({ width, height }) {
    this.width = Math.floor(width);
    this.height = Math.floor(height);
    this.request();
  }

  request() {
    this.frame ||= requestAnimationFrame(this.run);
  }

  run() {
    this.frame = 0;
    if (this.width <= 0 || this.height <= 0) return;
    const scale = Math.min(devicePixelRatio || 1, 2);
    const [wide, high] = [Math.round(this.width * scale), Math.round(this.height * scale)];
    if (this.canvas.width !== wide || this.canvas.height !== high) {
      this.canvas.width = wide;
      this.canvas.height = high;
    }
    const context = this.canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    this.paint(context, this.width, this.height);
  }
}

/** The middle of a pixel, where a line of one pixel is sharp. */
const sharp = (place) => Math.round(place) + 0.5;

/**
 * Draws a grid with its texts. `box` is where the lines are: left, right, top, bottom, and `below`, the middle of the times' line;
 * `rows` and `columns` are `{ at, text }`; `beside` says where the texts of rows stand: `{ x, align }`.
 */
export function drawAxes(context, box, rows, columns, beside) {
  context.font = palette.font;
  context.fillStyle = palette.dim;
  context.strokeStyle = palette.line;
  context.lineWidth = 1;
  context.textBaseline = "middle";
  context.textAlign = beside.align;
  context.beginPath();
  for (const { at, text } of rows) {
    context.moveTo(box.left, sharp(at));
    context.lineTo(box.right, sharp(at));
    context.fillText(text, beside.x, sharp(at));
  }
  context.textAlign = "center";
  for (const { at, text } of columns) {
    context.moveTo(sharp(at), box.top);
    context.lineTo(sharp(at), box.bottom);
    if (at > box.left + TEXT_ROOM && at < box.right - TEXT_ROOM) context.fillText(text, sharp(at), box.below);
  }
  context.stroke();
}

function drawDashes(context, colour, pattern, from, to) {
  context.strokeStyle = colour;
  context.lineWidth = 1;
  context.setLineDash(pattern);
  context.beginPath();
  context.moveTo(...from);
  context.lineTo(...to);
  context.stroke();
  context.setLineDash([]);
}

/** The crosshair: a line from top to bottom. */
export const drawCross = (context, box, at) => drawDashes(context, palette.dim, [3, 3], [sharp(at), box.top], [sharp(at), box.bottom]);

/** Room of a line of text. */
const TEXT_HEIGHT = 12;

/** Limits: lines from left to right, each `{ at, colour, word }`, highest first; the word above its line, where there is room. */
export function drawLimits(context, box, limits) {
  context.textAlign = "left";
  context.textBaseline = "bottom";
  let above = box.top - TEXT_HEIGHT;
  for (const { at, colour, word } of limits) {
    drawDashes(context, colour, [2, 4], [box.left, sharp(at)], [box.right, sharp(at)]);
    context.fillStyle = colour;
    if (at - above >= TEXT_HEIGHT) context.fillText(word, box.left + 4, at - 1);
    above = at;
  }
}
