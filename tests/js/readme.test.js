// The five lines of the README, in a blank page of another origin.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { complaintsOf, launch, serveHtml } from "./support/browser.js";
import { LIMIT_MS, Server } from "./support/server.js";

const README = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
const LINES = README.match(/## In a page[\s\S]*?```html\n([\s\S]*?)```/)?.[1];

let server;
let browser;
before(async () => {
  server = await Server.start([]);
  browser = await launch();
});
after(async () => {
  await browser.close();
  await server.stop();
});

/** Waits until the price is there and then another one. */
async function priceMoves(page) {
  const price = () => page.textContent("#price");
  await page.waitForFunction(() => /^[0-9]+\.[0-9]+$/.test(document.getElementById("price")?.textContent), null, { timeout: LIMIT_MS });
  const first = await price();
  await page.waitForFunction((before) => document.getElementById("price").textContent !== before, first, { timeout: LIMIT_MS });
  return [first, await price()];
}

test("the five lines are five, and show a price that moves in a page that has nothing else", async () => {
  assert.equal(LINES.trimEnd().split("\n").length, 5, LINES);
  const blank = await serveHtml(LINES.replaceAll("http://127.0.0.1:7070", server.url));
  const page = await browser.newPage();
  const complaints = complaintsOf(page);
  await page.goto(blank.url);
  const [first, then] = await priceMoves(page);
  assert.notEqual(first, then);
  assert.deepEqual(complaints, []);
  await page.close();
  blank.close();
});
