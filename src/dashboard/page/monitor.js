// The monitor: the server's own statistics over the last quarter of an hour, streamed like any price.

import { connect } from "/client.js";
import { Figures, SPAN_MS } from "./figures.js";
import { onTheme } from "./palette.js";
import { PANELS, withoutPhantoms } from "./panels.js";
import { Plot } from "./plot.js";
import { admitted, credentials, lookAtEnd } from "./signin.js";
import { notice, Status } from "./status.js";
import { agoOf, clockOf } from "./words.js";

const SOURCE = "$stats:";

const byId = (id) => document.getElementById(id);
const figures = new Figures();
const status = new Status();
const openedAt = Date.now();
let client = null;
let cross = null;

const plots = PANELS.map((panel) => new Plot(byId("plots"), panel, figures, (share) => {
  cross = share;
  show();
}));

/** A plot is as long as what was collected, in steps, so that a young one is not a line at its end. */
const SPANS_MS = [60_000, 120_000, 180_000, 300_000, 480_000, 660_000, SPAN_MS];

/** What the state of a venue is called; the statistic is its number. */
const VENUE_STATES = { 1: "up", 2: "stale", 3: "down" };

const VENUE_STATE = /^venue\.(.+)\.state$/;

/** The venues as the statistics tell them, for the head of the page. */
function venuesOf(values) {
  const venues = new Map();
  for (const [name, value] of values) {
    const venue = VENUE_STATE.exec(name)?.[1];
    const state = VENUE_STATES[value];
    if (venue && state) venues.set(venue, { name: venue, state, reason: "" });
  }
  return venues;
}

/** The values of now by name; null while nothing current is known. */
function read() {
  if (client.state.state !== "live") return null;
  const values = new Map();
  for (const instrument of client) {
    if (!instrument.symbol.startsWith(SOURCE)) continue;
    const value = instrument.isLive ? instrument.number("lastPrice") : undefined;
    values.set(instrument.symbol.slice(SOURCE.length), value ?? NaN);
  }
  return values;
}

function show() {
  const now = Date.now();
  const span = SPANS_MS.find((ms) => ms >= now - openedAt) ?? SPAN_MS;
  const names = withoutPhantoms([...figures.values.keys()].sort(), (name) => figures.isAny(name));
  for (const plot of plots) plot.show(now, span, cross, names);
  const collected = now - openedAt < 2_000 ? "" : `: ${agoOf(Math.min(now - openedAt, SPAN_MS))} so far`;
  const under = cross === null || cross < 0 ? "" : `  Values at ${clockOf(plots[0].timeAt(cross))}.`;
  byId("history").textContent = `The last 15 minutes, as this page has collected them since it was opened at ${clockOf(openedAt)}${collected}.${under}`;
}

function start() {
  client?.close();
  client = connect(undefined, credentials());
  client.addEventListener("state", ({ detail }) => status.show(detail));
  client.addEventListener("state", ({ detail }) => lookAtEnd(detail));
  client.addEventListener("error", ({ detail }) => notice(detail.message));
  status.forget();
  status.show(client.state);
  client.subscribe(`${SOURCE}*`);
}

byId("banner-retry").addEventListener("click", start);
onTheme(show);
await admitted();
start();
show();
setInterval(() => {
  const values = read();
  figures.push(Date.now(), values);
  if (values) status.venues(venuesOf(values));
  status.figures(client.stats);
  show();
}, 1_000);
setInterval(() => status.tick(), 250);
