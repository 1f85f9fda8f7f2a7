// The pane of one instrument: its chart, all its fields, its ages and its states.

import { PriceChart, SPANS_MS } from "./chart.js";
import { changeOf, percentChangeOf, spreadOf } from "./columns.js";
import { Trace } from "./trace.js";
import { agoOf, countOf, spanOf, troubleOf } from "./words.js";

/** Fine samples at ten a second: seven minutes. */
const FINE_SAMPLES = 4_096;
const FINE_MS = 100;

const FIELDS = [
  ["Last", (i) => i.lastPrice],
  ["Last size", (i) => [i.lastSize, i.lastSide && `(${i.lastSide})`].filter(Boolean).join(" ")],
  ["Bid", (i) => i.bidPrice],
  ["Bid size", (i) => i.bidSize],
  ["Ask", (i) => i.askPrice],
  ["Ask size", (i) => i.askSize],
  ["Spread", spreadOf],
  ["Change", (i) => [changeOf(i), percentChangeOf(i)].filter(Boolean).join("  ")],
  ["Open", (i) => i.open],
  ["High", (i) => i.high],
  ["Low", (i) => i.low],
  ["Volume", (i) => i.volume],
  ["Trades", (i) => i.tradeCount],
  ["Updates", (i) => countOf(i.updateCount)],
  ["Newest value", (i, now, venue, ages) => ages.of(i).text],
  // By a recording's stamps nothing can be said of now.
  ["Last trade", (i, now, venue, ages) => byStamp(i, ages, now - i.tsLastMs, agoOf)],
  ["Venue to server", (i, now, venue, ages) => byStamp(i, ages, i.eventAgeMs, delayOf)],
  ["Instrument", stateOf],
  ["Venue", (i, now, venue, ages) => (!venue ? i.venue : `${venue.name} ${venue.state}${ages.isTape ? "" : ` for ${agoOf(now - venue.sinceMs)}`}`)],
];

/** What the server said of the instrument itself; nothing is live whose venue or connection is not. */
function stateOf(instrument) {
  const { state, cause, isLive } = instrument;
  if (state === "live" && !isLive) return "live when last heard";
  return [state ?? "not told", cause && `(${cause})`].filter(Boolean).join(" ");
}

/** What is known of a price where nothing is drawn. */
function knownOf(instrument) {
  const prices = [["last", "lastPrice"], ["bid", "bidPrice"], ["ask", "askPrice"]].map(([word, name]) => [word, instrument?.text(name)]);
  const known = prices.filter(([, text]) => text !== undefined).map(([word, text]) => `${word} ${text}`);
  return known.length > 0 ? `Last known: ${known.join(", ")}.` : "No price is known.";
}

/** A span by the venue's stamps; empty where it gives none, null where they are no stamps of now. */
function byStamp(instrument, ages, ms, write) {
  if (!ages.isOneClock) return null;
  if (!Number.isFinite(ms)) return "";
  return ages.isOfNow(instrument, ms) ? write(ms) : null;
}

const delayOf = (ms) => spanOf(ms) + (ms < 0 ? " (venue's clock is ahead)" : "");

const byId = (id) => document.getElementById(id);

export class Detail {
  /** `look` and `ages` as for rows; `traceOf(symbol)` is the row's; `onSpan` is told what the person chose. */
  constructor(look, ages, traceOf, spanMs, onSpan) {
    this.look = look;
    this.ages = ages;
    this.traceOf = traceOf;
    this.symbol = null;
    this.pane = byId("detail");
    this.fine = new Trace(FINE_SAMPLES);
    this.pushed = 0;
    this.texts = FIELDS.map(([label]) => this.addField(label));
    this.chart = new PriceChart(byId("chart"), (under) => this.readOut(under), (drawn) => this.noteDrawn(drawn));
    this.spans = SPANS_MS.map((span) => this.addSpan(span, onSpan));
    this.choose(SPANS_MS.includes(spanMs) ? spanMs : 120_000);
    this.pane.addEventListener("keydown", (event) => this.onKey(event, onSpan));
    byId("chart").addEventListener("wheel", (event) => this.onWheel(event, onSpan), { passive: false });
    byId("detail-close").addEventListener("click", () => this.close());
  }

