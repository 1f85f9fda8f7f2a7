// One plot of the monitor: its title, the values of now or under the crosshair, and the lines of a quarter of an hour.

import { timeTicks, valueTicks } from "./axis.js";
import { drawAxes, drawCross, drawLimits, Surface } from "./canvas.js";
import { palette } from "./palette.js";
import { levelOf, limitsOf, wordsOf } from "./panels.js";
import { figureOf } from "./words.js";

const LEFT = 46;
const BOTTOM = 18;
const TOP = 6;
const COLOURS = ["s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8"];

function make(tag, className, parent) {
  const element = document.createElement(tag);
  element.className = className;
  parent.append(element);
  return element;
}

export class Plot {
  /** `point(share)` is told where the pointer is, from 0 to 1 of the span, or null. */
  constructor(parent, panel, figures, point) {
    this.panel = panel;
    this.figures = figures;
    this.cross = null;
    this.lines = [];
    this.plot = make("section", "plot", parent);
    const head = make("header", "", this.plot);
    const title = make("h2", "", head);
    title.textContent = panel.title;
    make("small", "", title).textContent = panel.unit;
    this.legend = make("ul", "values", head);
    make("p", "help", this.plot).textContent = wordsOf(panel);
    const place = make("div", "place", this.plot);
    const canvas = make("canvas", "", place);
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${panel.title} over the last 15 minutes`);
    this.surface = new Surface(canvas, (context, width, height) => this.draw(context, width, height));
    canvas.addEventListener("pointermove", (event) => point((event.offsetX - LEFT) / Math.max(1, this.surface.width - LEFT)));
    canvas.addEventListener("pointerleave", () => point(null));
  }

  /** New values are there, or the crosshair is elsewhere; the plot ends now and is so long. `names` are those of the statistics. */
  show(now, spanMs, cross, names) {
    this.now = now;
    this.spanMs = spanMs;
    this.cross = cross;
    const wanted = typeof this.panel.lines === "function" ? this.panel.lines(names) : this.panel.lines;
    if (wanted.length !== this.lines.length || wanted.some(([name], at) => name !== this.lines[at].name)) this.makeLegend(wanted);
    const at = cross === null ? this.figures.length - 1 : this.figures.until(this.timeAt(cross));
    let worst = "";
    for (const line of this.lines) {
      const value = at < 0 ? NaN : this.figures.value(line.name, at) * this.panel.factor;
      const level = levelOf(this.panel, line.name, value);
      const text = figureOf(value);
      if (line.value.textContent !== text) line.value.textContent = text;
      if (line.value.dataset.level !== level) line.value.dataset.level = level;
      if (level === "bad" || worst === "") worst = level;
    }
    if (this.plot.dataset.level !== worst) this.plot.dataset.level = worst;
    this.surface.request();
  }

  makeLegend(wanted) {
    this.legend.replaceChildren();
    this.lines = wanted.map(([name, label], at) => {
      const item = make("li", COLOURS[at % COLOURS.length], this.legend);
      make("span", "", item).textContent = label;
      return { name, colour: COLOURS[at % COLOURS.length], value: make("b", "", item) };
    });
  }

  timeAt(share) {
    return this.now - this.spanMs + share * this.spanMs;
  }

  draw(context, width, height) {
    const { figures, panel } = this;
    let [low, high] = [0, 0];
    for (const { name } of this.lines) {
      for (let at = 0; at < figures.length; at++) {
        const value = figures.value(name, at) * panel.factor;
        if (value > high) high = value;
        if (value < low) low = value;
      }
    }
    high = high === low ? low + 1 : high + (high - low) * 0.1;
    if (low < 0) low -= (high - low) * 0.05;
    const from = this.now - this.spanMs;
    const box = { left: LEFT, right: width, top: TOP, bottom: height - BOTTOM, below: height - BOTTOM / 2 + 2 };
    const x = (time) => LEFT + ((time - from) / this.spanMs) * (width - LEFT);
    const y = (value) => TOP + ((high - value) / (high - low)) * (height - TOP - BOTTOM);
    const rows = valueTicks(low, high, 3, false).map((value) => ({ at: y(value), text: figureOf(Number(value.toPrecision(6))) }));
    const columns = timeTicks(from, this.now, Math.max(2, Math.floor(width / 90))).map(({ time, text }) => ({ at: x(time), text }));
    drawAxes(context, box, rows, columns, { x: LEFT - 6, align: "right" });
    for (const line of this.lines) this.drawLine(context, line, x, y);
    // From where on it is a worry, once that is within sight.
    const limits = limitsOf(panel).filter(({ at, isUndrawn }) => !isUndrawn && at <= high);
    drawLimits(context, box, limits.reverse().map(({ word, at, colour }) => ({ word, at: y(at), colour: palette[colour] })));
    if (this.cross !== null && this.cross >= 0) drawCross(context, box, x(this.timeAt(this.cross)));
  }

  drawLine(context, { name, colour }, x, y) {
    const { figures, panel } = this;
    context.strokeStyle = palette[colour];
    context.lineWidth = 1.4;
    context.lineJoin = "round";
    context.beginPath();
    let isPen = false;
    for (let at = 0; at < figures.length; at++) {
      const value = figures.value(name, at) * panel.factor;
      const column = x(figures.time(at));
      if (Number.isNaN(value)) isPen = false;
      else if (isPen) context.lineTo(column, y(value));
      else {
        context.moveTo(column - 1, y(value));
        context.lineTo(column, y(value));
        isPen = true;
      }
    }
    context.stroke();
  }
}
