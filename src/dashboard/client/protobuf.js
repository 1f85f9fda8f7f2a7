// Decodes the server's messages from protobuf.
// @ts-check
import { Entry, LAST_SIDE, PLACES, SCALES, integer, lowBits } from "./fields.js";
import { BODIES, DEFLATED, DecodeError, blank } from "./schema.js";

/** @typedef {import("./fields.js").Integer} Integer */

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A place in the bytes, and the end of the message that is being read. */
class Reader {
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 0;
    this.end = bytes.length;
  }

  /**
   * Ten bytes at most, in pieces of 28, 28 and 8 bits; past the end of the array a byte is `undefined`, which is neither.
   * @returns {Integer}
   */
  varint() {
    const { bytes } = this;
    let low = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = bytes[this.at++];
      low |= (byte & 127) << shift;
      if (byte < 128) return this.inside(low);
    }
    let middle = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = bytes[this.at++];
      middle |= (byte & 127) << shift;
      if (byte < 128) return this.inside(wide(low, middle, 0));
    }
    const first = bytes[this.at++];
    if (first < 128) return this.inside(wide(low, middle, first));
    const last = bytes[this.at++];
    if (last < 2) return this.inside(wide(low, middle, (first & 127) | (last << 7)));
    throw new DecodeError(this.at > this.end ? "the message ends too early" : "a varint is longer than 64 bits");
  }

  /** @template T @param {T} value @returns {T} */
  inside(value) {
    if (this.at > this.end) throw new DecodeError("the message ends too early");
    return value;
  }

  /** @returns {number} */
  uint() {
    const value = this.varint();
    if (typeof value === "number") return value;
    throw new DecodeError(`${value} is beyond 2^53`);
  }

  /** @returns {Integer} */
  zigzag() {
    const value = this.varint();
    if (typeof value === "number") return value % 2 === 0 ? value / 2 : -((value + 1) / 2);
    return integer((value >> 1n) ^ -(value & 1n));
  }

  /** @returns {bigint} */
  fixed64() {
    if (this.at + 8 > this.end) throw new DecodeError("the message ends too early");
    this.at += 8;
    return this.view.getBigUint64(this.at - 8, true);
  }

  /** The end of what is said to begin here. */
  length() {
    const length = this.uint();
    if (length > this.end - this.at) throw new DecodeError("the message ends too early");
    return this.at + length;
  }

  slice() {
    const end = this.length();
    const bytes = this.bytes.subarray(this.at, end);
    this.at = end;
    return bytes;
  }

  string() {
    try {
      return text.decode(this.slice());
    } catch (error) {
      if (error instanceof DecodeError) throw error;
      throw new DecodeError("a text is not UTF-8");
    }
  }

  /** @param {number} wire */
  skip(wire) {
    if (wire === VARINT) this.varint();
    else if (wire === FIXED64) this.fixed64();
    else if (wire === LENGTH) this.at = this.length();
    else if (wire === FIXED32) this.inside((this.at += 4));
    else throw new DecodeError(`wire type ${wire} is none of 0, 1, 2 and 5`);
  }
}

/** @param {number} low @param {number} middle @param {number} high @returns {Integer} */
function wide(low, middle, high) {
  if (high === 0 && middle < 2 ** 25) return low + middle * 2 ** 28;
  return (BigInt(high) << 56n) | (BigInt(middle) << 28n) | BigInt(low);
}

/** @param {Reader} reader @param {number} end @param {(number: number, wire: number) => void} take */
function fields(reader, end, take) {
  const outer = reader.end;
  reader.end = end;
  while (reader.at < end) {
    const tag = reader.uint();
    const number = Math.floor(tag / 8);
    if (number === 0 || number > 2 ** 29) throw new DecodeError(`${number} is no field number`);
    take(number, tag & 7);
  }
  reader.end = outer;
}

/** @type {Record<string, number>} */
const WIRES = { uint: VARINT, enum: VARINT, bool: VARINT, fixed64: FIXED64, string: LENGTH, message: LENGTH, ticker: LENGTH };

