// What the watchlist costs: 500 rows with 10 updates a second each, by the frame and over a minute.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Board, remembered } from "../support/board.js";
import { Server } from "../support/server.js";
import { frameCosts, percentile, traceOf } from "../support/trace.js";

const ROWS = 500;
const FEED = `synthetic?symbols=${ROWS}&rate=${ROWS * 10}&seed=1`;
const MEMORY = remembered(["synthetic:*"], { intervalMs: 100 });

async function withRows(run, options = {}) {
  const server = await Server.start(["--feed", FEED]);
  const board = await Board.open(server, { memory: MEMORY, prepare: reachable, ...options });
  try {
    await board.untilLive(ROWS);
    await run(board);
    board.assertCalm();
  } finally {
    await board.close();
    await server.stop();
  }
}

const FRAME_MS = 16;
/** A page that saves its cost by not drawing is none: frames a second, and how long a row within sight may differ from its instrument. */
const FRAMES_PER_S = 15;
const BEHIND_MS = 1_500;

/** The page with its client within reach of the test. */
const reachable = (page) => page.route("**/page/dashboard.js", async (route) => {
  const response = await route.fetch();
  const body = (await response.text()).replace("client = connect(", "client = window.client = connect(");
  await route.fulfill({ response, body });
});

/** The longest that a row within sight was behind its instrument, looked at in each frame for so long; whose it was. */
const longestBehind = (board, forMs) => board.page.evaluate((lookMs) => new Promise((resolve) => {
  const { bottom } = document.querySelector("#scroller").getBoundingClientRect();
  const rows = [...document.querySelectorAll("#rows .row")].filter((row) => row.getBoundingClientRect().bottom <= bottom);
  const begun = performance.now();
  const seen = rows.map((row) => ({ symbol: row.dataset.symbol, cells: ["bidPrice", "askPrice", "lastPrice"].map((name) => [row.querySelector(`.${name}`).firstChild, name]), at: begun }));
  let worst = { ms: 0, symbol: "", rows: rows.length };
  const look = () => {
    const now = performance.now();
    for (const row of seen) {
      const instrument = window.client.get(row.symbol);
      const isEqual = row.cells.every(([node, name]) => node.data === (instrument[name] ?? ""));
      if (now - row.at > worst.ms) worst = { ...worst, ms: now - row.at, symbol: row.symbol };
      if (isEqual) row.at = now;
    }
    if (now - begun < lookMs) requestAnimationFrame(look);
    else resolve(worst);
  };
  requestAnimationFrame(look);
}), forMs);

const figuresOf = (costs) => [0.5, 0.95, 0.99].map((share) => `p${share * 100} ${percentile(costs, share)?.toFixed(1)} ms`).join(", ");

/** The last is no screen: all rows are within sight at once, and many of them wait for their turn. */
for (const [width, height, isScreen] of [[1440, 900, true], [2560, 1440, true], [1440, 28 * ROWS + 120, false]]) {
  test(`script, layout and paint of a frame of ${ROWS} rows on ${width} x ${height} take at most ${FRAME_MS} ms at the 95th percentile`, (t) =>
    withRows(async (board) => {
      const events = await traceOf(board.browser, () => board.page.waitForTimeout(10_000));
      const { drawing, all, hasThreadTime } = frameCosts(events);
      t.diagnostic(`${drawing.length} frames in 10 s, ${hasThreadTime ? "CPU" : "wall"} time: ${figuresOf(drawing)}; all tasks ${figuresOf(all)}`);
      assert.ok(drawing.length > 10 * (isScreen ? FRAMES_PER_S : 3), `${drawing.length} frames were drawn in 10 s`);
      assert.ok(percentile(drawing, 0.95) <= FRAME_MS, figuresOf(drawing));
      if (!isScreen) return;
      const { ms, symbol, rows } = await longestBehind(board, 5_000);
      t.diagnostic(`${rows} rows within sight, at most ${Math.round(ms)} ms behind`);
      assert.ok(rows >= Math.floor((height - 200) / 28), `${rows} rows are within sight`);
      assert.ok(ms <= BEHIND_MS, `${symbol} was ${Math.round(ms)} ms behind`);
    }, { width, height }));
}

test(`rows that are sorted by what changes with every update cost no more`, (t) => withRows(async (board) => {
  await board.page.locator(".heads .change button").click();
  const first = await board.order();
  const events = await traceOf(board.browser, () => board.page.waitForTimeout(10_000));
  const { drawing, hasThreadTime } = frameCosts(events);
  t.diagnostic(`${drawing.length} frames in 10 s, ${hasThreadTime ? "CPU" : "wall"} time: ${figuresOf(drawing)}`);
  assert.notDeepEqual(await board.order(), first, "rows were moved");
  assert.ok(percentile(drawing, 0.95) <= FRAME_MS, figuresOf(drawing));
}));

/**
 * Garbage is collected as far as it can be before a reading, and the least of five is taken: what is on its way through the page is
 * there in one and gone in the next. How many entries the page had taken by then stands beside it.
 */
async function readingOf(board, session) {
  let bytes = Infinity;
  for (let time = 0; time < 5; time++) {
    await session.send("HeapProfiler.collectGarbage");
    bytes = Math.min(bytes, (await session.send("Runtime.getHeapUsage")).usedSize);
    await board.page.waitForTimeout(200);
  }
  return { bytes, entries: await board.page.evaluate(() => window.client.stats.entries) };
}

/** The middle of the slopes between all pairs of readings (Theil and Sen): a step that comes once, as of code that is compiled, is none. */
function slopeOf(readings) {
  const pairs = readings.flatMap((one, at) => readings.slice(at + 1).map((other) => [one, other]));
  return percentile(pairs.map(([one, other]) => (other.bytes - one.bytes) / (other.entries - one.entries)), 0.5);
}

/** What is kept of an entry takes sixteen bytes at least: this is one in thirty-two. */
const BYTES_AN_ENTRY = 0.5;

test(`${ROWS} rows over a minute leave nothing behind in the heap`, (t) =>
  withRows(async (board) => {
    const session = await board.page.context().newCDPSession(board.page);
    // Code is compiled and caches are filled at first; all readings are of a page that runs.
    await board.page.waitForTimeout(30_000);
    const readings = [await readingOf(board, session)];
    for (let time = 0; time < 6; time++) {
      await board.page.waitForTimeout(10_000);
      readings.push(await readingOf(board, session));
    }
    const slope = slopeOf(readings);
    const entries = readings.at(-1).entries - readings[0].entries;
    t.diagnostic(`${readings.map(({ bytes }) => (bytes / 1e6).toFixed(2)).join(", ")} MB over ${entries} entries: ${slope.toFixed(3)} bytes an entry`);
    assert.ok(entries > 60 * ROWS, `${entries} entries were taken`);
    assert.ok(slope < BYTES_AN_ENTRY, `it grows by ${slope.toFixed(2)} bytes an entry`);
  }));
