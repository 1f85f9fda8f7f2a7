// The client's manners: what it asks, what it hands over, and when it comes back. The server is one that a test plays.
import assert from "node:assert/strict";
import { after, afterEach, test } from "node:test";
import { TickwireError } from "tickwire-client";
import { WebSocket } from "ws";
import { Retry } from "../../src/dashboard/client/retry.js";
import { FakeServer, delta, snapshot } from "./support/fake.js";
import { eventually } from "./support/server.js";
import { closeAll, open, until } from "./support/follow.js";

const server = await FakeServer.start();
after(() => server.close());
afterEach(closeAll);

/** A client that talks JSON, and its first connection. */
async function pair(options = {}) {
  const client = open(server.url, { encoding: "json", ...options });
  const peer = await server.next();
  return { client, peer };
}

/** The same, welcomed, and holding `a:X`, its changes noted. */
async function holding() {
  const { client, peer } = await pair();
  const told = [];
  const note = (instrument, change) => told.push([change.kind, instrument.symbol, instrument.bidPrice, ...change.names]);
  client.subscribe("a:X", note);
  await peer.welcome();
  await peer.answer([[1, "a:X", "1.50"]]);
  await frame(client, 10);
  return { client, peer, told };
}

/** The handover of everything up to a seq. */
const frame = (client, seq = 0) => until(client, "frame", `a handover of ${seq}`, (detail) => detail.seq >= seq);
const state = (client, word) => until(client, "state", word, (detail) => detail.state === word);

test("several callbacks of a symbol share one subscription of the server", async () => {
  const { client, peer, told } = await holding();
  told.length = 0;
  const others = [];
  const exact = client.subscribe(["a:X"], (instrument, change) => others.push(["exact", change.kind, instrument.symbol]));
  assert.deepEqual(await exact.answer, { pending: [], rejected: [] });
  await eventually("it is handed over", () => others.length > 0);
  assert.deepEqual(others.splice(0), [["exact", "added", "a:X"]]);
  assert.equal(peer.waiting, 0, "the server is not asked again");
  const pattern = client.subscribe("a:*", (instrument, change) => others.push(["pattern", change.kind, instrument.symbol]));
  await peer.answer([[1, "a:X", "1.50"]], { seq: 11 });
  await pattern.answer;
  peer.say(delta(12, [{ id: 1, bid_price: "1.70" }, { id: 2, bid_price: "2.00" }], { instruments: [{ id: 2, symbol: "a:Y", price_decimals: 2 }] }));
  await until(client, "frame", "both", () => client.size === 2 && others.some(([, , symbol]) => symbol === "a:Y"));
  assert.deepEqual(others.splice(0).filter(([word]) => word === "pattern").at(-1), ["pattern", "added", "a:Y"]);
  assert.equal(told.at(-1)[2], "1.70");
  exact.unsubscribe();
  client.unsubscribe("a:X");
  const { unsubscribe, request_id } = await peer.next();
  assert.deepEqual(unsubscribe, { symbols: ["a:X"] });
  peer.say({ ack: { request_id } });
  told.length = 0;
  peer.say(delta(13, [{ id: 1, bid_price: "1.80" }]));
  await frame(client, 13);
  assert.deepEqual([told, others.splice(0)], [[], [["pattern", "changed", "a:X"]]], "the pattern still covers it");
});

test("pending symbols, refused ones and refused requests are answered", async () => {
  const { client, peer } = await pair();
  const errors = [];
  client.addEventListener("error", ({ detail }) => errors.push(detail));
  await peer.welcome();
  const subscription = client.subscribe(["a:X", "a:Later", "nowhere:X"]);
  const rejected = [{ symbol: "nowhere:X", code: "forbidden", message: "not yours" }];
  await peer.answer([[1, "a:X", "1.50"]], { pending: ["a:Later"], rejected });
  assert.deepEqual(await subscription.answer, { pending: ["a:Later"], rejected });
  assert.deepEqual([...client.pending], ["a:Later"]);
  peer.say(delta(11, [{ id: 2, bid_price: "2.00" }], { instruments: [{ id: 2, symbol: "a:Later", price_decimals: 2 }] }));
  await frame(client, 11);
  assert.equal(client.pending.size, 0);
  const refused = client.subscribe("b:*");
  const { request_id } = await peer.next();
  peer.say({ error: { request_id, code: "too_many_symbols", message: "at most 100" } });
  await assert.rejects(refused.answer, (error) => error instanceof TickwireError && error.code === "too_many_symbols");
  assert.deepEqual(errors.map(({ code }) => code), ["forbidden", "too_many_symbols"]);
  assert.equal(client.size, 2, "the others stand");
});

