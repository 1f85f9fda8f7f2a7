// The watchlist in use: by keyboard, by mouse, on a phone, and after a reload.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Board, remembered } from "../support/board.js";
import { eventually, Server } from "../support/server.js";

const FEED = ["--feed", "synthetic?symbols=20&rate=400&seed=1"];
const [A, B, C] = ["synthetic:S0003", "synthetic:S0001", "synthetic:S0007"];

async function withBoard({ flags = [], ...options }, run) {
  const server = await Server.start([...FEED, ...flags]);
  const board = await Board.open(server, options);
  try {
    await run(board, server);
    board.assertCalm();
  } finally {
    await board.close();
    await server.stop();
  }
}

const focused = (board) => board.page.evaluate(() => document.activeElement.dataset.symbol ?? document.activeElement.id);

test("by keyboard alone rows are added, reached, ordered, opened and removed, and a reload keeps them", () => withBoard({ memory: remembered([]) }, async (board) => {
  const { keyboard } = board.page;
  for (const typed of [A, "s0001", "S0007"]) {
    await keyboard.press("/");
    assert.equal(await focused(board), "search");
    await keyboard.type(typed);
    if (typed !== A) {
      await eventually("one suggestion", async () => (await board.page.locator("#suggestions li").count()) === 1);
      await keyboard.press("ArrowDown");
    }
    await keyboard.press("Enter");
    await keyboard.press("Escape");
  }
  await board.untilLive(3);
  assert.deepEqual(await board.order(), [A, B, C]);
  await board.page.locator("#search").focus();
  await keyboard.press("Tab");
  assert.ok([A, B, C].includes(await focused(board)), "Tab leads from the search to a row");
  await keyboard.press("Home");
  assert.equal(await focused(board), A);
  await keyboard.press("Alt+ArrowDown");
  assert.deepEqual(await board.order(), [B, A, C]);
  assert.equal(await focused(board), A, "the focus goes with the row");
  assert.match(await board.text("#announcer"), /row 2 of 3/);
  const outline = await board.page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.notEqual(outline, "none", "the focus is seen");
  await keyboard.press("Enter");
  assert.equal(await board.text("#detail-name"), "S0003");
  await eventually("the detail has values", async () => /Last\d/.test(await board.text("#fields")));
  await keyboard.press("-");
  assert.equal(await board.page.locator("#spans [aria-pressed=true]").textContent(), "5 min");
  await keyboard.press("Escape");
  assert.equal(await focused(board), A, "the row has the focus again");
  await keyboard.press("Delete");
  assert.deepEqual(await board.order(), [B, C]);
  assert.equal(await focused(board), C);
  const heads = await board.page.getByRole("columnheader").evaluateAll((cells) => cells.map((cell) => cell.getAttribute("aria-label") ?? cell.textContent));
  assert.deepEqual(heads.filter((name) => name === ""), [], "every column has a name");
  await keyboard.press("?");
  assert.ok(await board.page.locator("#keys").isVisible());
  await keyboard.press("Escape");
  await board.page.reload();
  await board.untilLive(2);
  assert.deepEqual(await board.order(), [B, C]);
}));

test("a row is dragged to another place, and a pattern comes and goes with its rows", () => withBoard({ memory: remembered([A, B, C]) }, async (board) => {
  await board.untilLive(3);
  const handle = await board.page.locator(`[data-symbol="${A}"] .handle`).boundingBox();
  const target = await board.page.locator(`[data-symbol="${C}"]`).boundingBox();
  await board.page.mouse.move(handle.x + 4, handle.y + 8);
  await board.page.mouse.down();
  await board.page.mouse.move(handle.x + 4, target.y + 10, { steps: 5 });
  await board.page.mouse.up();
  assert.deepEqual(await board.order(), [B, C, A]);
  await board.page.locator("#search").fill("synthetic:S001*");
  await board.page.keyboard.press("Enter");
  await board.untilLive(13);
  await board.page.locator('[data-symbol="synthetic:S0010"]').hover();
  await board.page.locator('[data-symbol="synthetic:S0010"] .remove').click();
  await board.untilLive(12);
  await board.page.reload();
  await board.untilLive(12);
  assert.deepEqual((await board.order()).slice(0, 4), [B, C, A, "synthetic:S0011"]);
  await board.page.locator("#patterns button").focus();
  await board.page.keyboard.press("Enter");
  await board.untilLive(3);
  assert.equal(await focused(board), "search", "the chip has gone, the focus has not");
  await board.page.locator(`[data-symbol="${A}"]`).focus();
  for (let row = 0; row < 3; row++) await board.page.keyboard.press("Delete");
  assert.equal(await focused(board), "search", "so has the last row");
  assert.ok(await board.page.locator("#empty").isVisible());
  assert.equal(await board.page.locator("[role=grid] > :not([role])").count(), 0, "the grid has nothing but rows");
}));

