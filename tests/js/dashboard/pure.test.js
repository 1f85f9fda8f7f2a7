// What the pages compute without a page.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Client } from "tickwire-client";
import { check } from "../../../src/dashboard/client/options.js";
import { Ages } from "../../../src/dashboard/page/age.js";
import { niceStep, valueTicks } from "../../../src/dashboard/page/axis.js";
import { percentOf, signed } from "../../../src/dashboard/page/decimals.js";
import { Figures } from "../../../src/dashboard/page/figures.js";
import { covers, problemOf, ROWS_MAX, Watchlist } from "../../../src/dashboard/page/list.js";
import { levelOf, PANELS, withoutPhantoms, wordsOf } from "../../../src/dashboard/page/panels.js";
import { held, inOrder, Sorting } from "../../../src/dashboard/page/sorting.js";
import { Trace } from "../../../src/dashboard/page/trace.js";
import { agoOf, emptyWords, figureOf, spanOf, troubleOf } from "../../../src/dashboard/page/words.js";
import { Random } from "../support/random.js";

test("a percentage is rounded half away from zero, and exact beyond what floats hold", () => {
  for (const [part, whole, want] of [
    [1n, 3n, "33.33"], [2n, 3n, "66.67"], [-2n, 3n, "-66.67"], [1n, 8n, "12.50"], [5n, 100_000n, "0.01"], [4n, 100_000n, "0.00"],
    [-5n, 100_000n, "-0.01"], [0n, 7n, "0.00"], [1n, 0n, ""], [5n, -10n, "-50.00"], [9_007_199_254_740_993n, 9_007_199_254_740_993n, "100.00"],
    [10n ** 18n + 10n ** 14n, 10n ** 18n, "100.01"],
  ]) assert.equal(percentOf(part, whole), want, `${part} of ${whole}`);
  assert.deepEqual(["1.5", "-1.5", "0.00", ""].map(signed), ["+1.5", "-1.5", "0.00", ""]);
});

test("a pattern covers what the server's own rule covers", () => {
  for (const [pattern, symbol, want] of [
    ["*", "a:B", true], ["a:*", "a:B", true], ["a:*", "b:B", false], ["*:*USDT", "binance:BTCUSDT", true], ["a:*x*y", "a:1x2y", true],
    ["a:*x*y", "a:y1x", false], ["a:B*B", "a:B", false], ["*", "$stats:beats", false], ["$stats:*", "$stats:beats", true], ["a:B", "a:B", true],
  ]) assert.equal(covers(pattern, symbol), want, `${pattern} ${symbol}`);
});

test("what can never be a symbol has a problem, what can has none", () => {
  for (const good of ["binance:BTCUSDT", "kraken:BTC/USD", "$stats:cpu_percent", "*", "a:<img>", `a:${"x".repeat(63)}`]) assert.equal(problemOf(good), "", good);
  for (const bad of ["", "BTC", "Binance:X", "a:", "a:b c", "a:b,c", "a:b?", `a:${"x".repeat(64)}`, "* *"]) assert.notEqual(problemOf(bad), "", bad);
  for (const bad of ["BINANCE:*", "a_b:*", `a:${"é".repeat(40)}`, `a:${"é".repeat(64)}*`, "a:\ud800"]) assert.notEqual(problemOf(bad), "", bad);
});

