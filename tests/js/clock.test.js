// The server's clock as pings tell it, over other connections and a machine that sleeps.
import assert from "node:assert/strict";
import { after, afterEach, test } from "node:test";
import { Clock } from "../../src/dashboard/client/clock.js";
import { FakeServer, snapshot } from "./support/fake.js";
import { closeAll, open } from "./support/follow.js";
import { eventually } from "./support/server.js";

const server = await FakeServer.start();
after(() => server.close());
afterEach(closeAll);

/** A clock whose two sources are a test's, and a ping's way to a server that is `aheadMs` ahead and back. */
function scene() {
  const time = { now: 1_000, date: 1_000 };
  const clock = new Clock(() => time.now, () => time.date);
  const goOn = (ms) => { time.now += ms; time.date += ms; };
  const ask = (aheadMs, rttMs) => {
    const { nonce } = clock.ping().ping;
    const at = BigInt(time.now + aheadMs + rttMs / 2) * 1_000_000n;
    goOn(rttMs);
    return { nonce, tsClient: 0n, tsRecv: at, tsSent: at };
  };
  return { clock, time, goOn, ask };
}

test("the offset is that of the quickest ping, and without any this machine's time stands for the server's", () => {
  const { clock, ask } = scene();
  assert.deepEqual([clock.serverNowMs, clock.offsetMs, clock.rttMs], [1_000, undefined, undefined]);
  clock.pong(ask(500, 10));
  assert.deepEqual([clock.serverNowMs, clock.offsetMs, clock.rttMs], [1_510, 500, 10]);
  clock.pong(ask(700, 100));
  assert.deepEqual([clock.offsetMs, clock.rttMs], [500, 100]);
});

test("what pings told is forgotten with a connection, and a pong of before says nothing", () => {
  const { clock, ask } = scene();
  clock.pong(ask(3_600_000, 2));
  const late = ask(3_600_000, 2);
  clock.forget();
  assert.deepEqual([clock.offsetMs, clock.rttMs], [undefined, undefined]);
  clock.pong(late);
  assert.equal(clock.offsetMs, undefined);
  clock.pong(ask(0, 50));
  assert.equal(clock.offsetMs, 0, "though its way was longer");
});

test("a machine that slept is seen, one that is only slow is not", () => {
  const { clock, time, goOn, ask } = scene();
  clock.pong(ask(0, 2));
  goOn(60_000);
  assert.equal(clock.hasStepped, false);
  time.date += 3_600_000;
  assert.equal(clock.hasStepped, true);
  clock.forget();
  assert.deepEqual([clock.hasStepped, clock.serverNowMs], [false, time.date]);
});

test("after a reconnect to a server whose clock is another the age of a price is right", async () => {
  const client = open(server.url, { encoding: "json" });
  client.subscribe("a:X");
  for (const aheadMs of [3_600_000, 0]) {
    const peer = await server.next();
    peer.aheadMs = aheadMs;
    await peer.welcome();
    const stamp = Date.now() + aheadMs - 500;
    await peer.answer([[1, "a:X", "1.00"]], { ts: `${stamp}000000` });
    await eventually("a pong", () => client.stats.clockOffsetMs !== undefined && client.get("a:X")?.tsMs === stamp);
    const { ageMs } = client.get("a:X");
    assert.ok(ageMs >= 400 && ageMs < 60_000, `${ageMs} ms, ${aheadMs} ms ahead`);
    if (aheadMs) peer.socket.terminate();
  }
});
