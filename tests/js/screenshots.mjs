// Takes the pictures of the pages anew: src/dashboard/screenshots. They are to be looked at before they are committed.
//
//     TICKWIRE_BIN=../../target/release/tickwire node screenshots.mjs
//     pngquant --ext .png --force ../../src/dashboard/screenshots/*.png
import { resolve } from "node:path";
import { Board, remembered } from "./support/board.js";
import { eventually, Server } from "./support/server.js";

const ROOT = resolve(import.meta.dirname, "../..");
const PICTURES = resolve(ROOT, "src/dashboard/screenshots");
/** A chart of two minutes is nearly full then. */
const COLLECTED_MS = 115_000;

const recording = (name, options) => ["--feed", `replay:${ROOT}/feeds/${name}.capture.gz?${options}`];
const server = await Server.start([
  "--allow-control", ...recording("demo", "loop=true"), ...recording("kraken", "loop=true"), ...recording("coinbase", "loop=false"),
  "--feed", "synthetic?activity=market&symbols=60&rate=300",
]);
const push = (line) => fetch(new URL("/v1/updates", server.url), { method: "POST", headers: { "Content-Type": "application/x-ndjson" }, body: JSON.stringify(line) });
await push({ symbol: "own:GILT-2031-12-07-STRIP", bid_price: "74.105", ask_price: "74.180", last_price: "74.150", open: "73.900", state: "halted" });

const LIST = [
  ...["ALFUSDT", "BRVUSDT", "CHLUSDT", "DLTUSDT"].map((name) => `binance:${name}`), "kraken:ALF/USD", "kraken:BRV/USD", "coinbase:ALF-USD",
  "own:GILT-2031-12-07-STRIP", "synthetic:S00*",
];
const open = (colorScheme, options = {}) => Board.open(server, { colorScheme, memory: remembered(LIST), width: 1440, height: 780, ...options });
const phone = { width: 390, height: 780, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };
const boards = {
  watchlist: await open("dark"),
  light: await open("light", { height: 720 }),
  phone: await open("dark", phone),
  lost: await open("light", { height: 520 }),
  monitor: await open("light", { path: "/monitor", height: 1084 }),
};
const save = (name) => boards[name].page.screenshot({ path: `${PICTURES}/${name}.png` });

try {
  for (const name of ["watchlist", "light", "phone", "lost"]) await eventually(`the rows of ${name}`, async () => (await boards[name].order()).length > 60);
  await boards.watchlist.page.locator('[data-symbol="synthetic:S0009"] .symbol').click();
  await boards.light.page.locator(".heads .percent button").click();
  await boards.light.page.locator(".heads .percent button").click();
  await boards.light.page.locator("h1").hover();
  await boards.watchlist.page.waitForTimeout(COLLECTED_MS);
  await boards.watchlist.page.locator("#chart").hover({ position: { x: 180, y: 140 } });
  await boards.monitor.page.locator("h1").hover();
  for (const name of ["watchlist", "light", "phone", "monitor"]) await save(name);
  server.child.kill("SIGKILL");
  await eventually("the loss", async () => /Trying again in [2-9]/.test(await boards.lost.text("#banner-text")));
  await save("lost");
} finally {
  for (const board of Object.values(boards)) await board.close();
  await server.stop("SIGKILL");
}