test("what a list takes in a client takes too, whatever was typed or remembered", () => {
  const random = new Random(7);
  const client = new Client(check("http://127.0.0.1:1", { WebSocket: class { send() {} close() {} } }));
  const letters = [..."abAZ09-_$:::***", "é", "€", "😀", " ", ",", "?", "\u0000", "\ud800", "\u2003"];
  let taken = 0;
  for (let time = 0; time < 20_000; time++) {
    const text = Array.from({ length: random.below(random.chance(0.1) ? 140 : 7) }, () => random.pick(letters)).join("");
    const isTaken = new Watchlist(null).add(text) === "";
    if (isTaken) taken++;
    const list = new Watchlist({ entries: [text, "a:B"], order: [text], without: [text] });
    assert.equal(list.entries.includes(text), isTaken || text === "a:B", JSON.stringify(text));
    if (isTaken) assert.doesNotThrow(() => client.subscribe(list.entries).unsubscribe(), JSON.stringify(text));
    else assert.throws(() => client.subscribe(text), TypeError, JSON.stringify(text));
  }
  client.close();
  assert.ok(taken > 200 && taken < 19_800, `${taken} were taken`);
});

test("a list keeps its order, leaves out what was taken away, and survives being written down", () => {
  let list = new Watchlist(null);
  for (const entry of ["a:1", "b:*", "a:2"]) assert.equal(list.add(entry), "");
  for (const symbol of ["b:1", "b:2", "b:3"]) assert.ok(list.take(symbol));
  assert.ok(!list.take("c:1"));
  list.move("b:3", 0);
  list.remove("b:1");
  list = new Watchlist(JSON.parse(JSON.stringify(list)));
  assert.deepEqual(list.order, ["b:3", "a:1", "a:2", "b:2"]);
  assert.ok(!list.take("b:1"), "it was taken away, and its pattern does not bring it back");
  assert.equal(list.add("b:1"), "");
  list.removePattern("b:*");
  assert.deepEqual(list.order, ["a:1", "a:2", "b:1"]);
  list.remove("a:1");
  assert.deepEqual(list.entries, ["a:2", "b:1"]);
});

test("a list has an end, however much a pattern brings", () => {
  const list = new Watchlist(null);
  list.add("a:*");
  for (let at = 0; at < ROWS_MAX + 10; at++) list.take(`a:${at}`);
  assert.equal(list.order.length, ROWS_MAX);
});

const instrument = (mantissas, price = 2, isLive = true) => ({ isLive, decimals: { price }, mantissa: (name) => mantissas[name] });

test("a trace keeps exact values in a ring, gaps as gaps, and rescales when decimals grow", () => {
  const trace = new Trace(3);
  const big = 9_007_199_254_740_993n;
  trace.push(1, instrument({ lastPrice: 100n }));
  trace.push(2, instrument({ lastPrice: big }));
  trace.push(3, instrument({ lastPrice: 5n }, 2, false));
  assert.deepEqual([0, 1, 2].map((at) => trace.value("last", at)), [100n, big, null]);
  trace.push(4, instrument({ lastPrice: 1_001n, bidPrice: 7n }, 3));
  assert.deepEqual([0, 1, 2].map((at) => trace.value("last", at)), [big * 10n, null, 1_001n]);
  assert.deepEqual([trace.value("bid", 1), trace.value("bid", 2), trace.decimals], [null, 7n, 3]);
  assert.deepEqual([trace.since(0), trace.since(3), trace.since(9)], [0, 1, 3]);
  trace.push(5, undefined);
  assert.equal(trace.value("last", 2), null);
});

test("a trace goes on over another timeline, with a break, also where prices have fewer decimals then", () => {
  const trace = new Trace(3);
  trace.cut();
  trace.push(1, instrument({ lastPrice: 1_005n }, 3));
  trace.cut();
  trace.push(2, instrument({ lastPrice: 7n }, 1));
  trace.push(3, instrument({ lastPrice: 9_223_372_036_854_775n }, 0));
  assert.deepEqual([0, 1, 2].map((at) => [trace.value("last", at), trace.isBreak(at)]), [[1_005n, false], [700n, true], [9_223_372_036_854_775_000n, false]]);
  trace.push(4, instrument({ lastPrice: 1n }, 4));
  assert.deepEqual([0, 1, 2].map((at) => trace.value("last", at)), [7_000n, null, 1n], "what fits no more is a gap, and no other value");
  assert.deepEqual([0, 1, 2].map((at) => trace.isBreak(at)), [true, false, false]);
});

