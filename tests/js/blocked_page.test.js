// A page whose script is busy: the server conflates for it, its memory does not grow, and afterwards it has the newest values.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { launch, serveHtml } from "./support/browser.js";
import { Market } from "./support/market.js";
import { Random } from "./support/random.js";
import { FIELDS, rowsAt, rowsOf } from "./support/rows.js";
import { LIMIT_MS, Server, eventually } from "./support/server.js";

/** 50,000 updates a second, as JSON some 5 MB/s: what a page that does not read would have to queue. */
const FEEDS = ["--feed", "synthetic?symbols=2000&rate=50000", "--allow-control"];
const BLOCKED_MS = 8_000;
const GROWTH_MAX = 8 << 20;

/** Resident bytes of a process and all below it, by the system's own table. */
function residentBytes(root) {
  const children = new Map();
  for (const name of readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name))) {
    try {
      const parent = Number(readFileSync(`/proc/${name}/stat`, "utf8").match(/\) \S ([0-9]+)/)[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // It ended meanwhile.
    }
  }
  const own = (id) => {
    try {
      return Number(readFileSync(`/proc/${id}/status`, "utf8").match(/RssAnon:\s+([0-9]+)/)?.[1] ?? 0) * 1024;
    } catch {
      return 0;
    }
  };
  const all = (id) => [id, ...(children.get(id) ?? []).flatMap(all)];
  return all(root).reduce((sum, id) => sum + own(id), 0);
}

test("while a page is blocked the server skips beats for it and nobody's memory grows; then it has the newest values", async () => {
  const server = await Server.start(FEEDS);
  const market = new Market(server, new Random(31), 100);
  const blank = await serveHtml("");
  const browser = await launch();
  try {
    const page = await browser.newPage();
    const root = await processOf(browser);
    await market.push(500);
    await page.goto(blank.url);
    await page.evaluate(async (url) => {
      const { connect } = await import(`${url}/client.js`);
      window.client = connect(url, { encoding: "json" });
      window.changes = 0;
      await window.client.subscribe(["synthetic:*", "own:*"], () => window.changes++).answer;
    }, server.url);
    await page.waitForFunction(() => window.changes > 20_000, null, { timeout: LIMIT_MS });
    const before = await page.evaluate(() => window.client.stats);
    assert.ok(before.deltas > 0 && before.window === 32);

    const blocked = page.evaluate((ms) => {
      const until = performance.now() + ms;
      while (performance.now() < until);
    }, BLOCKED_MS);
    let isOver = false;
    blocked.then(() => { isOver = true; });
    const readings = [];
    const began = performance.now();
    await market.run(2_000, () => {
      readings.push({ atMs: performance.now() - began, bytes: residentBytes(root) });
      return isOver;
    });
    await blocked;
    // The first second fills the window; from then on nothing is queued anywhere.
    const most = (from, to) => Math.max(...readings.filter(({ atMs }) => atMs >= from && atMs < to).map(({ bytes }) => bytes));
    const [early, late] = [most(1_000, 3_000), most(BLOCKED_MS - 2_000, BLOCKED_MS)];
    console.log(`${market.pushed} pushed; resident: at most ${early} B, then ${late} B`);
    assert.ok(late <= early + GROWTH_MAX, `${early} B, then ${late} B`);

    const { rows, seq } = await rowsAt(server, "own:*");
    await page.waitForFunction((seq) => window.client.state.state === "live" && window.client.stats.seq >= seq, seq, { timeout: LIMIT_MS });
    const stats = await page.evaluate(() => window.client.stats);
    const skipped = stats.skippedBeats - before.skippedBeats;
    console.log(`${skipped} beats skipped, ${stats.deltas - before.deltas} deltas since`);
    assert.ok(skipped > BLOCKED_MS / 10 / 2, `${skipped} beats of about ${BLOCKED_MS / 10} were skipped`);
    assert.deepEqual([stats.losses, stats.breaches, stats.connections], [0, 0, 1], "and it was no reason to connect anew");
    await eventually("the page has the newest values", async () => {
      const known = await page.evaluate(`(${rowsOf})([...client].filter((i) => i.venue === "own"), ${JSON.stringify(FIELDS)})`);
      const now = await rowsAt(server, "own:*");
      return JSON.stringify(sorted(known)) === JSON.stringify(sorted(now.rows)) && Object.keys(rows).length === 100;
    });
  } finally {
    await browser.close();
    blank.close();
    await server.stop();
  }
});

/** By symbol, without what is undefined. */
function sorted(rows) {
  const plain = JSON.parse(JSON.stringify(rows));
  return Object.keys(plain).sort().map((symbol) => {
    const { decimals, values, updateCount, state, cause, venue } = plain[symbol];
    return [symbol, decimals, Object.entries(values).sort(), updateCount, state, cause, venue];
  });
}

/** The browser's own process: this one's child. */
async function processOf(browser) {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  return processInfo.find(({ type }) => type === "browser").id;
}
