// The view: the law over random sequences against a naive model, and single rules.
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkPattern } from "tickwire-client";
import { isSymbol, matches, touchesVenue } from "../../src/dashboard/client/pattern.js";
import { Entry } from "../../src/dashboard/client/fields.js";
import { Breach } from "../../src/dashboard/client/table.js";
import { World } from "./support/model.js";
import { Random } from "./support/random.js";

test("a view that has caught up equals the truth, whatever is lost, cut or conflated", () => {
  for (let seed = 1; seed <= 4_000; seed++) {
    const random = new Random(seed);
    const world = new World(random);
    try {
      for (let steps = 1 + random.below(60); steps > 0; steps--) world.step();
      world.settle();
      assert.deepEqual(world.known(), world.truth());
      assert.equal(world.view.isComplete, world.model.held.size > 0);
      for (const symbol of Object.keys(world.truth())) assert.ok(world.told.changed.has(symbol), `${symbol} was told`);
    } catch (error) {
      error.message += `\nseed ${seed}`;
      throw error;
    }
  }
});

/** A view that holds `a:*`, with one instrument. */
function held() {
  const world = new World(new Random(1));
  world.model.change("a:X", 5, 1);
  world.view.want(["a:*"]);
  world.heartbeat();
  world.answer();
  assert.deepEqual(world.known(), { "a:X": [5n, 0, 1] });
  return world;
}

const delta = (world, more) => ({
  kind: "delta", seq: world.view.seq + 1, prevSeq: undefined, ts: 2n, removed: [], instruments: [], tickers: [], venues: [],
  skipped: 0, more: false, ...more,
});
const announced = (id, symbol, decimals = 0) => ({ id, symbol, priceDecimals: decimals, sizeDecimals: 0, volumeDecimals: 0 });

test("what breaks the protocol is told, and everything is asked for again and whole", () => {
  for (const [more, words] of [
    [{ instruments: [announced(9, "no symbol")] }, /symbol that is none/],
    [{ instruments: [announced(9, "a:Y", 19)] }, /18 decimals/],
    [{ instruments: [announced(1, "a:Y")] }, /another instrument/],
    [{ tickers: [{ id: 77, values: [] }] }, /not announced/],
  ]) {
    const world = held();
    const outcome = world.view.apply(delta(world, more));
    assert.ok(outcome instanceof Breach && words.test(outcome.message), String(outcome));
    assert.equal(world.view.breaches, 1);
    const [request] = world.view.requests(() => 99);
    assert.deepEqual(request, { request_id: 99, subscribe: { symbols: ["a:*"] } });
  }
});

test("a delta from before is ignored, and one with a hole before it is asked for from own seq", () => {
  const world = held();
  const own = world.view.seq;
  assert.equal(world.view.apply(delta(world, { seq: own })), "ignored");
  assert.equal(world.view.apply(delta(world, { seq: own + 9, prevSeq: own + 8 })), "lost");
  assert.equal(world.view.apply(delta(world, { seq: own + 10, prevSeq: own + 9 })), "ignored");
  assert.equal(world.view.seq, own);
  const [{ subscribe }] = world.view.requests(() => 7);
  assert.deepEqual(subscribe, { symbols: ["a:*"], resume: { epoch: "1", seq: own } });
  assert.equal(world.view.losses, 1);
});

test("parts of a delta move own seq with the last, and repeat what was skipped", () => {
  const world = held();
  const own = world.view.seq;
  const part = { seq: own + 5, prevSeq: own, skipped: 3 };
  assert.equal(world.view.apply(delta(world, { ...part, more: true })), "applied");
  assert.equal(world.view.seq, own);
  world.view.apply(delta(world, part));
  assert.deepEqual([world.view.seq, world.view.skipped], [own + 5, 3]);
});

test("a price is live only while the connection stands, the venue is up and the instrument is live", () => {
  const world = held();
  const instrument = world.view.get("a:X");
  const told = (state) => world.view.apply(delta(world, { venues: [{ name: "a", state, since: 0n, reason: "" }] }));
  assert.equal(instrument.isLive, false);
  told(1);
  assert.deepEqual([instrument.isLive, instrument.venueState], [true, "up"]);
  told(9);
  assert.equal(instrument.venueState, "up", "a state that is not known says nothing");
  told(3);
  assert.deepEqual([instrument.isLive, instrument.venueState], [false, "down"]);
  told(1);
  world.view.setSilent(true);
  assert.equal(instrument.isLive, false);
  world.view.setSilent(false);
  assert.equal(instrument.isLive, true);
  world.told.changed.clear();
  world.view.disconnected();
  assert.equal(instrument.isLive, false);
  assert.ok(world.told.changed.has("a:X"), "and that is a change");
});

