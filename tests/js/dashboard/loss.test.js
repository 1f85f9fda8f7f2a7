// What is lost is seen to be lost: no old price looks like a live one.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { test } from "node:test";
import { Board, remembered } from "../support/board.js";
import { Proxy } from "../support/proxy.js";
import { eventually, Server } from "../support/server.js";

const TAPE = resolve(import.meta.dirname, "../../../feeds/demo.tape");
const FEED = "synthetic?symbols=5&rate=500&seed=1";
/** A page that is told of a loss shows it no later than this. */
const SHOWN_MS = 3_000;

/** Whether the page shows none of its prices as current. */
const isAllOld = (board) => board.page.evaluate(() => {
  const live = getComputedStyle(document.documentElement).getPropertyValue("--dim").trim();
  const probe = document.createElement("i");
  probe.style.color = live;
  document.body.append(probe);
  const dim = getComputedStyle(probe).color;
  probe.remove();
  return [...document.querySelectorAll("#rows .lastPrice")].every((cell) => getComputedStyle(cell).color === dim);
});

/** Whether venues and figures of the head look as old as the prices; a dot without a ground is none of a venue that is up. */
const isHeadOld = (board) => board.page.evaluate(() => [...document.querySelectorAll("#venues li, .figures dd")].every((element) => getComputedStyle(element).fontStyle === "italic")
  && [...document.querySelectorAll("#venues li")].every((chip) => getComputedStyle(chip, "::before").backgroundColor === "rgba(0, 0, 0, 0)"));

/** Whether bid, ask and last of every row are those of the server's snapshot. */
async function hasServersPrices(board, server) {
  const { snapshot } = await server.json("/v1/snapshot?symbols=*");
  const rows = await board.rows();
  return snapshot.instruments.every(({ id, symbol }) => {
    const ticker = snapshot.tickers.find((other) => other.id === id);
    const row = rows[symbol];
    return ["bid", "ask", "last"].every((side) => row[`${side}Price`] === ticker[`${side}_price`] && row[`${side}Size`] === ticker[`${side}_size`]);
  });
}

test("a server that is killed and back on its port is resumed, and meanwhile everything is old", async (t) => {
  let server = await Server.start(["--feed", FEED]);
  const { address } = server;
  const board = await Board.open(server);
  try {
    await board.untilLive(5);
    assert.equal(await isAllOld(board), false);
    const killed = performance.now();
    await server.stop("SIGKILL");
    await eventually("the loss is shown", async () => (await board.text("#connection")) === "lost", SHOWN_MS);
    t.diagnostic(`lost is shown ${Math.round(performance.now() - killed)} ms after the kill`);
    await eventually("old prices look old", () => isAllOld(board), SHOWN_MS);
    await eventually("the banner", async () => /Connection lost since \d\d:\d\d:\d\d.*What is shown is old/.test(await board.text("#banner-text")));
    assert.ok(await board.page.locator("#banner").isVisible());
    assert.equal(await isHeadOld(board), true);
    await eventually("no lag is told", async () => (await board.text("#lag")) === "–", SHOWN_MS);
    server = await Server.start(["--feed", FEED], address);
    // Another process is another epoch: whatever it says counts, and nothing from before.
    await board.untilLive(5);
    await eventually("the banner goes", async () => !(await board.page.locator("#banner").isVisible()));
    assert.equal(await isAllOld(board), false);
    assert.equal(await isHeadOld(board), false);
    await eventually("values of the new server", async () => {
      const { snapshot } = await server.json("/v1/snapshot?symbols=synthetic:S0000");
      const row = await board.row("synthetic:S0000");
      return row.lastPrice === snapshot.tickers[0].last_price;
    });
    board.assertCalm(/ERR_CONNECTION_REFUSED|WebSocket connection to .* failed|ERR_CONNECTION_RESET/);
  } finally {
    await board.close();
    await server.stop();
  }
});