test("nothing asked for is answered at once", async () => {
  const { client } = await pair();
  assert.deepEqual(await client.subscribe([]).answer, { pending: [], rejected: [] });
});

test("a WebSocket that cannot be made is a loss like any other, and a program's mistake at the start", async () => {
  let made = 0;
  const Odd = function (...given) {
    if (++made === 2) throw new Error("no more sockets");
    return new WebSocket(...given);
  };
  const { client, peer } = await pair({ WebSocket: Odd });
  const lost = [];
  client.addEventListener("state", ({ detail }) => { if (detail.state === "lost") lost.push(detail.reason); });
  peer.socket.terminate();
  await (await server.next()).welcome();
  assert.deepEqual(lost, ["no connection", "no connection: no more sockets"]);
  assert.throws(() => open(server.url, { WebSocket: function () { throw new Error("none"); } }), /none/);
});

test("what could never be is refused at once, with what is allowed", async () => {
  for (const [url, options, words] of [
    ["ftp://h", {}, /http, https, ws and wss/],
    ["h:7070", {}, /http:\/\/127/],
    [undefined, {}, /http:\/\/127|allowed/],
    [server.url, { encoding: "xml" }, /protobuf, msgpack, json/],
    [server.url, { compression: "gzip" }, /none, deflate/],
    [server.url, { intervalMs: 5 }, /10 to 60000/],
    [server.url, { window: 5_000 }, /0 to 1024/],
    [server.url, { interval: 5 }, /no option "interval"/],
    [server.url, { WebSocket: undefined }, /WebSocket/],
  ]) {
    if ("WebSocket" in options && globalThis.WebSocket) continue;
    assert.throws(() => open(url, options), (error) => error instanceof TypeError && words.test(error.message), String(words));
  }
  const { client } = await pair();
  assert.throws(() => client.subscribe("no symbol"), TypeError);
  assert.throws(() => client.configure({ intervalMs: 1 }), TypeError);
  client.close();
  await assert.rejects(client.subscribe("a:X").answer, (error) => error.code === "closed");
  await assert.rejects(client.configure({}), (error) => error.code === "closed");
});

test("options travel in the URL, the handshake and the first messages", async () => {
  const client = open(`${server.url}/feed/?x=1`, { encoding: "msgpack", compression: "deflate", intervalMs: 250, window: 8, token: "secret" });
  const peer = await server.next();
  assert.equal(peer.request.url, "/feed/v1/stream?x=1&compression=deflate&interval_ms=250");
  assert.equal(peer.socket.protocol, "tickwire.v1.msgpack");
  assert.deepEqual((await peer.next()).authenticate, { token: "secret" });
});

test("pace and window change while connected, and hold for the next connection", async () => {
  const { client, peer } = await holding();
  const granted = client.configure({ intervalMs: 505, window: 4 });
  const { request_id, configure } = await peer.next();
  assert.deepEqual(configure, { interval_ms: 505, window: 4 });
  peer.say({ ack: { request_id, interval_ms: 510, window: 4 } });
  assert.deepEqual(await granted, { intervalMs: 510, window: 4 });
  peer.socket.terminate();
  const next = await server.next();
  assert.match(next.request.url, /interval_ms=505/);
  next.say({ welcome: { heartbeat_ms: 1000, epoch: "7", interval_ms: 510 } });
  assert.deepEqual((await next.next()).configure, { interval_ms: 505, window: 4 });
});