test("a refused pattern takes nothing away from another string that holds it", () => {
  const world = held();
  const { view } = world;
  view.want(["a:X", "*:X"]);
  const ids = [];
  view.requests(() => ids[ids.push(ids.length + 41) - 1]);
  const answer = { ...delta(world, {}), kind: "snapshot", epoch: 1n, resumed: false, pending: [] };
  const tickers = [Object.assign(new Entry(), { id: 1, values: [7], state: 1 })];
  const rejected = [{ symbol: "*:X", code: 5, message: "too many" }];
  view.apply({ ...answer, requestId: ids[0], rejected, instruments: [announced(1, "a:X")], tickers });
  assert.ok(view.get("a:X"));
  view.want(["a:*X"]);
  view.requests(() => 51);
  view.apply({ ...answer, requestId: 51, rejected: [{ ...rejected[0], symbol: "a:*X" }] });
  assert.ok(view.get("a:X"), "a:* and a:X still hold it");
});

test("after a loss nothing is live until all that was known before is answered to its end", () => {
  const world = held();
  const { view } = world;
  const told = (more) => view.apply(delta(world, { venues: [{ name: "a", state: 1, since: 0n, reason: "" }], ...more }));
  const part = (more) => ({ ...delta(world, {}), kind: "snapshot", epoch: 1n, resumed: true, pending: [], rejected: [], ...more });
  const values = (id) => [Object.assign(new Entry(), { id, values: [7], state: 1 })];
  const live = () => ["a:X", "a:Y"].filter((symbol) => view.get(symbol)?.isLive);
  told({ instruments: [announced(2, "a:Y")], tickers: values(2) });
  assert.deepEqual(live(), ["a:X", "a:Y"]);
  view.want(["b:*"]);
  view.requests(() => 11);
  assert.deepEqual(live(), ["a:X", "a:Y"], "another wish takes nothing from what is held");
  view.disconnected();
  view.apply({ kind: "welcome", epoch: 1n, seq: view.seq });
  assert.deepEqual(live(), [], "greeted, and not answered");
  let id = 20;
  view.requests(() => ++id);
  assert.equal(id, 22, "what was held is resumed, the other asked for whole");
  view.apply(part({ requestId: 21, more: true, tickers: values(1) }));
  assert.deepEqual(live(), [], "a:Y may be among what comes");
  view.apply(part({ requestId: 21, tickers: values(2) }));
  view.apply(part({ requestId: 22, resumed: false }));
  assert.deepEqual(live(), ["a:X", "a:Y"]);
  const { seq } = view;
  view.apply(delta(world, { seq: seq + 2, prevSeq: seq + 1 }));
  assert.deepEqual(live(), [], "a hole: what it held may be newer");
  view.requests(() => 31);
  view.apply(part({ requestId: 31, tickers: values(1) }));
  assert.deepEqual(live(), ["a:X", "a:Y"]);
});

test("symbols and patterns are told from other texts", () => {
  for (const text of ["a:B", "binance:BTCUSDT", "kraken:BTC/USD", "$stats:x", "a:\u00e4", "a:b:c"]) {
    assert.ok(isSymbol(text), text);
    assert.equal(checkPattern(text), text);
  }
  for (const text of ["", "a", ":B", "a:", "A:B", "a:b c", "a:b,c", "a:b?", "a:\u0000", `a:${"x".repeat(64)}`, `${"a".repeat(33)}:B`]) {
    assert.ok(!isSymbol(text), text);
    assert.throws(() => checkPattern(text), TypeError, text);
  }
  for (const text of ["*", "a:*", "a*", "*:X", "$stats:*", "$*"]) assert.equal(checkPattern(text), text);
  for (const text of ["A*", "a b*", "a:*,", `${"a".repeat(33)}*`, 5, null]) assert.throws(() => checkPattern(text), TypeError);
  for (const [text, fault] of [
    ["BTC", 'a symbol: no ":" stands'], [":B", "a symbol: no venue stands"], ["a:", "a symbol: no name stands"], ["A:B", 'a symbol: the venue holds "A"'],
    ["a:b,c", 'a symbol: it holds ","'], ["a:b\u2003c", "a symbol: it holds white space"], [`a:${"é".repeat(40)}`, "a symbol: the name has 80 bytes"],
    [`${"a".repeat(33)}:B`, "a symbol: the venue has 33 letters"], ["A*", 'a pattern: the venue holds "A"'], ["a:*,", 'a pattern: it holds ","'],
    [":*", "a pattern: no venue stands"], [`a:*${"x".repeat(200)}`, "a pattern: it has 203 bytes, 128 are allowed"],
  ]) {
    assert.throws(() => checkPattern(text), ({ message }) => message.includes(`is not ${fault}`) && /allowed/.test(message), text);
  }
  const said = [["a:*", "a:X", true], ["*", "$stats:x", false], ["$*", "$stats:x", true], ["*a*b", "x:aab", true], ["*a*b", "x:ba", false]];
  for (const [pattern, symbol, is] of said) assert.equal(matches(pattern, symbol), is, `${pattern} ${symbol}`);
  const touched = [["a:X", "a", true], ["a*", "ab", true], ["a*", "b", false], ["*X", "a", true], ["*", "$stats", false], ["ab:*", "a", false]];
  for (const [pattern, venue, is] of touched) assert.equal(touchesVenue(pattern, venue), is, `${pattern} ${venue}`);
  const hard = `a:${"*x".repeat(40)}`;
  assert.equal(matches(hard, `a:${"x".repeat(39)}`), false);
});