/**
 * @param {Reader} reader
 * @param {number} end
 * @param {import("./schema.js").Message} message
 */
function read(reader, end, message) {
  const made = blank(message);
  fields(reader, end, (number, wire) => {
    const field = message.byNumber.get(number);
    if (!field) return reader.skip(wire);
    if (wire === LENGTH && field.isRepeated && field.type === "uint") {
      const packed = reader.length();
      fieldsPacked(reader, packed, made[field.name]);
      return;
    }
    if (wire !== WIRES[field.type]) throw new DecodeError(`${message.name}.${field.json} has wire type ${wire}`);
    const value = readOne(reader, field);
    if (field.isRepeated) made[field.name].push(value);
    else made[field.name] = value;
  });
  return made;
}

/** @param {Reader} reader @param {number} end @param {number[]} into */
function fieldsPacked(reader, end, into) {
  const outer = reader.end;
  reader.end = end;
  while (reader.at < end) into.push(reader.uint());
  reader.end = outer;
}

/** @param {Reader} reader @param {import("./schema.js").Field} field @returns {unknown} */
function readOne(reader, field) {
  switch (field.type) {
    case "uint":
      return reader.uint();
    case "enum":
      return enumNumber(reader.varint());
    case "bool":
      return reader.varint() !== 0;
    case "fixed64":
      return reader.fixed64();
    case "string":
      return reader.string();
    case "ticker":
      return readEntry(reader, reader.length());
    default:
      return field.message && read(reader, reader.length(), field.message);
  }
}

/** Values that are not known, negative ones too, count as unspecified. @param {Integer} value */
const enumNumber = (value) => (typeof value === "number" && value < 64 ? value : 0);

/** @param {Reader} reader @param {number} end */
function readEntry(reader, end) {
  const entry = new Entry();
  const outer = reader.end;
  reader.end = end;
  while (reader.at < end) {
    const tag = reader.uint();
    // All known fields are varints.
    if ((tag & 7) === VARINT) readValue(reader, entry, Math.floor(tag / 8));
    else if (tag < 8 * PLACES.length) throw new DecodeError(`Ticker's field ${tag >> 3} has wire type ${tag & 7}`);
    else reader.skip(tag & 7);
  }
  reader.end = outer;
  return entry;
}

/** @param {Reader} reader @param {Entry} entry @param {number} number */
function readValue(reader, entry, number) {
  const place = PLACES[number] ?? -1;
  if (place === LAST_SIDE) {
    const side = reader.varint();
    if (side === 1 || side === 2) entry.values[place] = side;
  } else if (place >= 0) {
    entry.values[place] = SCALES[place] === 0 ? reader.zigzag() : reader.varint();
  } else if (number === 1) entry.id = reader.uint();
  else if (number === 12) entry.eventAgeUs = Number(reader.zigzag());
  else if (number === 13) entry.cleared = lowBits(reader.varint());
  else if (number === 14) entry.updates = reader.uint();
  else if (number === 15) entry.updateCount = reader.uint();
  else if (number === 16) entry.state = enumNumber(reader.varint());
  else if (number === 17) entry.lastAgeUs = Number(reader.zigzag());
  else if (number === 20) entry.cause = enumNumber(reader.varint());
  else if (number === 0) throw new DecodeError("0 is no field number");
  else reader.varint();
}

/**
 * Decodes one message; the last body counts, one that is not known is `undefined`.
 * @param {Uint8Array} bytes
 * @returns {import("./wire.js").Decoded | undefined}
 */
export function decodeProtobuf(bytes) {
  const reader = new Reader(bytes);
  /** @type {any} */
  let decoded;
  fields(reader, bytes.length, (number, wire) => {
    const body = BODIES.get(number);
    if (!body && number !== DEFLATED) return reader.skip(wire);
    if (wire !== LENGTH) throw new DecodeError(`body ${number} has wire type ${wire}`);
    if (body) decoded = { kind: body.kind, ...read(reader, reader.length(), body.message) };
    else decoded = { kind: "deflated", bytes: reader.slice() };
  });
  return decoded;
}
