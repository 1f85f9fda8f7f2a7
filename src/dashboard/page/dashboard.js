// The watchlist page: one connection, the list, the rows, the detail; all wires of the page are on this screen.

import { connect } from "/client.js";
import { Ages } from "./age.js";
import { COLUMNS } from "./columns.js";
import { Detail } from "./detail.js";
import { makeSortable } from "./drag.js";
import { GridKeys } from "./grid.js";
import { covers, isPattern, problemOf, ROWS_MAX, Watchlist } from "./list.js";
import { chooseTheme, onTheme } from "./palette.js";
import { ReplayBar } from "./replay.js";
import { Rows } from "./rows.js";
import { Search } from "./search.js";
import { bindKeys, bindSettings } from "./settings.js";
import { admitted, credentials, lookAtEnd } from "./signin.js";
import { announce, notice, Status } from "./status.js";
import { load, save } from "./storage.js";
import { symbolsOfServer } from "./symbols.js";

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
/** What the chips of the patterns say. */
let chips = "";
/** Requests whose answer is not complete. */
let unanswered = 0;
const subscriptions = new Map();
/** Why a row has no values, by symbol. */
const notes = new Map();

const look = (symbol) => {
  const instrument = client.get(symbol);
  if (instrument) return { instrument, venue: client.venues.get(instrument.venue), note: "" };
  const note = client.pending.has(symbol) ? "the server has no such symbol yet" : (notes.get(symbol) ?? "waiting");
  return { instrument: undefined, venue: undefined, note };
};

const ages = new Ages();
const rows = new Rows(byId("rows"), look, ages);
const status = new Status();
const replay = new ReplayBar((isReplay) => { ages.isReplay = isReplay; });
const detail = new Detail(look, ages, (symbol) => rows.traces.get(symbol), settings.spanMs, (spanMs) => {
  settings.spanMs = spanMs;
  remember();
});
const grid = new GridKeys(byId("rows"), { open, remove, move, leave: () => search.input.focus() });

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
  if (change.kind === "removed") notes.set(symbol, "not there any more");
  else notes.delete(symbol);
  if (change.kind === "changed") rows.touch(symbol, change.names);
  else rows.renew(symbol);
  detail.touch(symbol);
}

/** After everything of a frame was handed over. */
function onFrame() {
  if (client.stats.epoch !== epoch) {
    epoch = client.stats.epoch;
    rows.forget();
    detail.forget();
  }
  if (isMoved) show();
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
  notes.set(symbol, message);
  if (!isPattern(symbol)) return rows.renew(symbol);
  notice(`${symbol}: ${message}`);
  showPatterns();
}

/** Connects; a connection that is there is given up for one of other settings. */
function start() {
  client?.close();
  subscriptions.clear();
  notes.clear();
  client = connect(undefined, { ...credentials(), encoding: settings.encoding, intervalMs: settings.intervalMs });
  client.addEventListener("state", onState);
  client.addEventListener("frame", onFrame);
  client.addEventListener("error", onError);
  client.addEventListener("snapshot", () => {
    ages.settle(client);
    rows.touchStates();
  });
  client.addEventListener("venue", () => {
    status.venues(client.venues);
    rows.touchStates();
  });
  status.forget();
  status.show(client.state);
  rows.forget();
  want(list.entries);
}

/** Asks for entries that nobody has asked for yet, all with one request. */
function want(entries) {
  const asked = entries.filter((entry) => !subscriptions.has(entry));
  if (asked.length === 0) return;
  let subscription;
  try {
    subscription = client.subscribe(asked, onChange);
  } catch (error) {
    // One that cannot be asked for takes no other with it.
    if (asked.length > 1) return asked.forEach((entry) => want([entry]));
    return leaveOut(asked[0], error.message);
  }
  for (const entry of asked) subscriptions.set(entry, subscription);
  unanswered++;
  subscription.answer.then(answered, (error) => error.code === "closed" || notice(error.message)).finally(() => unanswered--);
}

/** Once all that was asked for has come, what a pattern brought once and brings no more is no row. That alone is not remembered. */
function answered({ rejected }) {
  rows.touchStates();
  if (unanswered > 1) return;
  // An answer that refuses something says nothing of what the others bring.
  const granted = rejected.length === 0 ? [] : list.patterns.filter((pattern) => !notes.has(pattern));
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

function unwant(entry) {
  client.unsubscribe(entry, onChange);
  subscriptions.delete(entry);
  notes.delete(entry);
}

/** Draws list, patterns and count as they are. */
function show() {
  isMoved = false;
  rows.show(list.order);
  grid.settle();
  const count = list.order.length;
  byId("count").textContent = count === 1 ? "1 row" : `${count} rows`;
  byId("list").setAttribute("aria-rowcount", String(count + 1));
  if (count >= ROWS_MAX) notice(`${ROWS_MAX} rows are shown; a narrower pattern shows others`);
  byId("empty").hidden = count > 0;
  byId("empty").textContent = isChosen ? "The list is empty. Press / and add a symbol, or a pattern such as *:*." : "The server has no symbols yet.";
  showPatterns();
}

/** Chips stay as long as they say the same: somebody may be on one. */
function showPatterns() {
  const said = JSON.stringify(list.patterns.map((pattern) => [pattern, notes.get(pattern)]));
  if (said === chips) return;
  chips = said;
  byId("patterns").replaceChildren(...list.patterns.map(chipOf));
}

function chipOf(pattern) {
  const [chip, name, button] = ["li", "span", "button"].map((tag) => document.createElement(tag));
  name.textContent = pattern;
  const problem = notes.get(pattern);
  if (problem) {
    chip.dataset.state = "refused";
    chip.title = problem;
    name.textContent = `${pattern} refused`;
  }
  button.type = "button";
  button.textContent = "×";
  button.setAttribute("aria-label", `Remove the pattern ${pattern}`);
  button.addEventListener("click", () => {
    change(() => {
      list.removePattern(pattern);
      unwant(pattern);
    });
    announce(`${pattern} removed`);
    search.input.focus();
  });
  chip.append(name, button);
  return chip;
}

/** What a person does to the list is remembered. */
function change(how) {
  isChosen = true;
  how();
  show();
  remember();
  if (detail.symbol !== null && !list.known.has(detail.symbol)) detail.close();
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
    if (notes.has(entry)) unwant(entry);
    want([entry]);
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
    if (wasAsked) unwant(symbol);
  });
  announce(`${symbol} removed`);
}

function move(symbol, to) {
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
  for (const entry of subscriptions.keys()) unwant(entry);
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
  want(list.entries);
  show();
}

function second() {
  rows.tick(Date.now());
  // Not by their events alone: a venue of which nothing is asked any more goes without a word.
  status.venues(client.venues);
  status.figures(client.stats);
  detail.refresh();
}

function makeHeads() {
  const heads = [["handle", ""], ["symbol", "Symbol"], ["spark", "5 min"], ...COLUMNS.map(({ key, label }) => [key, label]), ["age", "Age"], ["removes", ""]];
  for (const [key, label] of heads) {
    const head = document.createElement("div");
    head.className = `cell ${key}`;
    head.setAttribute("role", "columnheader");
    head.textContent = label;
    if (key === "handle") head.setAttribute("aria-hidden", "true");
    if (key === "removes") head.setAttribute("aria-label", "Remove");
    byId("heads").append(head);
  }
}

makeHeads();
makeSortable(byId("rows"), move);
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