test("rows are sorted up, down and not at all; what has no value is last, what is alike keeps its place", () => {
  const sorting = new Sorting();
  const keys = { a: 2n, b: undefined, c: 90_071_992_547_409_930n, d: 2n, e: 90_071_992_547_409_925n };
  const order = () => sorting.order(Object.keys(keys), (symbol) => keys[symbol]).join("");
  const seen = ["last", "last", "last", "bid", "last"].map((key) => {
    sorting.press(key);
    return [sorting.of("last"), order()];
  });
  assert.deepEqual(seen, [["ascending", "adecb"], ["descending", "ceadb"], ["none", "abcde"], ["none", "adecb"], ["ascending", "adecb"]]);
  assert.deepEqual(held(["c", "x", "a"], ["a", "b", "c"]), ["c", "a", "b"], "what is new stands behind what stays");
});

test("as few rows as can be are moved", () => {
  const random = new Random(3);
  /** By trying all. */
  const longest = (places) => {
    let best = 0;
    for (let chosen = 0; chosen < 1 << places.length; chosen++) {
      const some = places.filter((_, at) => chosen & (1 << at));
      if (some.length > best && some.every((place, at) => at === 0 || some[at - 1] < place)) best = some.length;
    }
    return best;
  };
  for (let time = 0; time < 300; time++) {
    const places = Array.from({ length: random.below(9) }, (_, at) => at).sort(() => random.below(3) - 1);
    const stay = inOrder(places);
    const kept = places.filter((place) => stay.has(place));
    assert.deepEqual(kept, kept.toSorted((a, b) => a - b), `${places}`);
    assert.equal(kept.length, longest(places), `${places}`);
  }
});

test("a venue without a state that never brought anything is none, and every plot says what it is", () => {
  const names = ["beat_p50_us", "venue.push.gaps_per_s", "venue.push.updates_per_s", "venue.v.state", "venue.v.updates_per_s", "venue.w.updates_per_s"];
  assert.deepEqual(withoutPhantoms(names, (name) => name === "venue.w.updates_per_s"), [names[0], ...names.slice(3)]);
  for (const panel of PANELS) assert.ok(panel.help.length > 20 && wordsOf(panel).startsWith(panel.help), panel.title);
  const queue = PANELS.find(({ title }) => /^Lag in the server/.test(title));
  assert.match(wordsOf(queue), /Limits of queue: warning from 20 ms, bad from 100 ms\.$/);
  assert.deepEqual([19, 20, 100].map((value) => levelOf(queue, "hop.queue_p99_us", value)), ["", "warn", "bad"]);
});

test("an empty list says why", () => {
  const words = (patterns, more = {}) => emptyWords(patterns, { isChosen: true, isAsking: false, hasWithout: false, isReplay: false, notes: new Map(), ...more });
  assert.match(words([]), /The list is empty/);
  assert.match(words([], { isChosen: false }), /no symbols yet\.$/);
  assert.match(words([], { isChosen: false, isReplay: true }), /begins once you add/);
  assert.match(words(["a:*", "b:*"]), /^Nothing matches a:\*, b:\* yet/);
  assert.match(words(["a:*"], { isAsking: true }), /^Asking the server/);
  assert.match(words(["a:*"], { hasWithout: true }), /^Nothing else matches/);
  assert.equal(words(["a:*"], { notes: new Map([["a:*", "too many"]]) }), "The server refused a:*: too many");
});

test("figures that were not collected for a while have a gap", () => {
  const figures = new Figures();
  figures.push(1_000, new Map([["a", 1]]));
  figures.push(2_000, new Map([["a", 2], ["b", 5]]));
  figures.push(60_000, new Map([["a", 3]]));
  assert.deepEqual(Array.from({ length: figures.length }, (_, at) => figures.value("a", at)), [1, 2, NaN, 3]);
  assert.deepEqual([figures.value("b", 0), figures.value("b", 1), figures.value("none", 0)], [NaN, 5, NaN]);
  assert.deepEqual([figures.until(0), figures.until(2_000), figures.until(1e9)], [-1, 1, 3]);
});