test("what cannot be a symbol is refused with a word", () => withBoard({ memory: remembered([A]) }, async (board) => {
  for (const [typed, word] of [
    ["UPPER:x", /holds "U".*the venue of a-z/], ["a:b,c", /holds ",".*without white space/], ["nothing", /no ":" stands.*venue:NAME/],
    [`a:${"é".repeat(40)}`, /has 80 bytes.*1 to 63 bytes/], ["BINANCE:*", /is not a pattern: the venue holds "B"/],
    ["a_b:*", /is not a pattern: the venue holds "_"/], ["synthetic:* x", /is not a pattern: it holds white space/],
  ]) {
    await board.page.locator("#search").fill(typed);
    await board.page.keyboard.press("Enter");
    await eventually(typed, async () => word.test(await board.text("#notice")));
    assert.equal(await board.page.locator("#search").getAttribute("aria-invalid"), "true");
  }
  assert.deepEqual(await board.order(), [A]);
  await board.page.reload();
  await board.untilLive(1);
}));

test("what was remembered and can be no entry is left out with a word, and the rest is there", () => withBoard({ memory: remembered(["BINANCE:*", A, "a_b:*", `a:${"é".repeat(40)}`]) }, async (board) => {
  await board.untilLive(1);
  assert.match(await board.text("#notice"), /left out: "BINANCE:\*" is not a pattern/);
  assert.deepEqual(await board.order(), [A]);
}));

test("a pattern that the server refuses is marked, with the server's word, and asked for again when it is added again", () => withBoard({ memory: remembered([A]), flags: ["--max-symbols", "15"] }, async (board) => {
  await board.untilLive(1);
  const add = async (text) => {
    await board.page.locator("#search").fill(text);
    await board.page.keyboard.press("Enter");
  };
  await add("synthetic:*");
  await eventually("the notice", async () => /^synthetic:\*: .*15/.test(await board.text("#notice")));
  const chip = board.page.locator("#patterns li");
  assert.equal(await chip.getAttribute("data-state"), "refused");
  assert.match(await chip.getAttribute("title"), /15/);
  await add("synthetic:S001*");
  await board.untilLive(11);
  assert.equal(await board.page.locator("#patterns li[data-state=refused]").count(), 1);
  await board.page.evaluate(() => { document.querySelector("#notice").textContent = ""; });
  await add("synthetic:*");
  await eventually("the notice again", async () => /^synthetic:\*: .*15/.test(await board.text("#notice")));
  assert.equal((await board.order()).length, 11);
}));

test("rows that a pattern once brought and that the server does not have any more are gone, those asked for by name wait", async () => {
  const gone = Array.from({ length: 1_000 }, (_, at) => `synthetic:OLD${at}`);
  const memory = { version: 1, list: { entries: ["synthetic:*", "synthetic:NONE"], order: [B, ...gone.slice(1), "synthetic:NONE"], without: [] }, settings: {} };
  await withBoard({ memory }, async (board) => {
    await eventually("20 rows and one that waits", async () => (await board.order()).length === 21);
    await eventually("20 live ones", async () => Object.values(await board.rows()).filter(({ state }) => state === "live").length === 20);
    assert.deepEqual((await board.order()).slice(0, 2), [B, "synthetic:NONE"]);
    assert.match((await board.row("synthetic:NONE")).age, /no such symbol/);
  });
});

test("a list whose pattern brings nothing says so, and that something may come", () => withBoard({ memory: remembered(["own:*"]), flags: ["--allow-control"] }, async (board, server) => {
  await eventually("the word", async () => /^Nothing matches own:\* yet/.test(await board.text("#empty")));
  assert.ok(await board.page.locator("#empty").isVisible());
  const headers = { "Content-Type": "application/x-ndjson" };
  await fetch(new URL("/v1/updates", server.url), { method: "POST", headers, body: JSON.stringify({ symbol: "own:A", last_price: "1" }) });
  await board.untilLive(1);
  assert.equal(await board.page.locator("#empty").isVisible(), false);
  await board.page.locator('[data-symbol="own:A"]').focus();
  await board.page.keyboard.press("Delete");
  await eventually("what was taken away is no match", async () => /^Nothing else matches own:\* yet/.test(await board.text("#empty")));
}));

