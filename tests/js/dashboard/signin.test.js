// Signing in: who has no token reads nothing, who has one reads what it entitles to, as long as it is good.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Board } from "../support/board.js";
import { makeToken, serveKnown } from "../support/credentials.js";
import { eventually } from "../support/server.js";

async function withBoard(server, path, run) {
  const board = await Board.open(server, { path });
  try {
    await run(board.page, board);
    const complaints = board.complaints.filter((text) => !text.includes("401 (Unauthorized)"));
    assert.deepEqual(complaints, []);
  } finally {
    await board.close();
    await server.stop();
  }
}

/** The page begins anew with it. */
async function signIn(page, token) {
  await page.locator("#token").fill(token);
  await Promise.all([page.waitForEvent("load"), page.keyboard.press("Enter")]);
}

test("the page asks for a token, shows what it entitles to, and forgets it on signing out", () => {
  const made = makeToken();
  return serveKnown(made).then((server) => withBoard(server, "/", async (page, board) => {
    await page.locator("#signin").waitFor();
    assert.deepEqual(await board.order(), []);
    await signIn(page, "tickwire_nobody");
    await page.getByText("unknown or has expired").waitFor();
    await signIn(page, made.token);
    await board.untilLive(3);
    assert.ok((await board.order()).every((symbol) => symbol.startsWith("open:")));
    assert.equal(await page.getByText("hidden").count(), 0);
    assert.ok(!page.url().includes("tickwire_"));
    await page.reload();
    await board.untilLive(3);
    await Promise.all([page.waitForEvent("load"), page.locator("#who").click()]);
    await page.locator("#signin").waitFor();
    assert.equal(await page.evaluate(() => sessionStorage.length + (localStorage.getItem("tickwire.token") ?? "").length), 0);
  }));
});

test("whose token expires is asked for another one", () => {
  const made = makeToken("--expires", new Date(Date.now() + 8_000).toISOString());
  return serveKnown(made).then((server) => withBoard(server, "/", async (page, board) => {
    await signIn(page, made.token);
    await board.untilLive(3);
    await eventually("the form", async () => (await page.locator("#signin").count()) === 1);
    assert.match(await board.text("#signin-problem"), /unknown or expired|have expired/);
  }));
});

test("the monitor asks too", () => {
  const made = makeToken();
  return serveKnown(made).then((server) => withBoard(server, "/monitor", async (page) => {
    await signIn(page, made.token);
    await page.locator("#who").waitFor();
    await eventually("a connection", () => page.evaluate(() => document.body.dataset.connection === "live"));
  }));
});
