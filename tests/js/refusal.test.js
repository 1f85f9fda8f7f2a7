// What a server says before the upgrade, as the package `ws` tells it.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, afterEach, test } from "node:test";
import { closeAll, open, until } from "./support/follow.js";

let answer = {};
let requests = 0;
const server = createServer().listen(0, "127.0.0.1");
server.on("upgrade", (_, socket) => {
  requests++;
  const { status, headers = [], body = "" } = answer;
  const head = [`HTTP/1.1 ${status} Refused`, `Content-Length: ${Buffer.byteLength(body)}`, "Connection: close", ...headers];
  socket.on("error", () => {});
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
});
await once(server, "listening");
const url = `http://127.0.0.1:${server.address().port}`;
after(() => server.close());
afterEach(closeAll);

const ended = (client) => until(client, "state", "the end", ({ state }) => state === "closed" || state === "lost");

test("an upgrade that is refused for good ends it, in the server's words", async () => {
  for (const status of [400, 401, 403, 404]) {
    answer = { status, body: '{"error": {"code": "unsupported", "message": "interval_ms 7: 10 to 60000"}}' };
    const { state, reason, code } = await ended(open(url));
    assert.deepEqual([state, code], ["closed", undefined]);
    assert.equal(reason, `refused with HTTP status ${status}: interval_ms 7: 10 to 60000`);
  }
});

test("a server that is full is come back to when it says", async () => {
  const least = async (headers) => {
    answer = { status: 503, headers, body: "full" };
    const client = open(url);
    const { state, reason, retryInMs } = await ended(client);
    client.close();
    assert.deepEqual([state, reason], ["lost", "refused with HTTP status 503: full"]);
    return retryInMs;
  };
  const first = await least(["Retry-After: 7"]);
  assert.ok(first >= 7_000 && first <= 7_250, `${first} ms`);
  const hasty = await least(["Retry-After: 0"]);
  assert.ok(hasty >= 1_000 && hasty <= 1_250, `${hasty} ms`);
  const dated = await least(["Retry-After: Fri, 31 Dec 1999 23:59:59 GMT"]);
  assert.ok(dated >= 1_000 && dated <= 1_250, `${dated} ms`);
  const endless = await least(["Retry-After: 999999999"]);
  assert.ok(endless >= 300_000 && endless <= 300_250, `${endless} ms`);
});

test("a body without an end is not kept", async () => {
  answer = { status: 400, body: "x".repeat(1 << 20) };
  const { state, reason } = await ended(open(url));
  assert.deepEqual([state, reason.length < 2_000], ["closed", true]);
});

test("where nobody listens the reason says so, and a client closed meanwhile stays closed", async () => {
  const gone = createServer().listen(0, "127.0.0.1");
  await once(gone, "listening");
  const { port } = gone.address();
  await new Promise((resolve) => gone.close(resolve));
  const { state, reason } = await ended(open(`http://127.0.0.1:${port}`));
  assert.deepEqual([state, /^no connection: .*ECONNREFUSED/.test(reason)], ["lost", true], reason);
  answer = { status: 503 };
  const before = requests;
  const closed = open(url);
  closed.close();
  const { reason: other } = await ended(open(url));
  assert.match(other, /503/);
  assert.ok(requests > before);
  assert.equal(closed.state.reason, "closed by the program");
});
