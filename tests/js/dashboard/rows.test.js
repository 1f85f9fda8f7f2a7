// What stands on the page is what the server has, to the last digit, and it moves.
import assert from "node:assert/strict";
import { resolve } from "node:path";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { Board, remembered } from "../support/board.js";
import { eventually, Server } from "../support/server.js";

const TAPE = resolve(import.meta.dirname, "../../../feeds/demo.tape");

/** What each column shows of a ticker as the server's HTTP tells it; an absent field is an empty cell. */
const FIELDS = {
  bidPrice: "bid_price", bidSize: "bid_size", askPrice: "ask_price", askSize: "ask_size", lastPrice: "last_price",
  lastSize: "last_size", low: "low", high: "high",
};

/** The decimals of a difference, worked out digit by digit in integers. */
function difference(a, b) {
  const decimals = (a.split(".")[1] ?? "").length;
  const value = BigInt(a.replace(".", "")) - BigInt(b.replace(".", ""));
  const digits = String(value < 0n ? -value : value).padStart(decimals + 1, "0");
  const text = decimals ? `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}` : digits;
  return { value, text: (value < 0n ? "-" : "") + text };
}

async function expectedRows(server) {
  const { snapshot } = await server.json("/v1/snapshot?symbols=*");
  const symbols = new Map(snapshot.instruments.map(({ id, symbol }) => [id, symbol]));
  return Object.fromEntries(snapshot.tickers.map((ticker) => {
    const row = Object.fromEntries(Object.entries(FIELDS).map(([column, field]) => [column, ticker[field] ?? ""]));
    const change = difference(ticker.last_price, ticker.open);
    row.spread = difference(ticker.ask_price, ticker.bid_price).text;
    row.change = (change.value > 0n ? "+" : "") + change.text;
    return [symbols.get(ticker.id), row];
  }));
}

const shown = (rows) => Object.fromEntries(Object.entries(rows).map(([symbol, row]) => [
  symbol, Object.fromEntries([...Object.keys(FIELDS), "spread", "change"].map((column) => [column, row[column]])),
]));

test("at every standstill of a replay the rows are the server's snapshot", async () => {
  const server = await Server.run(["replay", TAPE, "--allow-control", "--paused", "--listen", "127.0.0.1:0"]);
  const board = await Board.open(server);
  try {
    for (const step of [300, 7, 350, 1, 200]) {
      await fetch(new URL("/v1/replay", server.url), { method: "POST", body: JSON.stringify({ step }) });
      let [rows, want] = [{}, {}];
      // The last of the step may still be on its way, to the snapshot and to the page.
      await eventually("the rows of the snapshot", async () => {
        [rows, want] = [shown(await board.rows()), await expectedRows(server)];
        return Object.keys(want).length === 5 && isDeepStrictEqual(rows, want);
      }, 20_000).catch(() => assert.deepEqual(rows, want));
    }
    board.assertCalm();
  } finally {
    await board.close();
    await server.stop();
  }
});

for (const encoding of ["protobuf", "msgpack", "json"]) {
  test(`a first visit shows the server's symbols, and they move, in ${encoding}`, async () => {
    const server = await Server.start(["--feed", "synthetic?symbols=60&rate=6000&seed=1"]);
    const board = await Board.open(server, { memory: { version: 1, list: null, settings: { encoding } } });
    try {
      await board.untilLive(50);
      assert.deepEqual((await board.order()).slice(0, 2), ["synthetic:S0000", "synthetic:S0001"]);
      const before = await board.row("synthetic:S0000");
      await eventually("another price", async () => (await board.row("synthetic:S0000")).lastPrice !== before.lastPrice);
      await eventually("a flash", () => board.page.locator("#rows [data-flash]").count());
      await eventually("a sparkline", () => board.page.evaluate(() => document.querySelector("#rows path").getAttribute("d")?.includes("L")));
      assert.equal(await board.text("#connection"), "live");
      assert.match(await board.text("#venues"), /synthetic/);
      board.assertCalm();
    } finally {
      await board.close();
      await server.stop();
    }
  });
}

