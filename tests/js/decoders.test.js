// The decoders, with other people's code as referees, over golden bytes, and over bytes that are no messages.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { deflateRawSync } from "node:zlib";
import { decodeJson } from "../../src/dashboard/client/json.js";
import { decodeMsgpack } from "../../src/dashboard/client/msgpack.js";
import { decodeProtobuf } from "../../src/dashboard/client/protobuf.js";
import { DecodeError } from "../../src/dashboard/client/schema.js";
import { decode, decodeDeflated } from "../../src/dashboard/client/wire.js";
import { KINDS, expected, message, neutral } from "./support/messages.js";
import { Random } from "./support/random.js";
import { byProtobufjs, inJson, inMessagePack, inProtobuf } from "./support/referees.js";

const ROUNDS = 400;

/** Runs something over random messages of every body; the seed is told where it fails. */
function overMessages(seed, run) {
  const random = new Random(seed);
  for (const kind of KINDS) {
    for (let round = 0; round < ROUNDS; round++) {
      const told = message(random, kind);
      try {
        run(told, random);
      } catch (error) {
        error.message += `\nseed ${seed}, ${kind}, round ${round}`;
        throw error;
      }
    }
  }
}

test("what protobufjs encodes by the schema is decoded to the same", () => {
  overMessages(1, (told) => assert.deepEqual(neutral(decodeProtobuf(inProtobuf(told))), expected(told)));
});

test("what @msgpack/msgpack encodes is decoded to the same, in any order and with unknown fields", () => {
  overMessages(2, (told, random) => assert.deepEqual(neutral(decodeMsgpack(inMessagePack(random, told))), expected(told)));
});

test("what stands in JSON is decoded to the same, whole numbers beyond 2^53 included", () => {
  overMessages(3, (told) => assert.deepEqual(neutral(decodeJson(inJson(told))), expected(told)));
});

/** Name, encoding and bytes of the golden file's lines. */
function golden() {
  const file = readFileSync(new URL("../../src/wire/golden/server.txt", import.meta.url), "utf8");
  const lines = file.split("\n").filter((line) => line && !line.startsWith("#"));
  return lines.map((line) => {
    const [, name, encoding, text] = line.match(/^(\S+) (\S+) (.*)$/);
    return { name, encoding, data: encoding === "json" ? text : new Uint8Array(Buffer.from(text, "hex")) };
  });
}

/** All numbers as text, as protobufjs gives them, without what is absent anyway. */
function asTexts(value) {
  if (Array.isArray(value)) return value.map(asTexts);
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  if (typeof value !== "object") return value;
  const isThere = (v) => v !== 0 && v !== 0n && v !== "" && v !== false && !(Array.isArray(v) && v.length === 0);
  const isTicker = "id" in value && !("symbol" in value);
  const entries = Object.entries(value).filter(([, v]) => isTicker || typeof v === "object" || isThere(v));
  return Object.fromEntries(entries.filter(([, v]) => !Array.isArray(v) || v.length > 0).map(([name, v]) => [name, asTexts(v)]));
}

test("golden bytes mean the same in all encodings, and to protobufjs", () => {
  const lines = golden();
  assert.ok(lines.length >= 30, `${lines.length} lines`);
  for (const { name, data } of lines.filter((line) => line.encoding === "protobuf")) {
    const meant = decode("protobuf", data);
    const others = lines.filter((line) => line.name === name && line.encoding !== "protobuf");
    assert.equal(others.length, 2, name);
    if (meant?.kind === "deflated") {
      // In JSON a deflated message is a binary frame: there is no text for it.
      const [msgpack] = others.filter((line) => line.encoding === "msgpack");
      assert.deepEqual(decode("msgpack", msgpack.data), meant);
      continue;
    }
    assert.deepEqual(meant ? asTexts(neutral(meant)) : {}, asTexts(byProtobufjs(data)), name);
    for (const { encoding, data } of others) {
      const said = decode(encoding, data);
      // JSON alone tells the digits of its decimals.
      for (const entry of said?.tickers ?? []) entry.digits = undefined;
      assert.deepEqual(said, meant, `${name} in ${encoding}`);
    }
  }
});

