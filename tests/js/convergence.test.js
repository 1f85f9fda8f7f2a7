// Law 1 over real sockets: whoever has caught up has the server's values, however it came there.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { WAYS, closeAll, open, until, untilSo } from "./support/follow.js";
import { Market, QUIET } from "./support/market.js";
import { Page } from "./support/page.js";
import { Proxy, closeProxies } from "./support/proxy.js";
import { Random } from "./support/random.js";
import { rowsAt, rowsOf } from "./support/rows.js";
import { Server } from "./support/server.js";

afterEach(() => (closeAll(), closeProxies()));

const DEMO = fileURLToPath(new URL("../../feeds/demo.capture.gz", import.meta.url));
const SYMBOLS = "binance:*";
const CUTS = 4;
/** 1.6 KB/s: less than a tenth of what JSON would need. */
const TRICKLE = { bytes: 16, pauseMs: 10 };

/** Whether the replay has ended and everything up to its end is known. */
const isOver = (client) => client.venues.get("binance")?.reason === "replay ended" && client.state.state === "live";

/** A client, with what its callbacks left. */
function follow(url, options, symbols = SYMBOLS) {
  const client = open(url, options);
  const page = new Page();
  client.subscribe(symbols, page.onChange);
  return { client, page };
}

/** Follows to the end of the replay; gives what is known, what was shown, and figures. */
async function toTheEnd({ client, page }, word) {
  await untilSo(client, `the end of the replay: ${word}`, () => isOver(client));
  await client.subscribe(SYMBOLS).answer;
  await until(client, "frame", `the last handover: ${word}`, () => true);
  const { stats } = client;
  assert.deepEqual([stats.losses, stats.breaches], [0, 0], `${word}: the seq rules were kept`);
  const rows = rowsOf(client);
  page.check(client, word);
  client.close();
  return { word, rows, stats };
}

/** Is cut off again and again, and comes back with nothing but what changed since. */
async function beCutOff(follower, proxy, word) {
  const { client } = follower;
  let cuts = 0;
  let lost = 0;
  let seq = Infinity;
  client.addEventListener("snapshot", ({ detail }) => {
    assert.equal(detail.isResumed, cuts > 0, `${word}: after ${cuts} cuts`);
    seq = detail.seq;
  });
  client.addEventListener("state", ({ detail }) => { if (detail.state === "lost") lost++; });
  while (cuts < CUTS) {
    await until(client, "frame", `some news before a cut: ${word}`, (frame) => frame.seq > seq || isOver(client));
    seq = Infinity;
    cuts++;
    const back = until(client, "snapshot", `a resume: ${word}`, () => true);
    proxy.cut();
    await back;
  }
  assert.ok(lost >= CUTS, `${word}: ${lost} connections were lost`);
  return toTheEnd(follower, word);
}

/** All followers of one way of talking. */
async function matrix(server, way) {
  const word = (text) => `${text}, ${way.encoding} ${way.compression}`;
  const slowProxy = await Proxy.start(server.url, TRICKLE);
  const cutProxy = await Proxy.start(server.url);
  const start = follow(server.url, way);
  const slow = follow(slowProxy.url, way);
  const cut = follow(cutProxy.url, way);
  const paced = follow(server.url, { ...way, intervalMs: 500 });
  const narrow = follow(server.url, { ...way, window: 1 });
  const isOverForOthers = () => isOver(start.client);
  const updates = () => [...start.client].reduce((sum, { updateCount }) => sum + updateCount, 0);
  const inTheMiddle = async () => {
    await untilSo(start.client, "some updates", () => updates() >= 50 || isOverForOthers());
    return toTheEnd(follow(server.url, way), word("joined in the middle"));
  };
  const readSlowly = async () => {
    await untilSo(start.client, "the end for others", isOverForOthers);
    slowProxy.open();
    return toTheEnd(slow, word("read slowly"));
  };
  const results = await Promise.all([
    toTheEnd(paced, word("paced at 500 ms")),
    toTheEnd(narrow, word("with a window of one")),
    beCutOff(cut, cutProxy, word("cut off and resumed")),
    inTheMiddle(),
    readSlowly(),
  ]);
  // The others look at this one, so it is the last to go.
  results.push(await toTheEnd(start, word("there from the start")));
  return results;
}

