// The watchlist: one JSON stream of this server, kept as the protocol says, drawn once per frame.
"use strict";

const FIELDS = ["bid_size", "bid_price", "ask_price", "ask_size", "last_price", "last_size", "volume"];
const ROWS_MAX = 200; // what a table without virtual rows draws well
const byId = (id) => document.getElementById(id);

const view = { epoch: null, seq: 0, isWhole: false, instruments: new Map(), venues: new Map() };
let socket = null, wait = 250, dirty = new Set(), rows = new Map(), heard = 0, deltas = 0, skipped = 0, drawing = false;

function say(state, text) {
  document.body.dataset.state = state;
  byId("connection").dataset.state = state;
  byId("connection").textContent = text;
}

function connect() {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const mine = socket = new WebSocket(`${scheme}://${location.host}/v1/stream?interval_ms=100`, "tickwire.v1.json");
  heard = Date.now();
  mine.onopen = () => subscribe(false);
  mine.onmessage = (event) => { if (mine === socket) { heard = Date.now(); take(JSON.parse(event.data)); } };
  mine.onclose = (event) => {
    if (mine !== socket) return;
    const pause = Math.random() * wait;
    wait = Math.min(wait * 2, 30000);
    say("lost", `connection lost (${event.code}${event.reason ? ": " + event.reason : ""}), prices are old`);
    setTimeout(connect, pause);
  };
}

function subscribe(fresh) {
  const symbols = byId("symbols").value.split(",").map((s) => s.trim()).filter(Boolean);
  if (fresh || !symbols.length) forget();
  if (!symbols.length) return;
  const body = { symbols };
  if (view.isWhole) body.resume = { epoch: view.epoch, seq: view.seq };
  socket.send(JSON.stringify({ request_id: 1, subscribe: body }));
}

function forget() {
  view.epoch = null; view.seq = 0; view.isWhole = false; view.instruments.clear(); view.venues.clear();
  rows.clear(); byId("rows").replaceChildren(); dirty.clear();
}

function take(message) {
  const [kind, body] = Object.entries(message)[0] ?? [];
  if (kind === "snapshot") {
    if (!body.resumed && view.epoch !== body.epoch) forget();
    view.epoch = body.epoch;
    apply(body);
    view.seq = body.seq ?? 0;
    view.isWhole = !body.more;
    wait = 250;
    const notes = (body.rejected ?? []).map((r) => `${r.symbol}: ${r.message}`).concat((body.pending ?? []).map((s) => `${s}: not there yet`));
    if (!body.more) byId("note").textContent = notes.join("; ");
  } else if (kind === "delta") {
    if (body.seq <= view.seq) return;
    if ((body.prev_seq ?? body.seq - 1) > view.seq) return subscribe(false);
    apply(body);
    if (!body.more) { view.seq = body.seq; deltas++; skipped += body.skipped ?? 0; }
  } else if (kind === "heartbeat") {
    if ((body.prev_seq ?? 0) > view.seq) return subscribe(false);
    view.seq = Math.max(view.seq, body.seq ?? 0);
  } else if (kind === "error") {
    byId("note").textContent = body.message;
  }
  say("live", "live");
}

function apply(body) {
  for (const id of body.removed ?? []) { view.instruments.delete(id); rows.get(id)?.remove(); rows.delete(id); }
  for (const { id, symbol } of body.instruments ?? []) view.instruments.set(id, { symbol, values: {}, state: "live" });
  for (const ticker of body.tickers ?? []) {
    const known = view.instruments.get(ticker.id);
    if (!known) continue;
    for (const field of ticker.cleared ?? []) delete known.values[field];
    for (const field of FIELDS) if (ticker[field] !== undefined) known.values[field] = ticker[field];
    if (ticker.state) { known.state = ticker.state; known.cause = ticker.cause; }
    dirty.add(ticker.id);
  }
  for (const venue of body.venues ?? []) { view.venues.set(venue.name, venue); view.instruments.forEach((_, id) => dirty.add(id)); }
  if (!drawing) { drawing = true; requestAnimationFrame(draw); }
}

function rowOf(id) {
  let row = rows.get(id);
  if (!row && rows.size < ROWS_MAX) {
    row = document.createElement("tr");
    for (let at = 0; at < FIELDS.length + 2; at++) row.append(document.createElement("td"));
    rows.set(id, row);
    byId("rows").append(row);
  }
  return row;
}

function draw() {
  drawing = false;
  for (const id of dirty) {
    const known = view.instruments.get(id), row = known && rowOf(id);
    if (!row) continue;
    const venue = view.venues.get(known.symbol.split(":")[0]);
    row.cells[0].textContent = known.symbol;
    FIELDS.forEach((field, at) => {
      const cell = row.cells[at + 1], text = known.values[field] ?? "", before = cell.textContent;
      if (text === before) return;
      cell.textContent = text;
      if (before && text) cell.className = Number(text) >= Number(before) ? "up" : "down";
    });
    const live = known.state === "live" && (!venue || venue.state === "up");
    row.cells[FIELDS.length + 1].textContent = live ? "live" : venue && venue.state !== "up" ? `venue ${venue.state}` : [known.state, known.cause].filter(Boolean).join(": ");
    row.className = live ? "" : "stale";
  }
  dirty.clear();
  byId("venues").textContent = [...view.venues.values()].map((v) => `${v.name} ${v.state}${v.reason ? " (" + v.reason + ")" : ""}`).join(", ");
  const more = view.instruments.size > ROWS_MAX ? `, first ${ROWS_MAX} of ${view.instruments.size} shown` : "";
  byId("figures").textContent = `${deltas} deltas, ${skipped} skipped beats${more}`;
}

byId("choose").addEventListener("submit", (event) => {
  event.preventDefault();
  const old = socket;
  socket = null;
  old.close();
  forget();
  connect();
});
// The server speaks at least once a second: silence is a lost connection.
setInterval(() => { if (socket && Date.now() - heard > 5000) socket.close(); }, 1000);
connect();
