// The monitor: the server's own statistics over the last quarter of an hour, streamed like any price.

import { connect } from "/client.js";
import { Figures } from "./figures.js";
import { onTheme } from "./palette.js";
import { PANELS } from "./panels.js";
import { Plot } from "./plot.js";
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
  for (const plot of plots) plot.show(now, cross);
  const collected = now - openedAt < 2_000 ? "" : `: ${agoOf(Math.min(now - openedAt, 900_000))} so far`;
  const under = cross === null || cross < 0 ? "" : `  Values at ${clockOf(plots[0].timeAt(cross))}.`;
  byId("history").textContent = `The last 15 minutes, as this page has collected them since it was opened at ${clockOf(openedAt)}${collected}.${under}`;
}

function start() {
  client?.close();
  client = connect();
  client.addEventListener("state", ({ detail }) => status.show(detail));
  client.addEventListener("venue", () => status.venues(client.venues));
  client.addEventListener("error", ({ detail }) => notice(detail.message));
  status.forget();
  status.show(client.state);
  client.subscribe(`${SOURCE}*`);
}

byId("banner-retry").addEventListener("click", start);
onTheme(show);
start();
show();
setInterval(() => {
  figures.push(Date.now(), read());
  status.figures(client.stats);
  show();
}, 1_000);
setInterval(() => status.tick(), 250);