test("a pattern takes in what appears later, and names are text whatever they hold", async () => {
  const hostile = "own:<img/src=x/onerror=alert(1)>";
  const line = (symbol, price) => JSON.stringify({ symbol, bid_price: price, ask_price: "2.50", last_price: price });
  const server = await Server.start(["--allow-control", "--feed", "synthetic?symbols=1&rate=1"]);
  const push = async (...lines) => {
    const headers = { "Content-Type": "application/x-ndjson" };
    const answer = await fetch(new URL("/v1/updates", server.url), { method: "POST", headers, body: lines.join("\n") });
    assert.deepEqual(await answer.json(), { accepted: lines.length, rejected: [] });
  };
  const board = await Board.open(server, { memory: remembered(["own:*", "synthetic:NONE"]) });
  let dialogs = 0;
  board.page.on("dialog", (dialog) => (dialogs++, dialog.dismiss()));
  try {
    await eventually("what is pending says so", async () => /no such symbol/.test((await board.row("synthetic:NONE"))?.age));
    await push(line(hostile, "1.25"), line("own:A&amp;B", "1.00"));
    await eventually("both rows", async () => Object.keys(await board.rows()).length === 3);
    assert.equal((await board.row(hostile)).symbol, "<img/src=x/onerror=alert(1)>own");
    await eventually("its price", async () => (await board.row(hostile)).bidPrice === "1.25");
    assert.equal((await board.row("own:A&amp;B")).symbol, "A&amp;Bown");
    await board.page.locator("#search").fill("<img");
    await eventually("the suggestion", () => board.page.locator("#suggestions li").count());
    for (const key of ["Escape", "Escape"]) await board.page.keyboard.press(key);
    await board.page.locator(".row .symbol").nth(1).click();
    await eventually("the detail", async () => (await board.text("#detail-name")).length > 0);
    assert.equal(await board.page.locator("#rows img, #detail img, #suggestions img").count(), 0);
    assert.equal(dialogs, 0);
    board.assertCalm();
  } finally {
    await board.close();
    await server.stop();
  }
});

test("a reload makes no value younger: an age is that of the value, not of the message that brought it", async () => {
  const server = await Server.start(["--allow-control", "--feed", "synthetic?symbols=1&rate=0"]);
  const push = (line) => fetch(new URL("/v1/updates", server.url), { method: "POST", headers: { "Content-Type": "application/x-ndjson" }, body: JSON.stringify(line) });
  const hourAgo = String(BigInt(Date.now() - 3_630_000) * 1_000_000n);
  await push({ symbol: "own:STAMPED", last_price: "1", ts_event: hourAgo });
  await push({ symbol: "own:PLAIN", last_price: "1" });
  const board = await Board.open(server, { memory: remembered(["own:*"]) });
  const age = async (symbol) => (await board.row(symbol))?.age;
  const title = (symbol) => board.page.locator(`[data-symbol="${symbol}"] .age`).getAttribute("title");
  try {
    await board.untilLive(2);
    await eventually("by the venue's stamp", async () => (await age("own:STAMPED")) === "1 h");
    assert.match(await age("own:PLAIN"), /^(≥ \d+ s)?$/);
    assert.match(await title("own:PLAIN"), /before this page asked/);
    await push({ symbol: "own:PLAIN", last_price: "2" });
    await eventually("one that was seen to come", async () => (await age("own:PLAIN")) === "now" && /server's stamp/.test(await title("own:PLAIN")));
    await board.page.locator('[data-symbol="own:STAMPED"] .symbol').click();
    await eventually("the same in the detail", async () => /Newest value1 h.*Venue to server1 h/.test(await board.text("#fields")));
    board.assertCalm();
  } finally {
    await board.close();
    await server.stop();
  }
});

test("both pages are served with a policy that allows nothing but their own files", async () => {
  const server = await Server.start(["--feed", "synthetic?symbols=1&rate=1"]);
  try {
    for (const path of ["/", "/monitor", "/page/dashboard.js", "/page/look.css"]) {
      const answer = await fetch(new URL(path, server.url));
      assert.equal(answer.status, 200, path);
      const policy = answer.headers.get("content-security-policy").split(";").map((rule) => rule.trim());
      assert.ok(policy.includes("default-src 'none'") && policy.includes("script-src 'self'") && policy.includes("style-src 'self'"), path);
      assert.ok(!policy.join().includes("unsafe"), path);
    }
  } finally {
    await server.stop();
  }
});