test("a figure of which nothing is known for a quarter of an hour is forgotten, and no sooner", () => {
  const figures = new Figures();
  figures.push(0, new Map([["gone", 1], ["stays", 1], ["never", NaN]]));
  assert.deepEqual([...figures.values.keys()], ["gone", "stays"]);
  for (let second = 1; second < 900; second++) figures.push(second * 1_000, new Map([["stays", second]]));
  assert.deepEqual([...figures.values.keys()], ["gone", "stays"]);
  figures.push(900_000, new Map([["stays", 900], ["new", 1]]));
  assert.deepEqual([...figures.values.keys()], ["stays", "new"]);
});

test("axes have round values, never more than asked for", () => {
  assert.deepEqual([0.7, 1, 1.2, 3, 7, 99].map(niceStep), [1, 1, 2, 5, 10, 100]);
  assert.deepEqual(valueTicks(3, 27, 5, true), [5, 10, 15, 20, 25]);
  assert.deepEqual(valueTicks(10.2, 10.9, 5, true), [], "between two whole values there is none");
});

test("states and times are said in words", () => {
  const up = { name: "v", state: "up", reason: "" };
  for (const [instrument, venue, want] of [
    [{ state: "live", isLive: true }, up, ""], [{ state: "live", isLive: false }, up, "waiting for the server"],
    [{ state: "stale", cause: "gap" }, up, "stale: updates were lost"], [{ state: "halted" }, up, "halted"],
    [{ state: "live" }, { name: "v", state: "down", reason: "refused" }, "down: refused"], [{ state: undefined }, up, "state not told"],
  ]) assert.equal(troubleOf(instrument, venue), want);
  assert.deepEqual([0, 1_999, 2_000, 61_000, 7_200_000, 3e8].map(agoOf), ["now", "now", "2 s", "1 min", "2 h", "3 d"]);
  assert.deepEqual([0.0854, 3.21, 250, 12_340, -4, undefined].map(spanOf), ["85 µs", "3.2 ms", "250 ms", "12.3 s", "-4.0 ms", "–"]);
  assert.deepEqual([0, 0.123, 5, 56.78, 1_234.5, NaN].map(figureOf), ["0", "0.12", "5", "56.8", "1,235", "–"]);
});

test("an age is the value's own: by the venue's stamp, else by the server's, and a snapshot's is at least so long", () => {
  const ages = new Ages();
  const of = (instrument) => ages.of(instrument).text;
  const stamped = { tsMs: 10_000, eventAgeMs: 60_000, tsEventMs: -50_000, ageMs: 3_000 };
  // The newest entry had no stamp; the one before it had.
  const later = { ...stamped, tsMs: 11_000 };
  const unstamped = { tsMs: 10_000, ageMs: 5_000 };
  assert.deepEqual([stamped, later, unstamped].map(of), ["3 s", "3 s", "5 s"], "what is replayed is not known yet");
  ages.isReplay = false;
  assert.deepEqual([stamped, later, unstamped].map(of), ["1 min", "3 s", "5 s"]);
  ages.settle([stamped, unstamped]);
  assert.deepEqual([stamped, unstamped, { ...unstamped }].map(of), ["1 min", "≥ 5 s", "5 s"]);
  unstamped.ageMs = 10;
  assert.equal(of(unstamped), "", "it was there before, and nobody knows since when");
  Object.assign(unstamped, { tsMs: 20_000 });
  assert.equal(of(unstamped), "now");
  ages.isReplay = true;
  assert.equal(of(stamped), "≥ 3 s", "a recording's stamps are of another time");
});

