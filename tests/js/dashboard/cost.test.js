// What the watchlist costs: 500 rows with 10 updates a second each, by the frame and over a minute.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Board, remembered } from "../support/board.js";
import { Server } from "../support/server.js";
import { frameCosts, percentile, traceOf } from "../support/trace.js";

const ROWS = 500;
const FEED = `synthetic?symbols=${ROWS}&rate=${ROWS * 10}&seed=1`;
const MEMORY = remembered(["synthetic:*"], { intervalMs: 100 });

/** All 500 within sight at once, which no screen shows. */
const TALL = { width: 1440, height: 28 * ROWS + 200 };

async function framesOf(size, seconds) {
  const server = await Server.start(["--feed", FEED]);
  const board = await Board.open(server, { memory: MEMORY, ...size });
  try {
    await board.untilLive(ROWS);
    const events = await traceOf(board.browser, () => board.page.waitForTimeout(seconds * 1_000));
    board.assertCalm();
    if (process.env.DUMP) (await import("node:fs")).writeFileSync(process.env.DUMP, JSON.stringify(events));
    return frameCosts(events);
  } finally {
    await board.close();
    await server.stop();
  }
}

for (const [what, size] of [["a screen of 1440 x 900", {}], ["all of them within sight", TALL]]) {
  test(`a frame with ${ROWS} rows, ${what}, costs the main thread at most 16 ms at the 95th percentile`, async (t) => {
    const { costs, hasThreadTime } = await framesOf(size, 10);
    const figures = [0.5, 0.95, 0.99].map((share) => `p${share * 100} ${percentile(costs, share).toFixed(2)} ms`).join(", ");
    t.diagnostic(`${costs.length} frames, ${what}: ${figures} of ${hasThreadTime ? "CPU" : "wall"} time`);
    assert.ok(costs.length > 100, `${costs.length} frames were drawn`);
    assert.ok(percentile(costs, 0.95) <= 16, figures);
  });
}
