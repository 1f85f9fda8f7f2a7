// The end by the program: wherever it comes, nothing is called after it.
import assert from "node:assert/strict";
import { after, afterEach, test } from "node:test";
import { FakeServer, delta, snapshot } from "./support/fake.js";
import { closeAll, open } from "./support/follow.js";
import { eventually } from "./support/server.js";

const server = await FakeServer.start();
after(() => server.close());
afterEach(closeAll);

const EVENTS = ["state", "venue", "error", "snapshot", "resync", "goaway", "frame"];

/** Closes a client at the first call of a kind; gives the calls that came after it. */
function closeAt(client, kind) {
  const scene = { isClosed: false, late: [], calls: [] };
  const called = (word) => {
    scene.calls.push(word);
    if (scene.isClosed) scene.late.push(word);
    if (scene.isClosed || word !== kind) return;
    client.close();
    scene.isClosed = true;
  };
  for (const type of EVENTS) client.addEventListener(type, ({ detail }) => called(type === "state" ? detail.state : type));
  for (const name of ["one", "other"]) client.subscribe("a:*", () => called(name));
  return scene;
}

/** All that a server may say; gives up where the client has gone. */
async function sayAll(peer, scene) {
  const isThere = (what, look) => eventually(what, () => scene.isClosed || look());
  peer.say({ welcome: { heartbeat_ms: 1000, epoch: "7" } });
  await isThere("the subscribe", () => peer.waiting === 2);
  if (scene.isClosed) return;
  await peer.next();
  const { request_id } = await peer.next();
  const rejected = [1, 2].map((n) => ({ symbol: `b:${n}`, code: "forbidden", message: "not yours" }));
  const answer = snapshot([[1, "a:X", "1.00"], [2, "a:Y", "2.00"]], { request_id, rejected });
  answer.snapshot.venues.push({ name: "b", state: "up", since: "0" });
  peer.say(answer);
  await isThere("the handover", () => scene.calls.includes("frame"));
  peer.say(delta(11, [{ id: 1, bid_price: "1.10" }, { id: 2, bid_price: "2.10" }]));
  peer.say(delta(15, [{ id: 1, bid_price: "1.20" }]));
  peer.say({ goaway: { reason: "shutdown", reconnect_after_ms: 0 } });
  await isThere("the goaway", () => scene.calls.includes("goaway"));
  peer.socket.terminate();
  await isThere("the next try", () => scene.calls.filter((word) => word === "connecting").length > 0);
}

test("after close nothing is called and nothing is live, whoever calls it", async () => {
  const ends = [];
  for (const kind of ["live", "venue", "error", "snapshot", "one", "other", "frame", "resync", "goaway", "lost", "connecting"]) {
    const client = open(server.url, { encoding: "json" });
    const peer = await server.next();
    const isGone = new Promise((resolve) => peer.socket.once("close", resolve));
    const scene = closeAt(client, kind);
    await sayAll(peer, scene);
    assert.ok(scene.isClosed, `${kind} came: ${scene.calls}`);
    await isGone;
    ends.push({ kind, client, scene });
  }
  // Another one's life is long enough for any frame that was on its way.
  const peer = server.next();
  const other = closeAt(open(server.url, { encoding: "json" }), "goaway");
  await sayAll(await peer, other);
  for (const { kind, client, scene } of ends) {
    assert.deepEqual(scene.late, [], `after ${kind}`);
    assert.equal(client.state.state, "closed", kind);
    assert.deepEqual([...client].filter(({ isLive }) => isLive), [], `live after ${kind}`);
  }
});

test("a client that gives up can be closed by who is told so", async () => {
  const client = open(server.url, { encoding: "json" });
  const peer = await server.next();
  const scene = closeAt(client, "closed");
  await peer.welcome();
  await peer.answer([[1, "a:X", "1.00"]]);
  await eventually("the handover", () => scene.calls.includes("frame"));
  peer.socket.close(4505);
  await eventually("the end", () => scene.isClosed);
  assert.deepEqual(scene.late, []);
  assert.equal(client.get("a:X").isLive, false);
});