test("long names that differ in their end are told apart, and are whole in the title", () => withBoard({ memory: remembered(["$stats:venue.synthetic.lag_p50_us", "$stats:venue.synthetic.lag_p99_us"]) }, async (board) => {
  await eventually("both rows", async () => (await board.order()).length === 2);
  const ends = await board.page.locator("#rows .symbol").evaluateAll((cells) => cells.map((cell) => {
    const end = cell.querySelector(".end");
    const [inner, outer] = [end.getBoundingClientRect(), cell.getBoundingClientRect()];
    return { text: end.textContent, isWhole: inner.right <= outer.right + 0.5, title: cell.title };
  }));
  assert.deepEqual(ends, ["p50", "p99"].map((share) => ({ text: `c.lag_${share}_us`, isWhole: true, title: `$stats:venue.synthetic.lag_${share}_us` })));
  const front = board.page.locator("#rows .front").first();
  assert.ok(await front.evaluate((element) => element.scrollWidth > element.clientWidth), "the cut is before the end");
}));

test("a notice goes by itself", () => withBoard({ memory: remembered([A]), prepare: (page) => page.clock.install() }, async (board) => {
  await board.untilLive(1);
  await board.page.locator("#search").fill("nothing");
  await board.page.keyboard.press("Enter");
  await eventually("the notice", () => board.page.locator("#notice").isVisible());
  await board.page.clock.fastForward(25_000);
  await eventually("it has gone", async () => !(await board.page.locator("#notice").isVisible()));
}));

for (const [what, memory] of [
  ["half a text", "{\"version\":1,"], ["another version", { version: 99 }], ["a list that is none", { version: 1, list: { entries: [7] } }],
]) {
  test(`damaged memory, ${what}, is left out with a word`, () => withBoard({ memory }, async (board) => {
    assert.match(await board.text("#notice"), /could not be read and is left out/);
    await board.untilLive(20);
  }));
}

test("pace, encoding and theme are chosen and kept", () => withBoard({ memory: remembered([A]), colorScheme: "light" }, async (board, server) => {
  await board.untilLive(1);
  const ground = () => board.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  await board.page.locator("#settings-open").click();
  await board.page.locator("#theme").selectOption("dark");
  assert.notEqual(await ground(), light);
  await board.page.locator("#encoding").selectOption("msgpack");
  await eventually("a subscriber of the other encoding", async () => (await server.metric("tickwire_frames_total", "msgpack")) > 0);
  await board.page.locator("#pace").selectOption("1000");
  await board.page.keyboard.press("Escape");
  await board.page.reload();
  await board.untilLive(1);
  assert.notEqual(await ground(), light);
  await board.page.locator("#settings-open").click();
  assert.equal(await board.page.locator("#pace").inputValue(), "1000");
  assert.equal(await board.page.locator("#encoding").inputValue(), "msgpack");
}));

/** Where the texts of a row are: those that overlap another one, that are cut, or that leave the row. */
const crowded = (board) => board.page.evaluate(() => [...document.querySelectorAll("#rows .row")].flatMap((row) => {
  const inner = row.querySelector(".remove").getBoundingClientRect();
  const texts = [...row.querySelectorAll(".cell:not(.handle)")].filter((cell) => cell.textContent !== "" && getComputedStyle(cell).display !== "none").map((cell) => {
    const range = document.createRange();
    range.selectNodeContents(cell);
    const { left, right, top, bottom } = range.getBoundingClientRect();
    const isCut = getComputedStyle(cell).overflow !== "visible" && cell.scrollWidth > cell.clientWidth;
    return { name: cell.classList[1], left, right, top, bottom, isCut };
  }).filter(({ name }) => name !== "removes");
  const meet = (a, b) => a.left < b.right - 0.5 && b.left < a.right - 0.5 && a.top < b.bottom - 2 && b.top < a.bottom - 2;
  return texts.flatMap((text, at) => [
    ...texts.slice(at + 1).filter((other) => meet(text, other)).map((other) => `${row.dataset.symbol}: ${text.name} meets ${other.name}`),
    ...(text.right > inner.left + 0.5 ? [`${row.dataset.symbol}: ${text.name} is under the button`] : []),
    ...(text.isCut && /Price/.test(text.name) ? [`${row.dataset.symbol}: ${text.name} is cut`] : []),
  ]);
}));

