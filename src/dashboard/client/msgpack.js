// Decodes the server's messages from MessagePack: maps whose keys are the field numbers.
// @ts-check
import { Entry, LAST_SIDE, PLACES, SCALES, integer, lowBits } from "./fields.js";
import { BODIES, DEFLATED, DecodeError, blank } from "./schema.js";

/** @typedef {import("./fields.js").Integer} Integer */

/** Depth to which unknown values are passed over; known messages are three deep. */
const DEPTH_MAX = 16;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What a first byte says: a whole number, or how many bytes, items or pairs follow. */
class Reader {
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 0;
  }

  /** Moves on by so many bytes and gives where they began. @param {number} count */
  take(count) {
    const from = this.at;
    if (count > this.bytes.length - from) throw new DecodeError("the message ends too early");
    this.at += count;
    return from;
  }

  /** A length of 1, 2 or 4 bytes. @param {number} width */
  size(width) {
    const from = this.take(width);
    if (width === 1) return this.bytes[from];
    return width === 2 ? this.view.getUint16(from) : this.view.getUint32(from);
  }

  /** @returns {Integer} */
  integer() {
    const first = this.bytes[this.take(1)];
    if (first < 0x80) return first;
    if (first >= 0xe0) return first - 0x100;
    const { view } = this;
    switch (first) {
      case 0xcc: return view.getUint8(this.take(1));
      case 0xcd: return view.getUint16(this.take(2));
      case 0xce: return view.getUint32(this.take(4));
      case 0xcf: return this.wide(false);
      case 0xd0: return view.getInt8(this.take(1));
      case 0xd1: return view.getInt16(this.take(2));
      case 0xd2: return view.getInt32(this.take(4));
      case 0xd3: return this.wide(true);
      default: throw new DecodeError(`0x${first.toString(16)} where a whole number is needed`);
    }
  }

  /** Eight bytes; halves are cheaper than a bigint and exact up to 2^53. @param {boolean} isSigned @returns {Integer} */
  wide(isSigned) {
    const from = this.take(8);
    const high = isSigned ? this.view.getInt32(from) : this.view.getUint32(from);
    if (high < 2 ** 21 && high >= -(2 ** 21)) return integerOf(high * 2 ** 32 + this.view.getUint32(from + 4), this.view, from);
    return isSigned ? this.view.getBigInt64(from) : this.view.getBigUint64(from);
  }

  uint() {
    const value = this.integer();
    if (typeof value === "number" && value >= 0) return value;
    throw new DecodeError(`${value} is not within 0 and 2^53`);
  }

  fixed64() {
    const value = this.integer();
    if (value < 0) throw new DecodeError(`${value} is negative`);
    return BigInt(value);
  }

  bool() {
    const first = this.bytes[this.take(1)];
    if (first === 0xc2 || first === 0xc3) return first === 0xc3;
    throw new DecodeError(`0x${first.toString(16)} where true or false is needed`);
  }

  string() {
    const first = this.bytes[this.take(1)];
    let length = -1;
    if (first >= 0xa0 && first < 0xc0) length = first & 31;
    else if (first >= 0xd9 && first <= 0xdb) length = this.size(1 << (first - 0xd9));
    if (length < 0) throw new DecodeError(`0x${first.toString(16)} where a text is needed`);
    const from = this.take(length);
    try {
      return utf8.decode(this.bytes.subarray(from, this.at));
    } catch {
      throw new DecodeError("a text is not UTF-8");
    }
  }

  binary() {
    const first = this.bytes[this.take(1)];
    if (first < 0xc4 || first > 0xc6) throw new DecodeError(`0x${first.toString(16)} where bytes are needed`);
    const from = this.take(this.size(1 << (first - 0xc4)));
    return this.bytes.subarray(from, this.at);
  }

  /** Pairs of a map. */
  map() {
    const first = this.bytes[this.take(1)];
    if (first >= 0x80 && first < 0x90) return first & 15;
    if (first === 0xde || first === 0xdf) return this.size(first === 0xde ? 2 : 4);
    throw new DecodeError(`0x${first.toString(16)} where a map is needed`);
  }

  /** Items of an array. */
  array() {
    const first = this.bytes[this.take(1)];
    if (first >= 0x90 && first < 0xa0) return first & 15;
    if (first === 0xdc || first === 0xdd) return this.size(first === 0xdc ? 2 : 4);
    throw new DecodeError(`0x${first.toString(16)} where an array is needed`);
  }

  /** Passes over any value. @param {number} depth */
  skip(depth) {
    if (depth > DEPTH_MAX) throw new DecodeError(`values are more than ${DEPTH_MAX} deep`);
    const first = this.bytes[this.take(1)];
    let items = 0;
    if (first < 0x80 || first >= 0xe0 || first === 0xc0 || first === 0xc2 || first === 0xc3) return;
    if (first < 0x90) items = 2 * (first & 15);
    else if (first < 0xa0) items = first & 15;
    else if (first < 0xc0) this.take(first & 31);
    else if (first >= 0xc4 && first <= 0xc6) this.take(this.size(1 << (first - 0xc4)));
    else if (first >= 0xc7 && first <= 0xc9) this.take(1 + this.size(1 << (first - 0xc7)));
    else if (first === 0xca || first === 0xcb) this.take(first === 0xca ? 4 : 8);
    else if (first >= 0xcc && first <= 0xd3) this.take(1 << (first & 3));
    else if (first >= 0xd4 && first <= 0xd8) this.take(1 + (1 << (first - 0xd4)));
    else if (first >= 0xd9 && first <= 0xdb) this.take(this.size(1 << (first - 0xd9)));
    else if (first === 0xdc || first === 0xdd) items = this.size(first === 0xdc ? 2 : 4);
    else if (first === 0xde || first === 0xdf) items = 2 * this.size(first === 0xde ? 2 : 4);
    else throw new DecodeError("0xc1 begins no value");
    for (; items > 0; items--) this.skip(depth + 1);
  }
}

