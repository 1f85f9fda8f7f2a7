// One WebSocket: turns what it gives into messages, in order. Decides nothing.
// @ts-check
import { listenForRefusal } from "./refusal.js";
import { decode, decodeDeflated } from "./wire.js";

/**
 * @typedef {object} Listener
 * @property {() => void} opened
 * @property {(length: number) => void} heard something came, of so many bytes
 * @property {(message: import("./wire.js").Message) => void} message
 * @property {(reason: string, code: number | undefined, refusal?: import("./retry.js").Refusal) => void} ended once, and nothing after it
 */

/** What a socket without a close frame is closed with. */
const ABNORMAL = 1006;
const FAILURE_LENGTH_MAX = 1024;

export class Link {
  #socket;
  #encoding;
  #listener;
  #isOver = false;
  #failure = "";
  /** Messages not yet decoded behind one that is being inflated, which takes some turns of the event loop. */
  #waiting = 0;
  /** @type {Promise<void>} */
  #queue = Promise.resolve();

  /** @param {import("./options.js").Settings} settings @param {Listener} listener */
  constructor(settings, listener) {
    this.#encoding = settings.encoding;
    this.#listener = listener;
    const socket = new settings.WebSocket(settings.url.href, `tickwire.v1.${settings.encoding}`);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      if (!this.#isOver) listener.opened();
    };
    socket.onmessage = (event) => this.#take(event.data);
    socket.onclose = ({ code, reason }) => this.#closed(code, reason);
    // What follows is `onclose`. In a page nobody says why; in Node.js the event may.
    socket.onerror = (event) => { this.#failure = "message" in event ? String(event.message).slice(0, FAILURE_LENGTH_MAX) : ""; };
    listenForRefusal(socket, (reason, refusal) => this.#end(reason, undefined, refusal));
    this.#socket = socket;
  }

  /** @param {object} message */
  send(message) {
    if (!this.#isOver && this.#socket.readyState === 1) this.#socket.send(JSON.stringify(message));
  }

  /** Leaves the socket, whether or not the other side answers. @param {string} reason */
  abandon(reason) {
    if (this.#isOver) return;
    this.#end(reason, undefined);
    this.#socket.close();
  }

  /** Leaves the socket without telling. */
  close() {
    this.#isOver = true;
    this.#socket.close(1000);
  }

  /** @param {unknown} data */
  #take(data) {
    if (this.#isOver) return;
    const bytes = data instanceof ArrayBuffer ? new Uint8Array(data) : String(data);
    this.#listener.heard(bytes.length);
    let message;
    try {
      message = decode(this.#encoding, bytes);
    } catch (error) {
      return this.#enqueue(() => { throw error; });
    }
    if (message?.kind === "deflated") {
      const { bytes } = message;
      this.#enqueue(() => decodeDeflated(this.#encoding, bytes));
    } else if (message && this.#waiting > 0) {
      const behind = message;
      this.#enqueue(() => behind);
    } else if (message) this.#listener.message(message);
  }

  /** @param {() => import("./wire.js").Message | undefined | Promise<import("./wire.js").Message | undefined>} decodes */
  #enqueue(decodes) {
    this.#waiting++;
    // Begun at once, so that several are inflated side by side; handed on in order.
    const decoded = (async () => decodes())();
    decoded.catch(() => {});
    this.#queue = this.#queue.then(async () => {
      try {
        const message = await decoded;
        this.#waiting--;
        if (message && !this.#isOver) this.#listener.message(message);
      } catch (error) {
        this.#undecodable(error);
      }
    });
  }

  /** @param {unknown} error */
  #undecodable(error) {
    this.abandon(`undecodable message: ${error instanceof Error ? error.message : error}`);
  }

  /** A close comes behind what is still being inflated. @param {number} code @param {string} words */
  #closed(code, words) {
    const failure = this.#failure ? `no connection: ${this.#failure}` : "no connection";
    const reason = code === ABNORMAL ? failure : `closed with code ${code}${words ? `: ${words}` : ""}`;
    this.#queue = this.#queue.then(() => this.#end(reason, code === ABNORMAL ? undefined : code));
  }

  /** @param {string} reason @param {number | undefined} code @param {import("./retry.js").Refusal} [refusal] */
  #end(reason, code, refusal) {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#listener.ended(reason, code, refusal);
  }
}
