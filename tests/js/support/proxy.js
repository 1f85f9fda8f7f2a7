// A TCP proxy between a client and the server that slows down and cuts connections on demand.
import { once } from "node:events";
import net from "node:net";

const open = new Set();

/** Ends what a test has left open. */
export function closeProxies() {
  for (const proxy of open) proxy.close();
}

export class Proxy {
  #server;
  #pairs = new Set();
  #cuts = 0;
  /** At most so many bytes, then a pause; undefined: as they come. */
  #slow;

  static async start(target, slow = undefined) {
    const proxy = new Proxy(target, slow);
    await once(proxy.#server.listen(0, "127.0.0.1"), "listening");
    return proxy;
  }

  constructor(target, slow) {
    this.#slow = slow;
    const { hostname, port } = new URL(target);
    open.add(this);
    this.#server = net.createServer((client) => this.#pass(client, net.connect(Number(port), hostname)));
  }

  get url() {
    return `http://127.0.0.1:${this.#server.address().port}`;
  }

  #pass(client, upstream) {
    const pair = { client, upstream };
    this.#pairs.add(pair);
    const end = () => {
      this.#pairs.delete(pair);
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) socket.setNoDelay(true).on("error", end).on("close", end);
    client.on("data", (bytes) => upstream.write(bytes));
    upstream.on("data", (bytes) => this.#down(pair, bytes));
  }

  /** Passes a piece on; the next is not read from the server before this one has gone. */
  async #down({ client, upstream }, bytes) {
    upstream.pause();
    let at = 0;
    while (at < bytes.length && !client.destroyed) {
      const slow = this.#slow;
      const end = slow ? Math.min(bytes.length, at + slow.bytes) : bytes.length;
      const isTaken = client.write(bytes.subarray(at, end));
      at = end;
      if (!isTaken) await Promise.race([once(client, "drain"), once(client, "close")]).catch(() => {});
      if (slow) await new Promise((resolve) => setTimeout(resolve, slow.pauseMs));
    }
    upstream.resume();
  }

  open() {
    this.#slow = undefined;
  }

  /** Breaks every connection in the middle of what it was passing on; every other time with a reset. */
  cut() {
    this.#cuts++;
    for (const { client, upstream } of this.#pairs) {
      upstream.destroy();
      if (this.#cuts % 2 === 0) client.resetAndDestroy();
      else client.destroy();
    }
  }

  close() {
    open.delete(this);
    this.cut();
    this.#server.close();
  }
}