/** @param {number} value @param {DataView} view @param {number} from @returns {Integer} */
function integerOf(value, view, from) {
  return Number.isSafeInteger(value) ? value : integer(view.getBigInt64(from));
}

/** @param {Reader} reader @param {import("./schema.js").Message} message */
function read(reader, message) {
  const made = blank(message);
  for (let pairs = reader.map(); pairs > 0; pairs--) {
    const field = message.byNumber.get(reader.uint());
    if (!field) reader.skip(0);
    else if (!field.isRepeated) made[field.name] = readOne(reader, field);
    else for (let items = reader.array(); items > 0; items--) made[field.name].push(readOne(reader, field));
  }
  return made;
}

/** @param {Reader} reader @param {import("./schema.js").Field} field @returns {unknown} */
function readOne(reader, field) {
  switch (field.type) {
    case "uint":
      return reader.uint();
    case "enum":
      return enumNumber(reader.integer());
    case "bool":
      return reader.bool();
    case "fixed64":
      return reader.fixed64();
    case "string":
      return reader.string();
    case "ticker":
      return readEntry(reader);
    default:
      return field.message && read(reader, field.message);
  }
}

/** Values that are not known, negative ones too, count as unspecified. @param {Integer} value */
const enumNumber = (value) => (typeof value === "number" && value >= 0 && value < 64 ? value : 0);

/** @param {Reader} reader */
function readEntry(reader) {
  const entry = new Entry();
  for (let pairs = reader.map(); pairs > 0; pairs--) readValue(reader, entry, reader.uint());
  return entry;
}

/** @param {Reader} reader @param {Entry} entry @param {number} number */
function readValue(reader, entry, number) {
  const place = PLACES[number] ?? -1;
  if (place === LAST_SIDE) {
    const side = reader.integer();
    if (side === 1 || side === 2) entry.values[place] = side;
  } else if (place >= 0) {
    const value = reader.integer();
    if (value < 0 && SCALES[place] !== 0) throw new DecodeError(`Ticker's field ${number} is negative`);
    entry.values[place] = value;
  } else if (number === 1) entry.id = reader.uint();
  else if (number === 12) entry.eventAgeUs = Number(reader.integer());
  else if (number === 13) entry.cleared = lowBits(reader.integer());
  else if (number === 14) entry.updates = reader.uint();
  else if (number === 15) entry.updateCount = reader.uint();
  else if (number === 16) entry.state = enumNumber(reader.integer());
  else if (number === 17) entry.lastAgeUs = Number(reader.integer());
  else if (number === 20) entry.cause = enumNumber(reader.integer());
  else reader.skip(0);
}

/**
 * Decodes one message; the last body counts, one that is not known is `undefined`.
 * @param {Uint8Array} bytes
 * @returns {import("./wire.js").Decoded | undefined}
 */
export function decodeMsgpack(bytes) {
  const reader = new Reader(bytes);
  /** @type {any} */
  let decoded;
  for (let pairs = reader.map(); pairs > 0; pairs--) {
    const number = reader.uint();
    const body = BODIES.get(number);
    if (body) decoded = { kind: body.kind, ...read(reader, body.message) };
    else if (number === DEFLATED) decoded = { kind: "deflated", bytes: reader.binary() };
    else reader.skip(0);
  }
  if (reader.at < bytes.length) throw new DecodeError("bytes follow the message");
  return decoded;
}