for (const width of [320, 360, 430]) {
  test(`on a phone of ${width} pixels no price is cut or runs into another, whatever its decimals`, () => withBoard({ memory: remembered(["own:*"]), flags: ["--allow-control"], width, height: 700, isMobile: true, hasTouch: true }, async (board, server) => {
    const push = (symbol, price, more = {}) => fetch(new URL("/v1/updates", server.url), {
      method: "POST", headers: { "Content-Type": "application/x-ndjson" },
      body: JSON.stringify({ symbol, bid_price: price, ask_price: price, last_price: price, open: "60000", ...more }),
    });
    await push("own:SHORT", "61837.63");
    await board.untilLive(1);
    assert.deepEqual(await crowded(board), []);
    await push("own:LONG", "61837.1234567891");
    await board.untilLive(2);
    await eventually("its price", async () => (await board.row("own:LONG")).bidPrice === "61837.1234567891");
    assert.deepEqual(await crowded(board), []);
    await push("own:MOST", "-9.123456789012345678", { open: "-8.5" });
    await push("own:HALTED", "9.123456789012345678", { open: "8.5", state: "halted" });
    await eventually("all four", async () => Object.values(await board.rows()).filter(({ lastPrice }) => lastPrice !== "").length === 4);
    await eventually("the halted one", async () => (await board.row("own:HALTED")).state === "halted");
    assert.deepEqual(await crowded(board), []);
  }));
}

for (const width of [320, 390, 430]) {
  test(`on a phone of ${width} pixels bid and ask have heads above them, and the page's head keeps its height`, () => withBoard({ width, height: 700, isMobile: true, hasTouch: true }, async (board) => {
    await board.untilLive(20);
    const lefts = (selector) => board.page.locator(selector).evaluateAll((cells) => cells.map((cell) => {
      const range = document.createRange();
      range.selectNodeContents(cell);
      return [cell.textContent, Math.round(range.getBoundingClientRect().left)];
    }));
    const heads = await lefts(".heads :is(.bidPrice, .askPrice)");
    const cells = await lefts("#rows .row:first-child :is(.bidPrice, .askPrice)");
    assert.deepEqual(heads, [["Bid", cells[0][1]], ["Ask", cells[1][1]]]);
    await board.page.locator(".heads .lastPrice button").tap();
    assert.equal(await board.page.locator(".heads .lastPrice").getAttribute("aria-sort"), "ascending");
    const heights = await board.page.evaluate(() => ["–", "< 1 ms", "123 ms", "12.3 s", "tape's clock"].flatMap((lag) => ["live", "connecting", "silent"].map((state) => {
      document.querySelector("#lag").textContent = lag;
      document.querySelector("#skipped").textContent = lag === "–" ? "0" : "1,234,567";
      document.querySelector("#connection").textContent = state;
      document.querySelector("#venues li").textContent = lag === "–" ? "synthetic" : "synthetic down: no connection, tried again in a while";
      return document.querySelector(".bar").getBoundingClientRect().height;
    })));
    assert.deepEqual([...new Set(heights)].length, 1, `${heights}`);
  }));
}

for (const path of ["/", "/monitor"]) {
  test(`${path} of 360 pixels scrolls up and down only`, () => withBoard({ path, width: 360, height: 700, isMobile: true, hasTouch: true }, async (board) => {
    const page = board.page;
    if (path === "/") await board.untilLive(20);
    const widths = () => page.evaluate(() => [...document.querySelectorAll("html, body, #scroller, #detail, main")].filter((e) => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0).map((e) => e.id || e.tagName));
    assert.deepEqual(await widths(), []);
    if (path !== "/") return;
    await page.locator(`[data-symbol="${A}"] .symbol`).tap();
    await eventually("the detail", () => page.locator("#detail").isVisible());
    assert.deepEqual(await widths(), []);
    await page.locator("#detail-close").tap();
    assert.ok(await page.locator("#scroller").isVisible());
  }));
}
