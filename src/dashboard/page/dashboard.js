// The watchlist page: one connection, the list, the rows, the detail; all wires of the page are on this screen.

import { connect } from "/client.js";
import { Ages } from "./age.js";
import { Detail } from "./detail.js";
import { makeSortable } from "./drag.js";
import { GridKeys } from "./grid.js";
import { covers, isPattern, problemOf, ROWS_MAX, Watchlist } from "./list.js";
import { Order } from "./order.js";
import { chooseTheme, onTheme } from "./palette.js";
import { Chips } from "./patterns.js";
import { ReplayBar } from "./replay.js";
import { Rows } from "./rows.js";
import { Search } from "./search.js";
import { bindKeys, bindSettings } from "./settings.js";
import { admitted, credentials, lookAtEnd } from "./signin.js";
import { announce, notice, Status } from "./status.js";
import { load, save } from "./storage.js";
import { symbolsOfServer } from "./symbols.js";
import { Wants } from "./wants.js";
import { emptyWords } from "./words.js";

/** The first visit shows so many symbols of the server. */
const FIRST_ROWS = 50;
/** A server that has just been started has no symbols yet. */
const AGAIN_MS = 2_000;

const byId = (id) => document.getElementById(id);
const kept = load();
const settings = kept.settings;
let list = new Watchlist(kept.list);
let isChosen = kept.list !== null;
let client = null;
let epoch;
let isMoved = false;

const wants = new Wants({ change: onChange, answered, cannot: leaveOut, problem: notice });

const look = (symbol) => {
  const instrument = client.get(symbol);
  if (instrument) return { instrument, venue: client.venues.get(instrument.venue), note: "" };
  return { instrument: undefined, venue: undefined, note: wants.noteOf(symbol) };
};

const ages = new Ages();
const rows = new Rows(byId("rows"), look, ages);
const status = new Status();
const replay = new ReplayBar((isReplay) => {
  ages.isReplay = isReplay;
  showEmpty();
});
const detail = new Detail(look, ages, (symbol) => rows.traces.get(symbol), settings.spanMs, (spanMs) => {
  settings.spanMs = spanMs;
  remember();
});
const grid = new GridKeys(byId("rows"), { open, remove, move, leave: () => search.input.focus(), up: () => order.heads.focus() });
const chips = new Chips(byId("patterns"), removePattern);
const order = new Order(look, ages, place, () => grid.focus(order.shown[0]));

function remember() {
  const problem = save(isChosen ? list : null, settings);
  if (problem) notice(problem);
}

function onChange(instrument, change) {
  const { symbol } = instrument;
  if (!list.known.has(symbol)) {
    if (!list.take(symbol)) return;
    isMoved = true;
  }
  if (change.kind === "removed") wants.notes.set(symbol, "not there any more");
  else wants.notes.delete(symbol);
  if (change.kind === "changed") rows.touch(symbol, change.names);
  else rows.renew(symbol);
  detail.touch(symbol);
}

/** Another epoch is another timeline: what was is no line with what comes. */
function lookAtEpoch() {
  if (client.stats.epoch === epoch) return;
  epoch = client.stats.epoch;
  ages.forget();
  rows.renewAll();
  detail.renew();
}

/** After everything of a frame was handed over. */
function onFrame() {
  lookAtEpoch();
  if (isMoved) show();
}

function onSnapshot() {
  lookAtEpoch();
  ages.settle(client);
  rows.touchStates();
}

function onState({ detail: state }) {
  status.show(state);
  lookAtEnd(state);
  ages.isTape = client.stats.clock === "tape";
  rows.touchStates();
  if (state.state === "live") replay.look();
  else replay.dim();
}

function onError({ detail: { symbol, message } }) {
  if (symbol === undefined) return notice(message);
  wants.notes.set(symbol, message);
  if (!isPattern(symbol)) return rows.renew(symbol);
  notice(`${symbol}: ${message}`);
  showPatterns();
}

/** Connects; a connection that is there is given up for one of other settings. */
function start() {
  client?.close();
  client = connect(undefined, { ...credentials(), encoding: settings.encoding, intervalMs: settings.intervalMs });
  wants.begin(client);
  client.addEventListener("state", onState);
  client.addEventListener("frame", onFrame);
  client.addEventListener("error", onError);
  client.addEventListener("snapshot", onSnapshot);
  client.addEventListener("venue", () => {
    status.venues(client.venues, ages.isTape);
    rows.touchStates();
  });
  status.forget();
  status.show(client.state);
  rows.renewAll();
  wants.want(list.entries);
}

/** Once all that was asked for has come, what a pattern brought once and brings no more is no row. That alone is not remembered. */
function answered(rejected) {
  rows.touchStates();
  if (wants.unanswered > 0) return;
  showEmpty();
  // An answer that refuses something says nothing of what the others bring.
  const granted = rejected.length === 0 ? [] : list.patterns.filter((pattern) => wants.isGranted(pattern));
  const isThere = (symbol) => client.get(symbol) || granted.some((pattern) => covers(pattern, symbol));
  if (!list.dropMissing(isThere)) return;
  takeHeld();
  show();
}

