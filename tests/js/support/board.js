// The dashboard in a real browser, and what a person would see on it.
import assert from "node:assert/strict";
import { launch } from "./browser.js";
import { eventually } from "./server.js";

const KEY = "tickwire.dashboard";

/** What the page remembers of a list. */
export const remembered = (entries, settings = {}) => ({ version: 1, list: { entries, order: [], without: [] }, settings });

export class Board {
  /** Opens a page of the server; `memory` is what its localStorage holds before, `prepare` is given the page before it is opened. */
  static async open(server, { path = "/", width = 1440, height = 900, memory, args, prepare, ...options } = {}) {
    const browser = await launch(args);
    const page = await browser.newPage({ viewport: { width, height }, ...options });
    const board = new Board(browser, page);
    if (memory !== undefined) {
      const text = typeof memory === "string" ? memory : JSON.stringify(memory);
      // Once: what the page itself remembers later stays.
      await page.addInitScript(([key, value]) => localStorage.getItem(key) ?? localStorage.setItem(key, value), [KEY, text]);
    }
    await prepare?.(page);
    const answer = await page.goto(new URL(path, server.url).href);
    board.policy = answer.headers()["content-security-policy"];
    return board;
  }

  constructor(browser, page) {
    this.browser = browser;
    this.page = page;
    this.complaints = [];
    page.on("console", (message) => ["error", "warning"].includes(message.type()) && this.complaints.push(message.text()));
    page.on("pageerror", (error) => this.complaints.push(String(error)));
  }

  /** Every row as it stands there: its texts by column, and its state. */
  rows() {
    return this.page.evaluate(() => Object.fromEntries([...document.querySelectorAll("#rows .row")].map((row) => {
      const texts = [...row.querySelectorAll(".cell")].map((cell) => [cell.classList[1], cell.textContent]);
      return [row.dataset.symbol, { ...Object.fromEntries(texts), state: row.dataset.state }];
    })));
  }

  order() {
    return this.page.evaluate(() => [...document.querySelectorAll("#rows .row")].map((row) => row.dataset.symbol));
  }

  async row(symbol) {
    return (await this.rows())[symbol];
  }

  text(selector) {
    return this.page.locator(selector).textContent();
  }

  /** Waits until so many rows are live. */
  untilLive(count) {
    return eventually(`${count} live rows`, async () => {
      const rows = Object.values(await this.rows());
      return rows.length === count && rows.every(({ state }) => state === "live");
    });
  }

  /** Nothing but what a test expects was on the console. */
  assertCalm(expected = /^$/) {
    assert.deepEqual(this.complaints.filter((text) => !expected.test(text)), []);
  }

  close() {
    return this.browser.close();
  }
}
