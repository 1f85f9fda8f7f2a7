// Who reads: the client shows its token first, on each connection.
import assert from "node:assert/strict";
import { test } from "node:test";
import { WebSocket } from "ws";
import { connect } from "../../src/dashboard/client/tickwire.js";
import { makeToken, serveKnown } from "./support/credentials.js";
import { eventually } from "./support/server.js";

for (const encoding of ["protobuf", "msgpack", "json"]) {
  test(`over ${encoding} a token shows what it entitles to, and a bad one nothing`, async () => {
    const made = makeToken();
    const server = await serveKnown(made);
    try {
      const client = connect(server.url, { token: made.token, encoding, WebSocket });
      client.subscribe("*");
      await eventually("three rows", () => client.size === 3);
      assert.ok([...client].every(({ symbol }) => symbol.startsWith("open:")));
      assert.deepEqual([...client.venues.keys()], ["open"]);
      client.close();
      for (const [token, code] of [["tickwire_nobody", 4500], [undefined, 4502]]) {
        const other = connect(server.url, { encoding, WebSocket, ...(token && { token }) });
        const refused = assert.rejects(other.subscribe("*").answer);
        await eventually("it gives up", () => other.state.state === "closed");
        await refused;
        assert.equal(other.state.code, code);
        assert.equal(other.size, 0);
      }
    } finally {
      await server.stop();
    }
  });
}
