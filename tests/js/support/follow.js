// Clients in tests: connected through `ws`, which Node.js before 22 needs, and waited for.
import { connect } from "tickwire-client";
import { WebSocket } from "ws";
import { LIMIT_MS } from "./server.js";

/** All ways of talking to a server. */
export const WAYS = ["protobuf", "msgpack", "json"].flatMap((encoding) =>
  ["none", "deflate"].map((compression) => ({ encoding, compression })),
);

const opened = new Set();

export function open(url, options = {}) {
  const client = connect(url, { WebSocket, ...options });
  opened.add(client);
  return client;
}

/** Closes what a test has left open, so that one that failed does not hold up the rest. */
export function closeAll() {
  for (const client of opened) client.close();
  opened.clear();
}

/** Waits until a client meets a condition, which is asked after each event of this kind. */
export function until(client, type, what, isMet) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      client.removeEventListener(type, look);
      reject(new Error(`not within ${LIMIT_MS} ms: ${what}: ${JSON.stringify([client.state, client.stats, [...client.venues]])}`));
    }, LIMIT_MS);
    function look(event) {
      if (!isMet(event?.detail)) return;
      clearTimeout(timer);
      client.removeEventListener(type, look);
      resolve(event?.detail);
    }
    client.addEventListener(type, look);
  });
}

/** The same, asked now as well; for what is so from then on. */
export const untilSo = async (client, what, isMet) => (isMet() ? undefined : until(client, "frame", what, isMet));
