// The five lines of the README, in a blank page and in a page of another origin.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { complaintsOf, launch } from "./support/browser.js";
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

/** What the README says, of this server. */
const html = () => LINES.replaceAll("http://127.0.0.1:7070", server.url);

/** Waits until the price is there and then another one. */
async function priceMoves(page) {
  const price = () => page.textContent("#price");
  await page.waitForFunction(() => /^[0-9]+\.[0-9]+$/.test(document.getElementById("price")?.textContent), null, { timeout: LIMIT_MS });
  const first = await price();
  await page.waitForFunction((before) => document.getElementById("price").textContent !== before, first, { timeout: LIMIT_MS });
  return [first, await price()];
}

test("the five lines are five, and show a price that moves in a blank page", async () => {
  assert.equal(LINES.trimEnd().split("\n").length, 5, LINES);
  const page = await browser.newPage();
  const complaints = complaintsOf(page);
  await page.goto("about:blank");
  await page.setContent(html());
  const [first, then] = await priceMoves(page);
  assert.notEqual(first, then);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("they do so in a page of another origin", async () => {
  const other = createServer((_, response) => response.setHeader("content-type", "text/html").end(html()));
  await once(other.listen(0, "127.0.0.1"), "listening");
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${other.address().port}/`);
  await priceMoves(page);
  await page.close();
  other.close();
});
