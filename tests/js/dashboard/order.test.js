// Rows are selected by keyboard without a click before, and sorted by the heads without jumping about under a reader.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Board, remembered } from "../support/board.js";
import { eventually, Server } from "../support/server.js";

const [A, B, C] = ["own:A", "own:B", "own:C"];
/** A page of three rows whose prices are what the test pushes. */
async function withPrices(run, options = {}) {
  const server = await Server.start(["--allow-control", "--feed", "synthetic?symbols=1&rate=0"]);
  const push = async (symbol, price, more = {}) => {
    const body = JSON.stringify({ symbol, bid_price: price, last_price: price, ...more });
    const answer = await fetch(new URL("/v1/updates", server.url), { method: "POST", headers: { "Content-Type": "application/x-ndjson" }, body });
    assert.deepEqual(await answer.json(), { accepted: 1, rejected: [] });
  };
  // A float holds neither of the last two.
  await push(A, "9.5");
  await push(B, "90071992547409.93");
  await push(C, "90071992547409.925");
  const board = await Board.open(server, { memory: remembered([A, B, C]), ...options });
  try {
    await board.untilLive(3);
    await run(board, push);
    board.assertCalm();
  } finally {
    await board.close();
    await server.stop();
  }
}

/** Waits until the page has looked again whether rows are to be sorted: a row that nobody changes has grown older. */
async function looksAgain(board, symbol) {
  const ageOf = async () => Number((await board.row(symbol)).age.match(/\d+/)?.[0] ?? 0);
  const before = await ageOf();
  await eventually("three seconds more", async () => (await ageOf()) >= before + 3);
}

const focused = (board) => board.page.evaluate(() => document.activeElement.dataset.symbol ?? document.activeElement.id);
const sortOf = (board, key) => board.page.locator(`.heads .${key}`).getAttribute("aria-sort");

test("after the load arrows select rows, Enter opens one, and above the first row are the heads", () => withPrices(async (board) => {
  const { keyboard } = board.page;
  await keyboard.press("ArrowDown");
  assert.equal(await focused(board), A);
  const outline = () => board.page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.equal(await outline(), "solid", "the selection is seen");
  await keyboard.press("ArrowDown");
  assert.equal(await focused(board), B);
  await keyboard.press("Enter");
  assert.equal(await board.text("#detail-name"), "B");
  await keyboard.press("Escape");
  assert.equal(await focused(board), B);
  await keyboard.press("ArrowUp");
  await keyboard.press("ArrowUp");
  assert.equal(await board.page.evaluate(() => document.activeElement.textContent), "Symbol");
  await keyboard.press("ArrowRight");
  await keyboard.press("ArrowRight");
  await keyboard.press("Enter");
  assert.equal(await sortOf(board, "bidPrice"), "ascending");
  await keyboard.press("ArrowDown");
  assert.equal(await focused(board), A);
  // In a field the arrows are the field's.
  await keyboard.press("/");
  await keyboard.press("ArrowDown");
  assert.equal(await focused(board), "search");
}));

test("a press on a head sorts upwards, another one downwards, a third one gives the list's own order back", () => withPrices(async (board) => {
  const head = board.page.locator(".heads .bidPrice button");
  await head.click();
  assert.deepEqual([await board.order(), await sortOf(board, "bidPrice")], [[A, C, B], "ascending"]);
  assert.match(await board.text("#sorted-by"), /^by Bid/);
  await head.click();
  assert.deepEqual([await board.order(), await sortOf(board, "bidPrice")], [[B, C, A], "descending"]);
  assert.match(await board.text("#announcer"), /sorted by Bid, descending/);
  await head.click();
  assert.deepEqual([await board.order(), await sortOf(board, "bidPrice")], [[A, B, C], null]);
  assert.equal(await board.page.locator("#sorted").isVisible(), false);
  await board.page.locator(".heads .symbol button").click();
  await board.page.locator(".heads .symbol button").click();
  assert.deepEqual(await board.order(), [C, B, A]);
  await board.page.locator("#own-order").click();
  assert.deepEqual(await board.order(), [A, B, C]);
  assert.equal(await board.page.locator("[aria-sort]").count(), 0);
}));

test("while rows are sorted they are not dragged, and a reload shows the list's own order", () => withPrices(async (board) => {
  const { page } = board;
  await page.locator(".heads .lastPrice button").click();
  await page.locator(".heads .lastPrice button").click();
  assert.equal(await page.locator(`[data-symbol="${A}"] .handle`).isVisible(), false);
  const row = await page.locator(`[data-symbol="${B}"]`).boundingBox();
  await page.mouse.move(row.x + 6, row.y + 8);
  await page.mouse.down();
  await page.mouse.move(row.x + 6, row.y + 80, { steps: 4 });
  await page.mouse.up();
  await page.locator(`[data-symbol="${B}"]`).focus();
  await page.keyboard.press("Alt+ArrowDown");
  assert.deepEqual(await board.order(), [B, C, A]);
  assert.match(await board.text("#notice"), /own order only/);
  await page.reload();
  await board.untilLive(3);
  assert.deepEqual(await board.order(), [A, B, C]);
}));

test("sorted rows follow their values within seconds, but not while the pointer is over them or a row is selected", () => withPrices(async (board, push) => {
  const { page } = board;
  await page.locator(".heads .lastPrice button").click();
  assert.deepEqual(await board.order(), [A, C, B]);
  await push(C, "1.25");
  await eventually("the row goes up", async () => (await board.order())[0] === C);
  await page.locator(`[data-symbol="${A}"] .symbol`).hover();
  await push(A, "0.5");
  await eventually("its price", async () => (await board.row(A)).lastPrice === "0.5");
  await eventually("it is said that rows are held", () => page.locator("#sorted-held.on").isVisible());
  assert.match(await page.locator("#sorted-held").getAttribute("title"), /pointer/);
  await looksAgain(board, B);
  assert.deepEqual(await board.order(), [C, A, B], "they stay under the pointer");
  await page.locator("h1").hover();
  await eventually("they move again", async () => (await board.order())[0] === A);
  await page.keyboard.press("ArrowDown");
  assert.equal(await focused(board), A);
  await push(A, "7.5");
  await eventually("held again", () => page.locator("#sorted-held.on").isVisible());
  await looksAgain(board, B);
  assert.deepEqual([await board.order(), await focused(board)], [[A, C, B], A]);
  // What is new while rows are held stands behind them.
  await page.locator("#search").fill("synthetic:S0000");
  await page.keyboard.press("Enter");
  await eventually("all four sorted", async () => (await board.order()).join() === [C, A, B, "synthetic:S0000"].join());
}));
