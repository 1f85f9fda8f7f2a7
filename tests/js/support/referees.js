// Encodes random messages by other people's code: protobufjs with the schema, and @msgpack/msgpack.
import { encode } from "@msgpack/msgpack";
import { readFileSync } from "node:fs";
import protobuf from "protobufjs";
import { DECIMALS, TICKER_FIELDS } from "./messages.js";

const schema = readFileSync(new URL("../../../proto/tickwire.proto", import.meta.url), "utf8");
export const ServerMessage = protobuf.parse(schema, { keepCase: true }).root.lookupType("tickwire.v1.ServerMessage");

/** Large numbers as text, which protobufjs reads exactly. */
function forProtobufjs(value) {
  if (typeof value === "bigint") return value.toString();
  if (Array.isArray(value)) return value.map(forProtobufjs);
  if (typeof value !== "object" || Buffer.isBuffer(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, v]) => [name, forProtobufjs(v)]));
}

export const inProtobuf = (message) => Uint8Array.from(ServerMessage.encode(ServerMessage.fromObject(forProtobufjs(message))).finish());

/** What protobufjs reads, all numbers as text. */
export const byProtobufjs = (bytes) => ServerMessage.toObject(ServerMessage.decode(bytes), { longs: String, enums: Number, defaults: false });

/** A map with whole numbers as keys: the library writes keys and values, the head is ours. */
function map(random, pairs) {
  const head = pairs.length < 16 ? [0x80 | pairs.length] : [0xde, 0, pairs.length];
  return Buffer.concat([Buffer.from(head), ...pairs.flatMap(([key, value]) => [encode(key), inMsgpack(random, value)])]);
}

function inMsgpack(random, value) {
  if (Buffer.isBuffer(value)) return value;
  if (typeof value === "bigint") {
    // A number as short as it can be, or in eight bytes.
    const isShort = value <= BigInt(Number.MAX_SAFE_INTEGER) && value >= BigInt(Number.MIN_SAFE_INTEGER) && random.chance(0.5);
    return Buffer.from(isShort ? encode(Number(value)) : encode(value, { useBigInt64: true }));
  }
  if (!Array.isArray(value)) return Buffer.from(encode(value));
  const head = value.length < 16 ? [0x90 | value.length] : [0xdc, value.length >> 8, value.length & 255];
  return Buffer.concat([Buffer.from(head), ...value.map((item) => inMsgpack(random, item))]);
}

/** The message as maps by field number, as the schema says, in any order and with something unknown. */
export function inMessagePack(random, message) {
  const body = (type, from) => {
    const pairs = Object.entries(from).map(([name, value]) => {
      const field = type.fields[name];
      const nested = field.resolve().resolvedType;
      const isMessage = nested instanceof protobuf.Type;
      if (isMessage) value = Array.isArray(value) ? value.map((v) => body(nested, v)) : body(nested, value);
      return [field.id, value];
    });
    if (random.chance(0.3)) pairs.push([90, [{ a: [null, 1.5, true], b: new Uint8Array(3) }, "unknown", -1]]);
    if (random.chance(0.5)) pairs.reverse();
    return map(random, pairs);
  };
  return Uint8Array.from(body(ServerMessage, message));
}

const WORDS = {
  state: { ticker: ["unspecified", "live", "stale", "halted"], venue: ["unspecified", "up", "stale", "down"] },
  cause: ["unspecified", "gap", "silent", "disconnected", "checksum", "restart"],
  last_side: ["unspecified", "buy", "sell"],
  clock: ["wall", "tape"],
  code: [
    "unspecified", "invalid_message", "unauthenticated", "forbidden", "invalid_symbol", "too_many_symbols", "rate_limited",
    "unsupported", "not_subscribed", "internal",
  ],
};
const TEXTS = new Set(["epoch", "ts", "since", "ts_client", "ts_recv", "ts_sent"]);

/** Decimals by hand, and by another way than the client's. */
export function decimal(value, decimals) {
  const one = 10n ** BigInt(decimals);
  const size = value < 0n ? -value : value;
  const fraction = decimals ? `.${(size % one + one).toString().slice(1)}` : "";
  return `${value < 0n ? "-" : ""}${size / one}${fraction}`;
}

const NAMES = new Map(TICKER_FIELDS.map(([name, number]) => [number, name]));
const KINDS = new Map(TICKER_FIELDS.map(([name, , kind]) => [name, kind]));

/** The message as the protocol writes it in JSON. */
export function inJson(message) {
  const write = (name, value, isTicker) => {
    if (Array.isArray(value)) return `[${value.map((v) => write(name, v, name === "tickers")).join()}]`;
    if (typeof value === "object") return object(value, name === "tickers");
    const kind = isTicker ? KINDS.get(name) : undefined;
    if (kind === "cleared") {
      const names = [...NAMES].filter(([number]) => value & (1n << BigInt(number))).map(([, text]) => text);
      return JSON.stringify(names);
    }
    if (kind in DECIMALS) return `"${decimal(value, DECIMALS[kind])}"`;
    const words = name === "state" ? WORDS.state[isTicker ? "ticker" : "venue"] : WORDS[name];
    if (words) return JSON.stringify(words[value]);
    if (TEXTS.has(name)) return `"${value}"`;
    return typeof value === "bigint" ? value.toString() : JSON.stringify(value);
  };
  const object = (from, isTicker) =>
    `{${Object.entries(from).map(([name, value]) => `"${name}":${write(name, value, isTicker)}`).join()}}`;
  return object(message, false);
}
