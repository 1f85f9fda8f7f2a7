// The monitor: the server's statistics as plots that move.
import assert from "node:assert/strict";
import { get } from "node:http";
import { test } from "node:test";
import { Board } from "../support/board.js";
import { eventually, Server } from "../support/server.js";

/** A number as the page writes it. */
const numberOf = (text) => Number(text.replaceAll(",", ""));

/** What a plot says: its values by label, and the picture of its lines. */
const plotOf = (board, title) => board.page.evaluate((wanted) => {
  const plot = [...document.querySelectorAll(".plot")].find((other) => other.querySelector("h2").firstChild.data === wanted);
  const values = [...plot.querySelectorAll("li")].map((item) => [item.querySelector("span").textContent, item.querySelector("b").textContent]);
  return { values: Object.fromEntries(values), picture: plot.querySelector("canvas").toDataURL(), level: plot.dataset.level };
}, title);

/** Asks for a stream in an encoding that there is not, which the server counts as an error. */
const refused = (server) => new Promise((resolve, reject) => {
  const headers = { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==" };
  get(new URL("/v1/stream?encoding=none", server.url), { headers }, (answer) => answer.resume().on("end", resolve)).on("error", reject);
});

const TITLES = [
  "Updates in, by venue", "Frames out", "Entries out", "Bytes out", "Subscribers", "Skipped, held and late beats", "Errors",
  "Lag in the server, p99", "Beat duration", "CPU, of one core", "Memory",
];

test("every plot has its values and moves; the venues stand above", async () => {
  const server = await Server.start(["--feed", "synthetic?symbols=20&rate=1000&seed=1"]);
  const board = await Board.open(server, { path: "/monitor" });
  try {
    const updates = async () => numberOf((await plotOf(board, "Updates in, by venue")).values.synthetic ?? "");
    await eventually("about 1,000 updates a second", async () => Math.abs((await updates()) - 1_000) < 200);
    for (const title of TITLES) {
      const first = await plotOf(board, title);
      assert.ok(Object.keys(first.values).length > 0, title);
      await eventually(`${title} moves`, async () => (await plotOf(board, title)).picture !== first.picture);
    }
    const { resident } = (await plotOf(board, "Memory")).values;
    assert.ok(numberOf(resident) > 1, `${resident} MiB`);
    assert.match(await board.text("#venues"), /synthetic/);
    assert.deepEqual(Object.keys((await plotOf(board, "Updates in, by venue")).values), ["synthetic"], "a venue that is none has no line");
    const helps = await board.page.locator(".plot .help").allTextContents();
    assert.ok(helps.length === 12 && helps.every((help) => help.length > 20), "each says what it is");
    assert.match(helps.find((help) => /Work of one beat/.test(help)), /Limits of p99: warning from 5 ms, bad from 10 ms\./);
    assert.deepEqual(Object.keys((await plotOf(board, "Beat duration")).values), ["p50", "p99"]);
    assert.match(await board.text("#history"), /since it was opened at \d\d:\d\d:\d\d/);
    board.assertCalm();
  } finally {
    await board.close();
    await server.stop();
  }
});

test("the legend names the lines that there are, also where another one takes a line's place", async () => {
  const server = await Server.start(["--feed", "synthetic?symbols=1&rate=10"]);
  const board = await Board.open(server, { path: "/monitor" });
  try {
    await eventually("a value", async () => (await plotOf(board, "Frames out")).values.frames !== "–");
    const legends = await board.page.evaluate(async () => {
      const { Plot } = await import("/page/plot.js");
      const { Figures } = await import("/page/figures.js");
      const figures = new Figures();
      const panel = { title: "t", help: "h", unit: "", factor: 1, lines: (names) => names.map((name) => [name, `label ${name}`]) };
      const plot = new Plot(document.body, panel, figures, () => {});
      const legendOf = (values, at) => {
        figures.push(at, new Map(values));
        plot.show(at, 60_000, null, [...figures.values.keys()]);
        return plot.legend.textContent;
      };
      const first = legendOf([["a", 1]], 1_000);
      figures.values.delete("a");
      return [first, legendOf([["b", 2]], 2_000)];
    });
    assert.deepEqual(legends, ["label a1", "label b2"]);
    board.assertCalm();
  } finally {
    await board.close();
    await server.stop();
  }
});

test("the crosshair of one plot is that of all, and errors are coloured", async () => {
  const server = await Server.start(["--allow-control", "--feed", "synthetic?symbols=2&rate=10"]);
  const board = await Board.open(server, { path: "/monitor" });
  try {
    await eventually("values", async () => (await plotOf(board, "Frames out")).values.frames !== "–");
    await board.page.locator(".plot canvas").first().hover({ position: { x: 60, y: 40 } });
    // That was before the page was opened, so nothing is known of it.
    await eventually("no values there", async () => (await plotOf(board, "Memory")).values.resident === "–");
    assert.match(await board.text("#history"), /Values at/);
    await board.page.locator("h1").hover();
    await eventually("values of now again", async () => (await plotOf(board, "Memory")).values.resident !== "–");
    await eventually("an error is seen", async () => {
      await refused(server);
      return ["warn", "bad"].includes((await plotOf(board, "Errors")).level);
    });
    board.assertCalm();
  } finally {
    await board.close();
    await server.stop();
  }
});
