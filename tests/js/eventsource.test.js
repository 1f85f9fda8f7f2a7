// A browser's own EventSource on /v1/events: it comes back by itself and resumes.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch } from "./support/browser.js";
import { Proxy } from "./support/proxy.js";
import { eventually, Server } from "./support/server.js";

const FEED = ["--feed", "synthetic?symbols=3&rate=20", "--heartbeat-ms", "200"];

let browser;

before(async () => {
  browser = await launch();
});

after(() => browser.close());

/** A page of the server's own that follows everything with an EventSource and nothing else. */
async function follow(url) {
  const page = await browser.newPage();
  await page.goto(url);
  await page.evaluate(() => {
    const seen = { snapshots: [], rows: {}, seq: 0, names: [] };
    window.seen = seen;
    const take = ({ instruments = [], tickers = [], seq = 0 }) => {
      for (const { id, symbol } of instruments) seen.rows[id] = { symbol };
      for (const ticker of tickers) Object.assign(seen.rows[ticker.id], ticker);
      seen.seq = seq;
    };
    const source = new EventSource("/v1/events?symbols=synthetic:*");
    const on = (name, body) => source.addEventListener(name, (event) => {
      seen.names.push(name);
      body(JSON.parse(event.data)[name], event.lastEventId);
    });
    on("welcome", () => {});
    on("snapshot", (snapshot) => {
      if (!snapshot.resumed) seen.rows = {};
      seen.snapshots.push({ epoch: snapshot.epoch, resumed: snapshot.resumed ?? false });
      take(snapshot);
    });
    on("delta", take);
    on("heartbeat", ({ seq }) => { seen.seq = seq; });
  });
  return { page, seen: () => page.evaluate(() => window.seen) };
}

const PRICES = ["symbol", "bid_price", "bid_size", "ask_price", "ask_size", "last_price"];
const pick = (row) => PRICES.map((name) => row[name]);

/** Waits until the page has what the server has, at one and the same seq. */
async function equals(server, { seen }) {
  await eventually("the page has the server's values", async () => {
    const { snapshot } = await server.json("/v1/snapshot?symbols=synthetic:*");
    const { rows, seq } = await seen();
    if (seq !== snapshot.seq) return false;
    const symbols = Object.fromEntries(snapshot.instruments.map(({ id, symbol }) => [id, symbol]));
    const want = snapshot.tickers.map((ticker) => pick({ ...ticker, symbol: symbols[ticker.id] }));
    assert.deepEqual(snapshot.tickers.map(({ id }) => pick(rows[id])), want);
    return want.length === 3;
  });
}

test("a connection that is cut comes back with what changed", async () => {
  const server = await Server.start(FEED);
  const proxy = await Proxy.start(server.url);
  const follower = await follow(proxy.url);
  await equals(server, follower);
  for (const cuts of [1, 2]) {
    proxy.cut();
    await eventually("it has come back", async () => (await follower.seen()).snapshots.length === cuts + 1);
  }
  await equals(server, follower);
  const { snapshots, names } = await follower.seen();
  assert.deepEqual(snapshots.map(({ resumed }) => resumed), [false, true, true]);
  assert.equal(names[0], "welcome");
  proxy.close();
  await follower.page.close();
  await server.stop();
});

test("a server that is killed and back is followed again, in its new epoch", async () => {
  const first = await Server.start(FEED);
  const { address } = first;
  const follower = await follow(first.url);
  await equals(first, follower);
  await first.stop("SIGKILL");
  const second = await Server.start([...FEED.slice(0, 1), "synthetic?symbols=3&rate=20&seed=9", ...FEED.slice(2)], address);
  await eventually("it has come back", async () => (await follower.seen()).snapshots.length === 2);
  await equals(second, follower);
  const { snapshots } = await follower.seen();
  assert.equal(snapshots[1].resumed, false);
  assert.notEqual(snapshots[0].epoch, snapshots[1].epoch);
  await follower.page.close();
  await second.stop();
});
