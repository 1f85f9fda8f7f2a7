// From what a WebSocket gave to a message, in each encoding; inflating included.
// @ts-check
import { decodeJson } from "./json.js";
import { decodeMsgpack } from "./msgpack.js";
import { decodeProtobuf } from "./protobuf.js";
import { DecodeError } from "./schema.js";

/**
 * @typedef {{ name: string, state: number, since: bigint, reason: string }} VenueTold
 * @typedef {{ id: number, symbol: string, priceDecimals: number, sizeDecimals: number, volumeDecimals: number }} Announcement
 * @typedef {{ symbol: string, code: number, message: string }} Refusal
 *
 * @typedef {object} Data what snapshot and delta share
 * @property {number} seq
 * @property {bigint} ts
 * @property {number[]} removed
 * @property {Announcement[]} instruments
 * @property {import("./fields.js").Entry[]} tickers
 * @property {VenueTold[]} venues
 * @property {boolean} more
 *
 * @typedef {{ kind: "welcome", server: string, epoch: bigint, seq: number, ts: bigint, intervalMs: number, heartbeatMs: number,
 *   maxSymbols: number, maxMessageBytes: number, session: string, authenticated: boolean, frameBytesMax: number, clock: number }} Welcome
 * @typedef {Data & { kind: "snapshot", epoch: bigint, requestId: number, resumed: boolean, pending: string[], rejected: Refusal[] }} Snapshot
 * @typedef {Data & { kind: "delta", prevSeq: number | undefined, skipped: number }} Delta
 * @typedef {{ kind: "heartbeat", seq: number, ts: bigint, prevSeq: number }} Heartbeat
 * @typedef {{ kind: "ack", requestId: number, intervalMs: number, window: number, symbols: number }} Ack
 * @typedef {{ kind: "error", requestId: number, code: number, message: string }} ServerError
 * @typedef {{ kind: "pong", nonce: number, tsClient: bigint, tsRecv: bigint, tsSent: bigint }} Pong
 * @typedef {{ kind: "goaway", reason: string, reconnectAfterMs: number, url: string }} Goaway
 * @typedef {Welcome | Snapshot | Delta | Heartbeat | Ack | ServerError | Pong | Goaway} Message
 * @typedef {Message | { kind: "deflated", bytes: Uint8Array }} Decoded
 */

/** Largest message taken before and after inflating; a server's are 64 KiB unless configured. */
export const MESSAGE_BYTES_MAX = 16 << 20;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Decodes what came in one WebSocket message. In JSON, bytes are the deflated text.
 * @param {import("./client.d.ts").Encoding} encoding
 * @param {string | Uint8Array} data
 * @returns {Decoded | undefined} `undefined` for a body that this version does not know
 */
export function decode(encoding, data) {
  if (data.length > MESSAGE_BYTES_MAX) throw new DecodeError(`a message of ${data.length} bytes`);
  if (encoding === "json") return typeof data === "string" ? decodeJson(data) : { kind: "deflated", bytes: data };
  if (typeof data === "string") throw new DecodeError(`text where ${encoding} was asked for`);
  return encoding === "protobuf" ? decodeProtobuf(data) : decodeMsgpack(data);
}

/**
 * Decodes the message within a deflated one.
 * @param {import("./client.d.ts").Encoding} encoding
 * @param {Uint8Array} deflated
 * @returns {Promise<Message | undefined>}
 */
export async function decodeDeflated(encoding, deflated) {
  const bytes = await inflate(deflated);
  const decoded = decode(encoding, encoding === "json" ? textOf(bytes) : bytes);
  if (decoded?.kind === "deflated") throw new DecodeError("a message is deflated twice");
  return decoded;
}

/** @param {Uint8Array} bytes */
function textOf(bytes) {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new DecodeError("a text is not UTF-8");
  }
}

/**
 * Raw DEFLATE. What grows beyond the bound is given up before it is whole.
 * @param {Uint8Array} deflated
 */
async function inflate(deflated) {
  const stream = new DecompressionStream("deflate-raw");
  const writer = stream.writable.getWriter();
  // What is wrong with the bytes is told by the reading side too.
  writer.write(/** @type {Uint8Array<ArrayBuffer>} */ (deflated)).catch(() => {});
  writer.close().catch(() => {});
  const reader = stream.readable.getReader();
  const chunks = [];
  let length = 0;
  for (;;) {
    let part;
    try {
      part = await reader.read();
    } catch {
      throw new DecodeError("bytes that are not deflated");
    }
    if (part.done) break;
    chunks.push(part.value);
    length += part.value.length;
    if (length > MESSAGE_BYTES_MAX) {
      reader.cancel().catch(() => {});
      throw new DecodeError(`a message inflates to more than ${MESSAGE_BYTES_MAX} bytes`);
    }
  }
  if (chunks.length === 1) return chunks[0];
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
