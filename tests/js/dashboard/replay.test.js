// The replay bar: it says where a replay is, and drives it where that is allowed.
import assert from "node:assert/strict";
import { resolve } from "node:path";
import { test } from "node:test";
import { Board, remembered } from "../support/board.js";
import { eventually, Server } from "../support/server.js";

const TAPE = resolve(import.meta.dirname, "../../../feeds/demo.tape");
const LISTEN = ["--listen", "127.0.0.1:0"];

test("the bar steps, plays, changes the speed, pauses and seeks", async () => {
  const server = await Server.run(["replay", TAPE, "--allow-control", "--paused", ...LISTEN]);
  const board = await Board.open(server);
  const { page } = board;
  const replay = () => server.json("/v1/replay");
  try {
    await eventually("the bar", () => page.locator("#replay").isVisible());
    await eventually("its state", async () => (await board.text("#replay-state")) === "paused");
    assert.equal(await board.text("#replay-time"), "2026-01-02 00:00:00.00");
    await page.locator("#replay-step-more").click();
    await eventually("a second on", async () => (await board.text("#replay-time")) === "2026-01-02 00:00:01.00");
    await page.locator("#replay-step").click();
    await eventually("a beat on", async () => (await board.text("#replay-time")) === "2026-01-02 00:00:01.01");
    await board.untilLive(5);
    const before = await board.row("binance:ALFUSDT");
    await page.locator("#replay-speed").selectOption("2");
    await page.locator("#replay-play").click();
    await eventually("prices move", async () => (await board.row("binance:ALFUSDT")).bidPrice !== before.bidPrice);
    assert.equal((await replay()).speed, 2);
    assert.equal(await board.text("#replay-play"), "Pause");
    await page.locator("#replay-play").click();
    await eventually("it is paused", async () => (await replay()).state === "paused");
    await page.locator("#replay-position").focus();
    await page.keyboard.press("Home");
    await eventually("it is at the beginning again", async () => (await replay()).progress < 0.01);
    await page.keyboard.press("End");
    await eventually("it is at the end", async () => (await replay()).progress > 0.99);
    board.assertCalm();
  } finally {
    await board.close();
    await server.stop();
  }
});

test("a slider that is dragged away and put back, or that the focus leaves, follows the replay again", async () => {
  const server = await Server.run(["replay", TAPE, "--allow-control", "--loop", ...LISTEN]);
  const board = await Board.open(server);
  const { page } = board;
  try {
    await eventually("it plays", async () => (await board.text("#replay-state")) === "playing");
    await fetch(new URL("/v1/replay", server.url), { method: "POST", body: JSON.stringify({ pause: true }) });
    await eventually("it is paused", async () => (await board.text("#replay-state")) === "paused");
    const slider = page.locator("#replay-position");
    const { x, y, width, height } = await slider.boundingBox();
    const value = Number(await slider.inputValue());
    await page.mouse.move(x + 8 + ((width - 16) * value) / 10_000, y + height / 2);
    await page.mouse.down();
    // As the press may have moved it by a step, "back" is where it began.
    const begun = await slider.inputValue();
    await page.mouse.move(x + width * 0.8, y + height / 2, { steps: 3 });
    await page.mouse.move(x + 8 + ((width - 16) * value) / 10_000, y + height / 2, { steps: 3 });
    assert.equal(await slider.inputValue(), begun);
    await page.mouse.up();
    await fetch(new URL("/v1/replay", server.url), { method: "POST", body: JSON.stringify({ resume: true }) });
    const time = await board.text("#replay-time");
    await eventually("it goes on", async () => (await board.text("#replay-time")) !== time, 3_000);
    await slider.evaluate((element) => {
      element.focus();
      element.dispatchEvent(new Event("input"));
      element.blur();
    });
    const later = await board.text("#replay-time");
    await eventually("it goes on after it was left", async () => (await board.text("#replay-time")) !== later, 3_000);
    board.assertCalm();
  } finally {
    await board.close();
    await server.stop();
  }
});