test("deltas are confirmed when the page has them, once for all of a frame", async () => {
  const { client, peer } = await holding();
  for (let seq = 11; seq <= 30; seq++) peer.say(delta(seq, [{ id: 1, bid_price: "1.60" }]));
  await eventually("the last is confirmed", () => peer.received.at(-1) === 30);
  assert.ok(peer.received.length < 10, `${peer.received} for 20 deltas`);
});

test("an answer that repairs a loss is confirmed, for the deltas that were lost", async () => {
  const { peer } = await holding();
  await eventually("the first answer is confirmed", () => peer.received.at(-1) === 10);
  // 11 is lost, and the window is shut now: no delta comes any more.
  peer.say(delta(12, [{ id: 1, bid_price: "1.60" }]));
  const { request_id } = await peer.next();
  peer.say({ snapshot: { epoch: "7", seq: 12, ts: "0", request_id, resumed: true } });
  await eventually("the repair is confirmed", () => peer.received.at(-1) === 12);
  assert.deepEqual(peer.received, [10, 12], "each once");
});

test("messages behind one that is being inflated wait for it", async () => {
  const { client, peer } = await holding();
  for (let seq = 11; seq < 111; seq++) {
    const message = delta(seq, [{ id: 1, bid_price: `${seq}.00` }]);
    if (seq % 3 === 0) peer.sayDeflated(message);
    else peer.say(message);
  }
  await until(client, "frame", "all", ({ seq }) => seq === 110);
  assert.deepEqual([client.get("a:X").bidPrice, client.stats.losses], ["110.00", 0]);
});

test("after a loss the client comes back and asks for what changed since, and after a hole for the same", async () => {
  const { client, peer, told } = await holding();
  told.length = 0;
  let resyncs = 0;
  client.addEventListener("resync", () => resyncs++);
  peer.say(delta(15, [{ id: 1, bid_price: "9.99" }]));
  const again = await peer.next();
  assert.deepEqual(again.subscribe, { symbols: ["a:X"], resume: { epoch: "7", seq: 10 } });
  peer.say({ snapshot: { epoch: "7", seq: 15, ts: "0", request_id: again.request_id, resumed: true, tickers: [{ id: 1, bid_price: "9.99", update_count: 9 }] } });
  await frame(client, 15);
  assert.deepEqual([client.get("a:X").bidPrice, client.get("a:X").updateCount, resyncs], ["9.99", 9, 1]);
  const lost = state(client, "lost");
  peer.socket.terminate();
  const { retryInMs } = await lost;
  assert.ok(retryInMs >= 0 && retryInMs <= 250, `${retryInMs} ms`);
  assert.deepEqual([client.get("a:X").bidPrice, client.get("a:X").isLive], ["9.99", false], "known, but not live");
  const next = await server.next();
  await next.welcome();
  assert.deepEqual((await next.next()).subscribe, { symbols: ["a:X"], resume: { epoch: "7", seq: 15 } });
});

test("a new epoch told unasked replaces everything, under the callback's eyes", async () => {
  const { client, peer, told } = await holding();
  told.length = 0;
  peer.say(snapshot([[5, "a:X", "3.00"]], { epoch: "8", seq: 11, request_id: 0 }));
  await frame(client, 11);
  assert.deepEqual([client.get("a:X").bidPrice, client.stats.epoch, client.size], ["3.00", "8", 1]);
  assert.deepEqual(told.splice(0), [["changed", "a:X", "3.00", "bidPrice"]]);
  const { snapshot: bare } = snapshot([[9, "a:X", undefined]], { epoch: "9", seq: 12, request_id: 0 });
  peer.say({ snapshot: { ...bare, tickers: [], venues: [] } });
  await frame(client, 12);
  assert.deepEqual(told, [["changed", "a:X", undefined, "bidPrice", "state", "isLive"]]);
  assert.equal(client.stats.breaches, 0);
});