test("after a recording every view equals the server's snapshot, in all encodings, over cuts and slow reading", async () => {
  const server = await Server.start(["--feed", `replay:${DEMO}?speed=5&start=first_subscriber`]);
  try {
    const all = (await Promise.all(WAYS.map((way) => matrix(server, way)))).flat();
    const { rows, venues } = await rowsAt(server, SYMBOLS);
    assert.equal(venues.binance, "down");
    assert.ok(Object.keys(rows).length > 0 && Object.values(rows).every((row) => row.updateCount > 0));
    assert.equal(all.length, WAYS.length * 6);
    for (const { word, rows: known } of all) assert.deepEqual(known, rows, word);
    const skipped = all.filter(({ word }) => word.startsWith("read slowly")).map(({ stats }) => stats.skippedBeats);
    console.log(`beats skipped for those that read slowly: ${skipped.join(" ")}`);
  } finally {
    await server.stop();
  }
});

/** 100 KB/s: the market below is several times that in every encoding. */
const SLOW = { bytes: 1_024, pauseMs: 10 };

/** Those that read slowly, those that are cut off again and again, and those that are left alone, in all ways of talking. */
async function crowd(server) {
  const each = WAYS.map(async (way) => {
    const slowProxy = await Proxy.start(server.url, SLOW);
    const cutProxy = await Proxy.start(server.url);
    return [
      { word: "slow", proxy: slowProxy, ...follow(slowProxy.url, { ...way, window: 4 }, "own:*") },
      { word: "cut", proxy: cutProxy, ...follow(cutProxy.url, way, "own:*") },
      { word: "left alone", ...follow(server.url, way, "own:*") },
    ];
  });
  return (await Promise.all(each)).flat();
}

/** Waits until nothing changes any more and a client has all of it; gives what that is. */
async function atRest(server, { client, word }) {
  for (;;) {
    const { rows, seq } = await rowsAt(server, "own:*");
    const hasAll = () => client.state.state === "live" && client.stats.seq >= seq && client.size === Object.keys(rows).length;
    await untilSo(client, `the market's rest: ${word}`, hasAll);
    // Own seq may be that of a first part: the end of an answer is what counts.
    await client.subscribe("own:*").answer;
    await until(client, "frame", "a handover", () => true);
    // A silent venue becomes stale: that was a change meanwhile.
    if (isDeepStrictEqual((await rowsAt(server, "own:*")).rows, rows)) return rows;
  }
}

test("a busy market is conflated for those that read slowly, and when it rests all have all of it", async () => {
  const server = await Server.start(QUIET);
  const followers = await crowd(server);
  try {
    const market = new Market(server, new Random(21), 200);
    const slow = followers.filter(({ word }) => word === "slow");
    const cutting = setInterval(() => followers.forEach(({ word, proxy }) => word === "cut" && proxy.cut()), 700);
    const isEnough = () => slow.every(({ client }) => client.stats.skippedBeats > 20) && market.pushed > 20_000;
    await market.run(10_000, isEnough).finally(() => clearInterval(cutting));
    slow.forEach(({ proxy }) => proxy.open());
    for (const follower of followers) {
      const { client, page, word } = follower;
      const rows = await atRest(server, follower);
      assert.equal(Object.keys(rows).length, 200);
      assert.deepEqual(rowsOf(client), rows, word);
      page.check(client, word);
      const { breaches, connections } = client.stats;
      assert.equal(breaches, 0, word);
      assert.ok(word !== "cut" || connections > 1, `${connections} connections`);
    }
    console.log(`${market.pushed} updates; skipped: ${slow.map(({ client }) => client.stats.skippedBeats).join(" ")}`);
  } finally {
    closeAll();
    await server.stop();
  }
});