test("deflated messages are what they were, and nothing is deflated twice", async () => {
  const random = new Random(4);
  const told = message(random, "snapshot");
  const inner = inProtobuf(told);
  const deflated = (bytes) => new Uint8Array(deflateRawSync(bytes));
  const outer = inProtobuf({ deflated: Buffer.from(deflated(inner)) });
  const decoded = decode("protobuf", outer);
  assert.equal(decoded.kind, "deflated");
  assert.deepEqual(neutral(await decodeDeflated("protobuf", decoded.bytes)), expected(told));
  assert.deepEqual(neutral(await decodeDeflated("json", deflated(Buffer.from(inJson(told))))), expected(told));
  await assert.rejects(decodeDeflated("protobuf", deflated(outer)), DecodeError);
  await assert.rejects(decodeDeflated("protobuf", random.bytes(50)), DecodeError);
  await assert.rejects(decodeDeflated("protobuf", deflated(Buffer.alloc(64 << 20))), /inflates to more than/);
});

/** Decodes to a message or a DecodeError; anything else fails, a hang too. */
function decodesOrSays(encoding, data) {
  try {
    decode(encoding, data);
    return true;
  } catch (error) {
    assert.ok(error instanceof DecodeError && error.message.length > 5, `${encoding}: ${error.stack}`);
    return false;
  }
}

test("random bytes, truncated and damaged messages are decoded or refused with a sentence", () => {
  const random = new Random(5);
  let refused = 0;
  let taken = 0;
  const count = (is) => (is ? taken++ : refused++);
  for (let round = 0; round < 20_000; round++) {
    count(decodesOrSays(random.pick(["protobuf", "msgpack"]), random.bytes(random.below(40))));
  }
  for (const kind of KINDS) {
    for (let round = 0; round < 30; round++) {
      const told = message(random, kind);
      const forms = [["protobuf", inProtobuf(told)], ["msgpack", inMessagePack(random, told)], ["json", inJson(told)]];
      for (const [encoding, data] of forms) {
        for (let cut = 0; cut < Math.min(data.length, 300); cut++) count(decodesOrSays(encoding, data.slice(0, cut)));
        if (encoding === "json") continue;
        for (let at = 0; at < data.length; at++) {
          const damaged = data.slice();
          damaged[at] ^= 1 << random.below(8);
          count(decodesOrSays(encoding, damaged));
        }
      }
    }
  }
  assert.ok(refused > 10_000 && taken > 1_000, `${refused} refused, ${taken} taken`);
});

test("lengths that lie, depth and kinds that do not fit are refused", () => {
  const hex = (text) => new Uint8Array(Buffer.from(text, "hex"));
  for (const [encoding, data, words] of [
    ["protobuf", hex("1affffffff0f"), /ends too early/],
    ["protobuf", hex("1a02ffff"), /ends too early/],
    ["protobuf", hex("1a0b08ffffffffffffffffff7f"), /longer than 64 bits/],
    ["protobuf", hex("1a0b08ffffffffffffffffff01"), /beyond 2\^53/],
    ["protobuf", hex("18"), /wire type 0/],
    ["protobuf", hex("1b"), /wire type 3/],
    ["protobuf", hex("00"), /no field number/],
    ["protobuf", "text", /text where protobuf/],
    ["msgpack", hex("8103dfffffffff"), /ends too early/],
    ["msgpack", hex("8103810603"), /an array is needed/],
    ["msgpack", hex("81038101cfffffffffffffffff"), /within 0 and 2\^53/],
    ["msgpack", hex("8163" + "91".repeat(100) + "c0"), /16 deep/],
    ["msgpack", hex("8000"), /bytes follow/],
    ["json", "[]", /not an object/],
    ["json", '{"delta":{"seq":1.5}}', /whole number/],
    ["json", '{"delta":{"seq":18446744073709551615}}', /within 0 and 2\^53/],
    ["json", '{"delta":{"tickers":[{"id":1,"bid_price":"1e5"}]}}', /not a decimal/],
    ["json", '{"delta":{"tickers":[{"id":1,"bid_price":"18446744073709551616"}]}}', /not a decimal/],
    ["json", "{", /not JSON/],
  ]) {
    assert.throws(() => decode(encoding, data), (error) => error instanceof DecodeError && words.test(error.message), String(words));
  }
  assert.equal(decode("json", '{"unheard_of":{"a":1}}'), undefined);
  assert.equal(decode("protobuf", hex("a20600")), undefined);
});