/** Makes rows of what is there already. */
function takeHeld() {
  for (const { symbol } of client) list.take(symbol);
}

/** Drops an entry that cannot be asked for. */
function leaveOut(entry, problem) {
  if (isPattern(entry)) list.removePattern(entry);
  else list.remove(entry);
  isMoved = true;
  notice(problem);
}

/** Draws list, patterns and count as they are. */
function show() {
  isMoved = false;
  order.show(list.order);
  const count = list.order.length;
  byId("count").textContent = count === 1 ? "1 row" : `${count} rows`;
  byId("list").setAttribute("aria-rowcount", String(count + 1));
  if (count >= ROWS_MAX) notice(`${ROWS_MAX} rows are shown; a narrower pattern shows others`);
  showEmpty();
  showPatterns();
}

function place(symbols) {
  rows.show(symbols);
  grid.settle();
}

function showEmpty() {
  byId("empty").hidden = list.order.length > 0;
  const [isAsking, hasWithout, isReplay] = [wants.unanswered > 0, list.without.size > 0, ages.isReplay === true];
  byId("empty").textContent = emptyWords(list.patterns, { isChosen, isAsking, hasWithout, isReplay, notes: wants.notes });
}

function showPatterns() {
  chips.show(list.patterns, wants.notes);
}

/** What a person does to the list is remembered. */
function change(how) {
  isChosen = true;
  how();
  show();
  remember();
  if (detail.symbol !== null && !list.known.has(detail.symbol)) detail.close();
}

function removePattern(pattern) {
  change(() => {
    list.removePattern(pattern);
    wants.unwant(pattern);
  });
  announce(`${pattern} removed`);
  search.input.focus();
}

function add(entry) {
  const problem = list.add(entry);
  if (problem) {
    notice(problem);
    return problem;
  }
  notice("");
  change(() => {
    // What the server refused is asked for again.
    if (wants.notes.has(entry)) wants.unwant(entry);
    wants.want([entry]);
    if (isPattern(entry)) takeHeld();
  });
  announce(`${entry} added`);
  grid.rove(grid.rowOf(entry));
  return "";
}

function remove(symbol) {
  change(() => {
    const wasAsked = list.entries.includes(symbol);
    list.remove(symbol);
    if (wasAsked) wants.unwant(symbol);
  });
  announce(`${symbol} removed`);
}

function move(symbol, to) {
  if (!order.isOwn) return notice("Rows are sorted: they are put in order by hand in the list's own order only.");
  change(() => list.move(symbol, to));
  announce(`${symbol} is row ${list.order.indexOf(symbol) + 1} of ${list.order.length}`);
}

function open(symbol) {
  for (const row of byId("rows").querySelectorAll("[aria-selected=true]")) row.removeAttribute("aria-selected");
  grid.rowOf(symbol)?.setAttribute("aria-selected", "true");
  detail.open(symbol);
  byId("detail").focus();
}

byId("detail").addEventListener("closed", ({ detail: symbol }) => {
  grid.rowOf(symbol)?.removeAttribute("aria-selected");
  if (byId("detail").contains(document.activeElement) || document.activeElement === document.body) grid.focus(symbol);
});

/** Until somebody chooses, the list is the server's first symbols. */
async function startOver() {
  isChosen = false;
  wants.unwantAll();
  list = new Watchlist(null);
  remember();
  detail.close();
  show();
  await fillFirst();
}

async function fillFirst() {
  if (isChosen || list.order.length > 0) return;
  let symbols = [];
  try {
    symbols = await symbolsOfServer();
  } catch {
    // The banner speaks of a server that is not there; it is asked again.
  }
  if (isChosen) return;
  for (const symbol of symbols.filter((symbol) => !symbol.startsWith("$")).slice(0, FIRST_ROWS)) list.add(symbol);
  if (list.order.length === 0) return setTimeout(fillFirst, AGAIN_MS);
  wants.want(list.entries);
  show();
}

function second() {
  rows.tick(Date.now());
  // Not by their events alone: a venue of which nothing is asked any more goes without a word.
  status.venues(client.venues, ages.isTape);
  status.figures(client.stats);
  detail.refresh();
  order.second();
}

makeSortable(byId("rows"), move, () => !order.isOwn);
const search = new Search(byId("search"), byId("suggestions"), add, (entry) => list.entries.includes(entry) || list.known.has(entry));
bindKeys(search.input);
bindSettings(settings, {
  pace: () => client.configure({ intervalMs: settings.intervalMs }).catch((error) => notice(error.message)),
  encoding: start,
  theme: () => chooseTheme(settings.theme),
  remember,
  startOver,
});
byId("banner-retry").addEventListener("click", start);
onTheme(() => detail.chart.request());
if (kept.problem) notice(kept.problem);
if (list.leftOut.length > 0) notice(`What was remembered and is left out: ${list.leftOut.slice(0, 3).map(problemOf).join("; ")}`);
await admitted();
start();
show();
fillFirst();
setInterval(second, 1_000);
setInterval(() => status.tick(), 250);
