// A server that does what a test says, in JSON, over a real socket.
import { once } from "node:events";
import { deflateRawSync } from "node:zlib";
import { WebSocketServer } from "ws";

export const WELCOME = {
  welcome: {
    server: "fake/1", epoch: "7", seq: 1, ts: "1000000", interval_ms: 10, heartbeat_ms: 1000, max_symbols: 100,
    max_message_bytes: 65536, session: "s1", authenticated: true, frame_bytes_max: 65536,
  },
};

/** One connection: what came, and a way to answer. */
class Peer {
  #messages = [];
  #wake = () => {};
  /** What was confirmed. */
  received = [];

  constructor(socket, request) {
    this.socket = socket;
    this.request = request;
    socket.on("message", (data) => {
      const message = JSON.parse(data);
      if (message.received) this.received.push(message.received.seq);
      else if (message.ping) this.#pong(message.ping);
      else this.#messages.push(message);
      this.#wake();
    });
  }

  /** How far this server's clock is ahead; while it has none, it answers no ping. @type {number | undefined} */
  aheadMs = undefined;

  #pong({ nonce, ts }) {
    if (this.aheadMs === undefined) return;
    const now = `${Date.now() + this.aheadMs}000000`;
    this.say({ pong: { nonce, ts_client: ts, ts_recv: now, ts_sent: now } });
  }

  /** Requests that have come and were not taken. */
  get waiting() {
    return this.#messages.length;
  }

  /** The next request. */
  async next() {
    while (this.#messages.length === 0) await new Promise((resolve) => { this.#wake = resolve; });
    return this.#messages.shift();
  }

  say(message) {
    this.socket.send(JSON.stringify(message));
  }

  sayDeflated(message) {
    this.socket.send(deflateRawSync(JSON.stringify(message)));
  }

  /** Welcomes and takes the configure that follows. */
  async welcome(more = {}) {
    this.say({ welcome: { ...WELCOME.welcome, ...more } });
    const { request_id, configure } = await this.next();
    this.say({ ack: { request_id, interval_ms: configure.interval_ms ?? 10, window: configure.window } });
  }

  /** Takes a subscribe and answers with a whole snapshot of these instruments: id, symbol, bid price. */
  async answer(instruments, more = {}) {
    const request = await this.next();
    this.say(snapshot(instruments, { request_id: request.request_id, ...more }));
    return request;
  }
}

export function snapshot(instruments, more = {}) {
  return {
    snapshot: {
      epoch: "7", seq: 10, ts: "1000000", ...more,
      instruments: instruments.map(([id, symbol]) => ({ id, symbol, price_decimals: 2 })),
      tickers: instruments.map(([id, , bid_price]) => ({ id, bid_price, update_count: 1, state: "live" })),
      venues: [{ name: "a", state: "up", since: "0" }],
    },
  };
}

export const delta = (seq, tickers, more = {}) => ({ delta: { seq, prev_seq: seq - 1, ts: "1000000", tickers, ...more } });

export class FakeServer {
  #peers = [];
  #wake = () => {};

  static async start() {
    const fake = new FakeServer();
    fake.server = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols: (offered) => [...offered][0] });
    fake.server.on("connection", (socket, request) => {
      fake.#peers.push(new Peer(socket, request));
      fake.#wake();
    });
    await once(fake.server, "listening");
    return fake;
  }

  get url() {
    return `ws://127.0.0.1:${this.server.address().port}`;
  }

  /** The next connection. */
  async next() {
    while (this.#peers.length === 0) await new Promise((resolve) => { this.#wake = resolve; });
    return this.#peers.shift();
  }

  close() {
    for (const socket of this.server.clients) socket.terminate();
    this.server.close();
  }
}