test("stamps of a day ago and more are a recording's, unless their venue has told one of now", () => {
  const ages = new Ages();
  ages.isReplay = false;
  const day = 86_400_000;
  const stamped = (ageMs, more = {}) => ({ venue: "v", tsMs: 10_000, eventAgeMs: ageMs, tsEventMs: 10_000 - ageMs, ageMs: 3_000, ...more });
  const old = stamped(300 * day);
  ages.see(old);
  assert.deepEqual(ages.of(old), { text: "3 s", title: "Since it was replayed" });
  assert.deepEqual(ages.of(stamped(day / 2)).text, "12 h", "what is delayed is so");
  assert.deepEqual([ages.isOfNow(old, 300 * day), ages.isOfNow(old, 50)], [false, true]);
  const first = stamped(50);
  ages.settle([first]);
  ages.see(first);
  assert.equal(ages.of(old).text, "3 s", "a snapshot tells nothing of the venue's clock");
  ages.see(stamped(50));
  assert.deepEqual([old, stamped(3 * day), { ...old, venue: "w" }].map((instrument) => ages.of(instrument).text), ["300 d", "3 d", "3 s"]);
});

test("of what is replayed an age is the time since it was replayed, on either clock", () => {
  let now = 1_000_000;
  const ages = new Ages(() => now);
  ages.isReplay = true;
  const replayed = { tsMs: 10_000, eventAgeMs: 9e9, tsEventMs: 10_000 - 9e9, ageMs: 3_000 };
  assert.deepEqual(ages.of(replayed), { text: "3 s", title: "Since it was replayed" });
  ages.isTape = true;
  assert.equal(ages.of(replayed).text, "now", "the server's stamp is the tape's: the page has only now seen it");
  now += 7_000;
  assert.deepEqual([ages.of(replayed).text, ages.stepOf(replayed)], ["7 s", 7]);
  replayed.tsMs++;
  assert.equal(ages.of(replayed).text, "now");
  ages.settle([replayed]);
  now += 5_000;
  assert.equal(ages.of(replayed).text, "≥ 5 s");
});

/** The share of light, by WCAG 2's formula. */
function lightOf(colour) {
  const [r, g, b] = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

test("in both themes text has a contrast of 4.5 on all that it stands on, and edges one of 3", () => {
  const sheet = readFileSync(new URL("../../../src/dashboard/page/look.css", import.meta.url), "utf8");
  const blocks = [...sheet.matchAll(/:root[^{]*\{([^}]*--ground[^}]*)\}/g)].map(([, block]) => block);
  assert.equal(blocks.length, 3, "light, dark by the system, dark by choice");
  assert.equal(blocks[1].match(/--ground.*/s)[0].replace(/\s/g, ""), blocks[2].match(/--ground.*/s)[0].replace(/\s/g, ""), "dark is dark");
  const pairs = [
    ...["text", "dim", "up", "down", "warn"].flatMap((ink) => ["surface", "hover"].map((paper) => [ink, paper, 4.5])),
    ["text", "ground", 4.5], ["dim", "ground", 4.5], ["up", "up-ground", 4.5], ["down", "down-ground", 4.5], ["text", "warn-ground", 4.5],
    ["text", "bad-ground", 4.5], ["surface", "accent", 4.5], ["edge", "surface", 3], ["edge", "ground", 3],
  ];
  for (const block of blocks) {
    const colours = Object.fromEntries([...block.matchAll(/--([a-z0-9-]+): (#[0-9a-f]{6})/g)].map(([, name, colour]) => [name, colour]));
    for (const [ink, paper, least] of pairs) {
      const [bright, dark] = [colours[ink], colours[paper]].map(lightOf).sort((a, b) => b - a);
      const contrast = (bright + 0.05) / (dark + 0.05);
      assert.ok(contrast >= least, `${ink} ${colours[ink]} on ${paper} ${colours[paper]}: ${contrast.toFixed(2)}`);
    }
  }
});
