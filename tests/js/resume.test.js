// The end of a server, in good manners and without, and another life after it on the same port.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { WAYS, closeAll, open, until } from "./support/follow.js";
import { Market, QUIET } from "./support/market.js";
import { Page } from "./support/page.js";
import { Random } from "./support/random.js";
import { rowsAt, rowsOf } from "./support/rows.js";
import { Server, eventually } from "./support/server.js";

afterEach(closeAll);

for (const [word, signal, code] of [["that says goodbye", "SIGINT", 4001], ["that is killed", "SIGKILL", undefined]]) {
  test(`after a server ${word} clients find its successor and have nothing of the old one`, async () => {
    const first = await Server.start(QUIET);
    const { address } = first;
    await new Market(first, new Random(41), 40).push(400);
    const clients = WAYS.map((way) => open(`http://${address}`, way));
    const pages = clients.map((client) => {
      const page = new Page();
      client.subscribe("own:*", page.onChange);
      return page;
    });
    const { rows } = await rowsAt(first, "own:*");
    await eventually("all have all", () => clients.every((client) => client.size === Object.keys(rows).length));

    const lost = clients.map((client) => until(client, "state", "the loss", ({ state }) => state === "lost"));
    const goaways = clients.map(() => 0);
    clients.forEach((client, at) => client.addEventListener("goaway", ({ detail }) => { goaways[at] = detail.reconnectAfterMs; }));
    await first.stop(signal);
    const ends = await Promise.all(lost);
    assert.ok(clients.every((client) => [...client].every((instrument) => !instrument.isLive)), "no price is called live");
    if (code) {
      assert.deepEqual(ends.map((end) => end.code), clients.map(() => code));
      assert.deepEqual(ends.map((end) => end.retryInMs), goaways, "each after its own delay");
    }

    const second = await Server.start(QUIET, address);
    try {
      // Fewer instruments, in another order.
      await new Market(second, new Random(42), 10).push(200);
      await eventually("all have what the successor has, and nothing else", async () => {
        const { rows, epoch } = await rowsAt(second, "own:*");
        return clients.every((client, at) => {
          const isShown = isDeepStrictEqual(pages[at].rows, rows);
          return client.stats.epoch === epoch && isShown && isDeepStrictEqual(rowsOf(client), rows);
        });
      });
      clients.forEach((client, at) => pages[at].check(client, `client ${at}`));
      for (const { stats } of clients) assert.deepEqual([stats.breaches, stats.losses], [0, 0]);
    } finally {
      closeAll();
      await second.stop();
    }
  });
}