test("where control is not allowed the bar shows the position, and says why it cannot be used", async () => {
  const server = await Server.run(["replay", TAPE, "--loop", "--speed", "20", ...LISTEN]);
  const board = await Board.open(server);
  try {
    await eventually("a second pass", async () => /^pass [2-9]/.test(await board.text("#replay-pass")));
    assert.equal(await board.page.locator("#replay-play").isDisabled(), true);
    assert.match(await board.text("#replay-problem"), /control is off: start the server with --allow-control/);
    await board.untilLive(5);
    // The recording's venues had another time of day.
    await board.page.locator(".row .symbol").first().click();
    await eventually("no delay of days", async () => /Newest valuenow.*Instrument/.test(await board.text("#fields")));
    for (const label of ["Last trade", "Venue to server"]) assert.equal(await board.page.getByText(label, { exact: true }).isVisible(), false, label);
    board.assertCalm();
  } finally {
    await board.close();
    await server.stop();
  }
});

test("charts go on over the passes of a loop, with a mark where each begins", async () => {
  const server = await Server.run(["replay", TAPE, "--loop", "--speed", "10", ...LISTEN]);
  const board = await Board.open(server);
  try {
    await board.untilLive(5);
    await board.page.locator(".row .symbol").first().click();
    await eventually("a fourth pass", async () => /^pass ([4-9]|\d\d)/.test(await board.text("#replay-pass")));
    // A piece of the line for each pass that was seen, and none leads from one to the next.
    await eventually("four pieces", () => board.page.evaluate(() => (document.querySelector("#rows path").getAttribute("d").match(/M/g) ?? []).length >= 4));
    assert.ok(await board.page.locator("#break").isVisible());
    assert.equal(await board.page.locator("#chart-note").isVisible(), false);
    board.assertCalm();
  } finally {
    await board.close();
    await server.stop();
  }
});

test("on a recording's clock an age is of the time of day too: since the page was told", async () => {
  const server = await Server.run(["replay", TAPE, "--allow-control", "--clock", "tape", ...LISTEN]);
  const board = await Board.open(server);
  try {
    await eventually("what it waits for", async () => /begins once you add a symbol or a pattern/.test(await board.text("#empty")));
    await board.page.locator("#search").fill("binance:*");
    await board.page.keyboard.press("Enter");
    await board.untilLive(5);
    const row = () => board.row("binance:ALFUSDT");
    await eventually("it comes now", async () => (await row()).age === "now");
    assert.equal(await board.page.locator('[data-symbol="binance:ALFUSDT"] .age').getAttribute("title"), "Since it was replayed");
    await fetch(new URL("/v1/replay", server.url), { method: "POST", body: JSON.stringify({ pause: true }) });
    await eventually("it grows old", async () => /^[2-9] s$/.test((await row()).age));
    assert.doesNotMatch(await board.page.locator("#venues li").first().getAttribute("title"), /since/);
    board.assertCalm();
  } finally {
    await board.close();
    await server.stop();
  }
});

test("a feed that replays a recording has ages of now, though no bar says so", async () => {
  const capture = TAPE.replace("demo.tape", "demo.capture.gz");
  const server = await Server.start(["--feed", `replay:${capture}?loop=true`]);
  const board = await Board.open(server, { memory: remembered(["binance:*"]) });
  try {
    await board.untilLive(5);
    const ages = await board.page.locator("#rows .age").allTextContents();
    assert.ok(ages.every((age) => /^(now|\d s|≥ \d s|)$/.test(age)), `${ages}`);
    await board.page.locator(".row .symbol").first().click();
    await eventually("no days in the detail", async () => /Newest valuenow/.test(await board.text("#fields")));
    assert.doesNotMatch(await board.text("#fields"), /\d d\b/);
    assert.equal(await board.page.locator("#replay").isVisible(), false);
    board.assertCalm();
  } finally {
    await board.close();
    await server.stop();
  }
});

test("where nothing is replayed there is no bar", async () => {
  const server = await Server.start(["--feed", "synthetic?symbols=2&rate=10"]);
  const board = await Board.open(server);
  try {
    await board.untilLive(2);
    assert.equal(await board.page.locator("#replay").isVisible(), false);
    board.assertCalm();
  } finally {
    await board.close();
    await server.stop();
  }
});