test("close codes that say so end it, others do not, and a goaway's delay is kept", async () => {
  for (const code of [4505, 4507, 4500, 4502, 4501, 1009]) {
    const { client, peer } = await pair();
    const waiting = client.subscribe("a:X").answer;
    const closed = state(client, "closed");
    peer.socket.close(code, "in words");
    const detail = await closed;
    assert.deepEqual([detail.code, detail.reason], [code, `closed with code ${code}: in words`]);
    await assert.rejects(waiting, (error) => error.code === "closed");
  }
  const { client, peer } = await holding();
  const lost = state(client, "lost");
  const goaway = until(client, "goaway", "it", () => true);
  peer.say({ goaway: { reason: "shutdown", reconnect_after_ms: 1234 } });
  peer.socket.close(4001, "shutdown");
  assert.deepEqual(await goaway, { reason: "shutdown", reconnectAfterMs: 1234, url: "" });
  assert.equal((await lost).retryInMs, 1234);
});

test("an undecodable message and a server that is busy end the connection, not the client", async () => {
  for (const message of ["{", '{"error":{"request_id":2,"code":"rate_limited","message":"later"}}']) {
    const { client, peer } = await pair();
    client.subscribe("a:X");
    await peer.welcome();
    await peer.next();
    const lost = state(client, "lost");
    peer.socket.send(message);
    const { reason, retryInMs } = await lost;
    assert.match(reason, /undecodable message|refused for now: later/);
    assert.ok(message === "{" || retryInMs >= 1_000, `${retryInMs} ms`);
    client.close();
  }
});

test("a silent server is stale, then lost, and news in between makes it live again", async () => {
  const { client, peer } = await holding();
  await state(client, "stale");
  assert.equal(client.get("a:X").isLive, false);
  const live = state(client, "live");
  peer.say({ heartbeat: { seq: 10, ts: "0", prev_seq: 10 } });
  await live;
  assert.equal(client.get("a:X").isLive, true);
  const stale = state(client, "stale");
  const { reason } = await state(client, "lost");
  await stale;
  assert.match(reason, /silent for/);
  await server.next();
});

test("waits grow with full jitter to 30 s and start over only after lasting good data", () => {
  const none = { hasToken: false, goodForMs: 0, goawayMs: undefined };
  const ended = (code, more = {}) => ({ reason: "", code, isBusy: false, isSilent: false, ...more });
  const retry = new Retry(() => 0.999);
  const bounds = Array.from({ length: 14 }, () => [retry.boundMs, retry.next(ended(undefined), { ...none, goodForMs: 1_000 })]);
  assert.deepEqual(bounds.map(([bound]) => bound), Array.from({ length: 14 }, (_, tries) => Math.min(30_000, 250 * 1.5 ** tries)));
  assert.ok(bounds.every(([bound, wait]) => wait < bound && wait > 0.9 * bound));
  assert.ok(retry.next(ended(undefined), { ...none, goodForMs: 5_000 }) < 250);
  assert.equal(retry.next(ended(4001), { ...none, goawayMs: 1e9 }), 300_000);
  assert.ok(retry.next(ended(4013), { ...none, goodForMs: 5_000 }) >= 1_000);
  assert.ok(retry.next(ended(4502), { ...none, hasToken: true }) >= 0);
  assert.equal(retry.next(ended(4502), none), undefined);
  const storm = new Retry(() => 0.5);
  const waits = Array.from({ length: 5 }, () => storm.next(ended(4001), { ...none, goawayMs: 0 }));
  assert.deepEqual(waits, [0, 187.5, 281.25, 421.875, 632.8125], "a goaway without a delay is no storm");
  assert.equal(storm.next(ended(4001), { ...none, goawayMs: 70_000 }), 70_000, "one with a longer delay is kept");
  assert.equal(storm.next(ended(4001), { ...none, goodForMs: 5_000, goawayMs: 0 }), 0);
  // A large message on a slow way shows only when it is whole.
  for (const patience of [2, 4, 8, 16, 20, 20]) {
    retry.next(ended(undefined, { isSilent: true }), none);
    assert.equal(retry.patience, patience);
  }
});