test("a server that falls silent is shown as such within three seconds, and one that speaks again as live", async (t) => {
  const server = await Server.start(["--feed", FEED]);
  const board = await Board.open(server);
  try {
    await board.untilLive(5);
    await board.page.locator("#rows .symbol").first().click();
    await eventually("its detail", async () => /InstrumentliveVenue/.test(await board.text("#fields")));
    server.child.kill("SIGSTOP");
    const stopped = performance.now();
    await eventually("the silence is shown", async () => (await board.text("#connection")) === "silent", SHOWN_MS);
    await eventually("old prices look old", () => isAllOld(board), SHOWN_MS - (performance.now() - stopped));
    t.diagnostic(`silence is shown ${Math.round(performance.now() - stopped)} ms after the last message`);
    await eventually("the detail says no other", async () => /Instrumentlive when last heardVenue/.test(await board.text("#fields")), SHOWN_MS);
    const banner = () => board.text("#banner-text");
    assert.match(await banner(), /^The server is silent since \d\d:\d\d:\d\d.*nothing heard/);
    await eventually("it is given up", async () => (await board.text("#connection")) !== "silent");
    assert.match(await banner(), /^The server fell silent, and the connection was given up: silent since .*What is shown is old/);
    server.child.kill("SIGCONT");
    await board.untilLive(5);
    await eventually("live again", async () => (await board.text("#connection")) === "live" && !(await isAllOld(board)));
    board.assertCalm();
  } finally {
    server.child.kill("SIGCONT");
    await board.close();
    await server.stop();
  }
});

test("a replay whose server falls silent is not said to play, and cannot be driven until it speaks again", async () => {
  const server = await Server.run(["replay", TAPE, "--allow-control", "--loop", "--listen", "127.0.0.1:0"]);
  const board = await Board.open(server);
  try {
    await eventually("it plays", async () => (await board.text("#replay-state")) === "playing");
    server.child.kill("SIGSTOP");
    await eventually("nothing is known", async () => (await board.text("#replay-state")) === "not known", SHOWN_MS);
    assert.equal(await board.page.locator("#replay-play").isDisabled(), true);
    server.child.kill("SIGCONT");
    await eventually("it plays again", async () => (await board.text("#replay-state")) === "playing" && (await board.page.locator("#replay-play").isEnabled()));
    board.assertCalm();
  } finally {
    server.child.kill("SIGCONT");
    await board.close();
    await server.stop();
  }
});

test("a connection that is cut is resumed, and once all stands still no value is wrong", async () => {
  const server = await Server.run(["replay", TAPE, "--allow-control", "--loop", "--listen", "127.0.0.1:0"]);
  const proxy = await Proxy.start(server.url);
  const board = await Board.open(proxy);
  try {
    // The first try of a new connection comes at once: the loss stands there for a moment only.
    await board.page.evaluate(() => {
      const connection = document.querySelector("#connection");
      window.said = [];
      new MutationObserver(() => window.said.push(connection.textContent)).observe(connection, { childList: true, characterData: true, subtree: true });
    });
    for (let cut = 0; cut < 3; cut++) {
      await board.untilLive(5);
      proxy.cut();
      await eventually("the loss is shown", async () => (await board.page.evaluate(() => window.said.filter((word) => word === "lost").length)) > cut, SHOWN_MS);
      await eventually("the page is back", async () => (await board.text("#connection")) === "live");
    }
    await fetch(new URL("/v1/replay", server.url), { method: "POST", body: JSON.stringify({ pause: true }) });
    await eventually("the server's own values", () => hasServersPrices(board, server));
    board.assertCalm(/WebSocket connection to .* failed|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE/);
  } finally {
    await board.close();
    proxy.close();
    await server.stop();
  }
});

test("between the welcome of a new connection and its first answer no value looks live", async () => {
  const server = await Server.start(["--feed", FEED]);
  let connections = 0;
  let cut;
  const held = [];
  const board = await Board.open(server, {
    prepare: (page) => page.routeWebSocket(/stream/, (socket) => {
      const isSecond = ++connections > 1;
      const upstream = socket.connectToServer();
      let heard = 0;
      cut = () => socket.close({ code: 4001, reason: "cut" });
      // The welcome goes on, all that follows waits.
      upstream.onMessage((message) => (isSecond && heard++ > 0 ? held.push(() => socket.send(message)) : socket.send(message)));
    }),
  });
  try {
    await board.untilLive(5);
    await board.page.evaluate(() => {
      window.seen = [];
      new MutationObserver(() => window.seen.push(document.body.dataset.connection)).observe(document.body, { attributeFilter: ["data-connection"] });
    });
    await cut();
    await eventually("the welcome of the second", () => board.page.evaluate(() => window.seen.at(-1) === "live"));
    await eventually("the answer is held back", () => held.length > 0);
    await eventually("all rows wait", async () => Object.values(await board.rows()).every(({ state, age }) => state === "stale" && age === "waiting for the server"), 1_500);
    assert.ok(await isAllOld(board));
    board.assertCalm();
  } finally {
    await board.close();
    await server.stop();
  }
});