  addField(label) {
    const [term, value] = [document.createElement("dt"), document.createElement("dd")];
    term.textContent = label;
    const pair = document.createElement("div");
    pair.append(term, value);
    byId("fields").append(pair);
    return value;
  }

  addSpan(span, onSpan) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = span < 60_000 ? `${span / 1_000} s` : `${span / 60_000} min`;
    button.addEventListener("click", () => this.zoom(span, onSpan));
    byId("spans").append(button);
    return button;
  }

  choose(span) {
    this.chart.spanMs = span;
    this.spans.forEach((button, at) => button.setAttribute("aria-pressed", String(SPANS_MS[at] === span)));
    this.chart.request();
  }

  zoom(span, onSpan) {
    this.choose(span);
    onSpan(span);
  }

  zoomBy(steps, onSpan) {
    const at = SPANS_MS.indexOf(this.chart.spanMs) + steps;
    if (at >= 0 && at < SPANS_MS.length) this.zoom(SPANS_MS[at], onSpan);
  }

  onWheel(event, onSpan) {
    event.preventDefault();
    this.zoomBy(Math.sign(event.deltaY), onSpan);
  }

  onKey(event, onSpan) {
    if (event.key === "Escape") this.close();
    else if (event.key === "+" || event.key === "=") this.zoomBy(-1, onSpan);
    else if (event.key === "-") this.zoomBy(1, onSpan);
    else return;
    event.preventDefault();
  }

  open(symbol) {
    this.symbol = symbol;
    this.fine.clear();
    this.pane.hidden = false;
    document.body.classList.add("with-detail");
    const colon = symbol.indexOf(":");
    byId("detail-name").textContent = symbol.slice(colon + 1);
    byId("detail-venue").textContent = symbol.slice(0, colon);
    this.chart.show([this.traceOf(symbol), this.fine]);
    this.refresh();
  }

  /** Closes the pane; the row gets the focus back through the event. */
  close() {
    if (this.symbol === null) return;
    const symbol = this.symbol;
    this.symbol = null;
    this.pane.hidden = true;
    document.body.classList.remove("with-detail");
    this.pane.dispatchEvent(new CustomEvent("closed", { detail: symbol }));
  }

  /** Something of an instrument has changed; once per frame at most. */
  touch(symbol) {
    if (symbol === this.symbol) this.refresh();
  }

  /** A new epoch or another connection: the line goes on with a break. */
  renew() {
    this.fine.cut();
    if (this.symbol !== null) this.refresh();
  }

  refresh() {
    if (this.symbol === null) return;
    const { instrument, venue, note } = this.look(this.symbol);
    const now = Date.now();
    if (instrument && now - this.pushed >= FINE_MS) {
      this.fine.push(now, instrument);
      this.pushed = now;
    }
    const server = instrument ? instrument.tsMs + instrument.ageMs : now;
    FIELDS.forEach(([, text], at) => this.writeField(this.texts[at], instrument ? text(instrument, server, venue, this.ages) : ""));
    const trouble = instrument ? troubleOf(instrument, venue) : note;
    this.write(byId("chart-note"), `No live price in this span${trouble ? `: ${trouble}` : ""}. ${knownOf(instrument)}`);
    this.write(byId("detail-state"), trouble || "live");
    this.pane.dataset.state = trouble ? "stale" : "live";
    this.chart.request();
  }

  write(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  /** A field that can say nothing here is not there. */
  writeField(element, text) {
    element.parentElement.hidden = text === null;
    this.write(element, text ?? "");
  }

  /** A chart without a line says why; one with a break what the mark means. */
  noteDrawn({ isEmpty, hasBreak }) {
    byId("chart-note").hidden = !isEmpty;
    byId("break").hidden = !hasBreak;
  }

  readOut(under) {
    const parts = under ? [under.time, ...["bid", "ask", "last"].map((line) => under[line] && `${line} ${under[line]}`)] : [];
    this.write(byId("readout"), parts.filter(Boolean).join("   "));
  }
}
