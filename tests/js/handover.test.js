// What a callback is told, frame by frame; here a frame is when the test says so.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Handover, Reader } from "../../src/dashboard/client/handover.js";
import { View } from "../../src/dashboard/client/view.js";
import { decode } from "../../src/dashboard/client/wire.js";
import { delta, snapshot } from "./support/fake.js";

/** A view that holds `a:X`, and what the callback was told of it. */
function holding() {
  const world = { isCurrent: false, venues: new Map(), serverNowMs: () => 0 };
  const sink = { changed: (instrument) => handover.changed(instrument), removed: (instrument) => handover.changed(instrument), venue() {} };
  const view = new View(world, sink);
  const handover = new Handover((symbol) => view.get(symbol), () => view.instruments(), () => {});
  const told = [];
  const say = (message) => assert.equal(view.apply(decode("json", JSON.stringify(message))), "applied");
  handover.add(new Reader(["a:X"], (instrument, { kind, names }) => told.push([kind, instrument.bidPrice, ...names])));
  view.want(["a:X"]);
  view.requests(() => 1);
  say(snapshot([[1, "a:X", "1.50"]], { request_id: 1 }));
  const frame = () => (handover.flush(), told.splice(0));
  return { view, say, frame };
}

test("changes between two frames are one, and name the fields that differ", () => {
  const { view, say, frame } = holding();
  assert.deepEqual(frame(), [["added", "1.50", "bidPrice", "decimals", "state", "isLive"]]);
  say(delta(11, [{ id: 1, bid_price: "1.51", ask_price: "1.60" }]));
  say(delta(12, [{ id: 1, bid_price: "1.50", last_price: "1.55" }]));
  say(delta(13, [{ id: 1, ask_price: "1.61" }]));
  assert.deepEqual(frame(), [["changed", "1.50", "askPrice", "lastPrice"]]);
  // A trade counts though its price is the same (rule 12).
  say(delta(14, [{ id: 1, last_price: "1.55", state: "stale", cause: "gap" }]));
  assert.deepEqual(frame(), [["changed", "1.50", "lastPrice", "state", "isLive"]]);
  const instrument = view.get("a:X");
  assert.deepEqual([instrument.state, instrument.cause, instrument.isLive, instrument.updateCount], ["stale", "gap", false, 5]);
  assert.deepEqual(frame(), [], "nothing happened");
  say(delta(15, [], { removed: [1] }));
  assert.deepEqual(frame(), [["removed", "1.50"]]);
  assert.deepEqual([view.size, instrument.isRemoved], [0, true]);
});

test("a snapshot told again changes only what differs, and a grown precision all that it counts", () => {
  const { view, say, frame } = holding();
  frame();
  view.want(["a:X"]);
  view.requests(() => 2);
  say(snapshot([[1, "a:X", "1.50"]], { request_id: 2, seq: 11 }));
  assert.deepEqual(frame(), [["changed", "1.50"]]);
  say(delta(12, [{ id: 1, bid_price: "1.5000", ask_price: "1.6000" }], { instruments: [{ id: 1, symbol: "a:X", price_decimals: 4 }] }));
  assert.deepEqual(frame(), [["changed", "1.5000", "bidPrice", "askPrice", "decimals"]]);
});

test("an instrument that goes and comes back within a frame has changed, and what the new one lacks is named", () => {
  const { say, frame } = holding();
  frame();
  const listed = (id, decimals) => ({ removed: [id - 1], instruments: [{ id, symbol: "a:X", price_decimals: decimals }] });
  say(delta(11, [{ id: 2, ask_price: "7.00" }], listed(2, 2)));
  assert.deepEqual(frame(), [["changed", undefined, "bidPrice", "askPrice", "state", "isLive"]]);
  // Twice in one frame: against what was handed over, not against what nobody saw.
  say(delta(12, [{ id: 3, bid_price: "1.00", state: "live" }], listed(3, 2)));
  say(delta(13, [{ id: 4, ask_price: "7.00" }], listed(4, 2)));
  assert.deepEqual(frame(), [["changed", undefined]]);
  say(delta(14, [{ id: 5, ask_price: "7.000" }], listed(5, 3)));
  assert.deepEqual(frame(), [["changed", undefined, "askPrice", "decimals"]]);
  say(delta(15, [], { removed: [5] }));
  say(delta(16, [{ id: 6, bid_price: "2.00" }], { instruments: [{ id: 6, symbol: "a:X", price_decimals: 2 }] }));
  say(delta(17, [], { removed: [6] }));
  assert.deepEqual(frame().map(([kind]) => kind), ["removed"]);
});

test("a reader without strings, from the start or from some time on, is not kept", () => {
  const handover = new Handover(() => undefined, () => [], () => {});
  const [none, some] = [new Reader([], () => {}), new Reader(["a:X"], () => {})];
  handover.add(none);
  handover.add(some);
  assert.deepEqual([...handover.readers], [some]);
  handover.drop(some, "a:X");
  assert.equal(handover.readers.size, 0);
  handover.end();
});