test("a page that could not run for a while, as a hidden one, is conflated by the server and then shows the newest", async () => {
  const server = await Server.run(["replay", TAPE, "--allow-control", "--loop", "--listen", "127.0.0.1:0"]);
  const board = await Board.open(server, { memory: remembered(["binance:*"], { intervalMs: 10 }) });
  try {
    await board.untilLive(5);
    // A hidden tab cannot be had without a screen; to the server it is a page that takes nothing.
    await board.page.evaluate(() => {
      const until = performance.now() + 4_000;
      while (performance.now() < until);
    });
    await eventually("the page says what was skipped", async () => Number((await board.text("#skipped")).replaceAll(",", "")) > 0);
    await fetch(new URL("/v1/replay", server.url), { method: "POST", body: JSON.stringify({ pause: true }) });
    await eventually("the newest values", () => hasServersPrices(board, server));
    board.assertCalm();
  } finally {
    await board.close();
    await server.stop();
  }
});

/** A feed of lines over TCP, as a process of its own that can be killed. */
async function startFeed() {
  const script = `
    const server = require("node:net").createServer((socket) => {
      let price = 100;
      const timer = setInterval(() => socket.write(JSON.stringify({ symbol: "own:A", bid_price: String(price++), ask_price: "9000.5" }) + "\\n"), 50);
      socket.on("close", () => clearInterval(timer)).on("error", () => {});
    });
    server.listen(0, "127.0.0.1", () => console.log(server.address().port));`;
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  const port = await new Promise((resolve) => child.stdout.once("data", (bytes) => resolve(String(bytes).trim())));
  return { child, port };
}

test("a feed that is killed makes its rows stale within three seconds, with the cause in words", async (t) => {
  const feed = await startFeed();
  const server = await Server.start(["--feed", `ndjson:tcp://127.0.0.1:${feed.port}?venue=own`, "--feed", FEED]);
  const board = await Board.open(server, { memory: remembered(["own:A", "synthetic:S0000"]) });
  try {
    await board.untilLive(2);
    const killed = performance.now();
    feed.child.kill("SIGKILL");
    await eventually("the row is stale", async () => (await board.row("own:A")).state === "stale", SHOWN_MS);
    t.diagnostic(`stale is shown ${Math.round(performance.now() - killed)} ms after the feed was killed`);
    assert.match((await board.row("own:A")).age, /^down: ./);
    assert.match(await board.text("#venues"), /own down/);
    assert.equal((await board.row("synthetic:S0000")).state, "live");
    // A page that is opened now has nothing to draw of it, and says why.
    await board.page.reload();
    await eventually("the row", async () => /^down: ./.test((await board.row("own:A"))?.age));
    await board.page.locator('[data-symbol="own:A"] .symbol').click();
    await eventually("the chart's word", () => board.page.locator("#chart-note").isVisible());
    assert.match(await board.text("#chart-note"), /^No live price in this span: down: .*Last known: bid [\d.]+, ask 9000\.5\.$/);
    assert.match(await board.text("#fields"), /Instrument(stale \(disconnected\)|live when last heard)Venueown down/);
    board.assertCalm();
  } finally {
    feed.child.kill("SIGKILL");
    await board.close();
    await server.stop();
  }
});

test("what a venue halts is shown as halted, and a venue goes with its last row", async () => {
  const server = await Server.start(["--allow-control", "--feed", FEED]);
  const board = await Board.open(server, { memory: remembered(["own:H"]) });
  try {
    const push = (line) => fetch(new URL("/v1/updates", server.url), {
      method: "POST", headers: { "Content-Type": "application/x-ndjson" }, body: JSON.stringify({ symbol: "own:H", ...line }),
    });
    await push({ last_price: "7.5" });
    await board.untilLive(1);
    await push({ state: "halted" });
    await eventually("halted", async () => (await board.row("own:H")).state === "halted");
    const row = await board.row("own:H");
    assert.deepEqual([row.age, row.lastPrice], ["halted", "7.5"]);
    // The venue of which nothing is shown any more says nothing any more.
    await eventually("its venue", async () => /own/.test(await board.text("#venues")));
    await board.page.locator('[data-symbol="own:H"]').hover();
    await board.page.locator('[data-symbol="own:H"] .remove').click();
    await eventually("its venue goes", async () => !/own/.test(await board.text("#venues")), SHOWN_MS);
    board.assertCalm();
  } finally {
    await board.close();
    await server.stop();
  }
});
