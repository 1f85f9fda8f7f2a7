// A server of one subscriber, plainly right: values with the seq of their last change, strings held. And both ends of the
// wire between them, for the law that a view which has caught up equals the truth.
import assert from "node:assert/strict";
import { Entry } from "../../../src/dashboard/client/fields.js";
import { matches } from "../../../src/dashboard/client/pattern.js";
import { View } from "../../../src/dashboard/client/view.js";

/** Strings that the subscriber gives and takes back; they overlap. */
export const STRINGS = ["a:*", "b:*", "*:X", "a:X"];
const SYMBOLS = ["a:X", "a:Y", "b:X", "b:Y", "c:X"];

export const covers = (strings, symbol) => [...strings].some((text) => matches(text, symbol));

const entryOf = (id, { value, count }) => Object.assign(new Entry(), { id, values: [value], updateCount: count, state: 1 });
const empty = { ts: 1n, removed: [], instruments: [], tickers: [], venues: [], more: false };

class Model {
  epoch = 1n;
  seq = 0;
  items = new Map();
  nextId = 1;
  held = new Set();
  /** Instruments held since a part of an answer not ended. */
  heldIds = new Set();
  lastSent = 0;
  inbox = [];

  #listed(symbol) {
    return [...this.items.values()].find((item) => item.symbol === symbol && item.removed === undefined);
  }

  change(symbol, value, updates) {
    this.seq++;
    const known = this.#listed(symbol);
    if (known) Object.assign(known, { value, changed: this.seq, count: known.count + updates });
    else this.items.set(this.nextId++, { symbol, value, count: updates, decimals: 0, listed: this.seq, changed: this.seq });
  }

  /** The precision grows: announced anew, with all values. */
  grow(symbol) {
    const known = this.#listed(symbol);
    if (!known) return;
    this.seq++;
    Object.assign(known, { listed: this.seq, changed: this.seq, decimals: Math.min(18, known.decimals + 1), value: known.value * 10 });
  }

  remove(symbol) {
    const known = this.#listed(symbol);
    if (known) known.removed = ++this.seq;
  }

  isHeld(id) {
    return this.heldIds.has(id) || covers(this.held, this.items.get(id).symbol);
  }

  /** Ids that the strings cover, of instruments that are gone too. */
  meant(strings) {
    return new Set([...this.items].filter(([, item]) => covers(strings, item.symbol)).map(([id]) => id));
  }

  /** Everything meant that changed after `since`. */
  changes(since, isMeant) {
    const all = { removed: [], instruments: [], tickers: [] };
    for (const [id, item] of this.items) {
      if (!isMeant(id)) continue;
      if (item.removed !== undefined) {
        if (item.removed > since) all.removed.push(id);
      } else if (item.changed > since) {
        const { symbol, decimals } = item;
        if (item.listed > since) all.instruments.push({ id, symbol, priceDecimals: decimals, sizeDecimals: 0, volumeDecimals: 0 });
        all.tickers.push(entryOf(id, item));
      }
    }
    return all;
  }

  deltas(inParts) {
    const { removed, instruments, tickers } = this.changes(this.lastSent, (id) => this.isHeld(id));
    // Nothing of its own: only the heartbeat would tell the seq.
    if (removed.length + tickers.length === 0) return [];
    const head = { ...empty, kind: "delta", seq: this.seq, prevSeq: this.lastSent, skipped: 0 };
    this.lastSent = this.seq;
    if (!inParts) return [{ ...head, removed, instruments, tickers }];
    return [{ ...head, removed, instruments, more: true }, { ...head, tickers }];
  }

  /** One part of an answer, after what rule 3 has sent before it. */
  part(requestId, since, meant, more) {
    const { removed, instruments, tickers } = this.changes(since ?? 0, (id) => meant.has(id));
    for (const id of meant) this.heldIds.add(id);
    this.lastSent = this.seq;
    const resumed = since !== undefined;
    const told = { epoch: this.epoch, seq: this.seq, requestId, resumed, more, instruments, tickers };
    return { ...empty, kind: "snapshot", pending: [], rejected: [], removed: resumed ? removed : [], ...told };
  }
}

/** Both ends and the wire between them. */
export class World {
  model = new Model();
  told = { changed: new Set(), removed: new Set() };
  #requests = 0;
  #random;

  constructor(random) {
    this.#random = random;
    const world = { isCurrent: false, venues: new Map(), serverNowMs: () => 0 };
    this.view = new View(world, {
      changed: (instrument) => this.told.changed.add(instrument.symbol),
      removed: (instrument) => this.told.removed.add(instrument.symbol),
      venue: () => {},
    });
  }

  /** Takes one random step; the name says which. */
  step() {
    const random = this.#random;
    const flags = [random.chance(0.5), random.chance(0.5)];
    const string = random.pick(STRINGS);
    const symbol = random.pick(SYMBOLS);
    const steps = [
      [8, () => this.model.change(symbol, random.below(100), 1 + random.below(3))],
      [1, () => this.model.remove(symbol)],
      [1, () => this.model.grow(symbol)],
      [6, () => this.#deliver(this.model.deltas(flags[0]))],
      [1, () => this.#lose()],
      [1, () => this.heartbeat()],
      [1, () => this.#disconnect()],
      [1, () => this.#beginNewEpoch()],
      [1, () => this.#renew(...flags)],
      [2, () => this.view.want([string])],
      [1, () => this.#leave(string)],
      [4, () => this.answer(...flags)],
    ];
    let at = random.below(steps.reduce((sum, [weight]) => sum + weight, 0));
    const [, run] = steps.find(([weight]) => (at -= weight) < 0);
    run();
    this.#ask();
  }

  #ask() {
    for (const request of this.view.requests(() => ++this.#requests)) this.model.inbox.push(request);
  }

  #deliver(messages) {
    for (const message of messages) {
      const outcome = this.view.apply(message);
      assert.ok(typeof outcome === "string", outcome);
    }
  }

  heartbeat() {
    this.#deliver(this.model.deltas(false));
    this.#deliver([{ kind: "heartbeat", seq: this.model.seq, ts: 1n, prevSeq: this.model.lastSent }]);
    this.#ask();
  }

  /** A loss is seen at the next delta or heartbeat. A snapshot part, which comes without a prevSeq, would hide it. */
  #lose() {
    this.model.deltas(false);
    const seq = this.model.lastSent;
    this.#deliver([{ kind: "heartbeat", seq, ts: 1n, prevSeq: seq }]);
  }

  #disconnect() {
    this.view.disconnected();
    Object.assign(this.model, { inbox: [], held: new Set(), heldIds: new Set(), lastSent: 0 });
  }

  #beginNewEpoch() {
    this.#disconnect();
    this.model.epoch++;
    this.model.items.clear();
    Object.assign(this.model, { nextId: 1, seq: 3 });
  }

  #leave(string) {
    const request_id = ++this.#requests;
    const symbols = this.view.leave([string], request_id);
    if (symbols.length > 0) this.model.inbox.push({ request_id, unsubscribe: { symbols } });
  }

  answer(inParts = false, isLost = false) {
    const request = this.model.inbox.shift();
    if (!request) return;
    if (request.unsubscribe) {
      for (const text of request.unsubscribe.symbols) this.model.held.delete(text);
      this.#deliver([{ kind: "ack", requestId: request.request_id, intervalMs: 10, window: 0, symbols: 0 }]);
    } else {
      const { symbols, resume } = request.subscribe;
      const since = resume && BigInt(resume.epoch) === this.model.epoch ? resume.seq : undefined;
      this.#tell(request.request_id, since, symbols, inParts, isLost);
    }
    this.#ask();
  }

  /** A new epoch on the same connection: all that is held is told unasked. */
  #renew(inParts, isLost) {
    this.model.epoch++;
    this.model.items.clear();
    this.model.nextId = 1;
    for (const symbol of SYMBOLS.slice(0, 3)) this.model.change(symbol, 50, 1);
    const held = [...this.model.held];
    this.model.held.clear();
    this.model.lastSent = this.model.seq;
    if (held.length > 0) this.#tell(0, undefined, held, inParts, isLost);
  }

  /** The snapshot of some strings, which are held from then on. */
  #tell(requestId, since, strings, inParts, isLost) {
    const { model } = this;
    const meant = model.meant(strings);
    let messages = model.deltas(false);
    if (!inParts) messages.push(model.part(requestId, since, meant, false));
    else {
      const first = new Set([...meant].filter((id) => id % 2 === 0));
      this.#deliver([...messages, model.part(requestId, since, first, true)]);
      model.change(SYMBOLS[2], 77, 1);
      messages = [];
      if (isLost) this.#lose();
      else messages = model.deltas(false);
      // With what was listed meanwhile.
      const rest = new Set([...model.meant(strings)].filter((id) => !first.has(id)));
      messages.push(model.part(requestId, since, rest, false));
    }
    for (const text of strings) model.held.add(text);
    model.heldIds.clear();
    this.#deliver(messages);
  }

  /** Answers everything and delivers the rest. */
  settle() {
    for (let at = 0; at < 20; at++) this.answer();
    this.heartbeat();
    for (let at = 0; at < 20; at++) this.answer();
    this.#deliver(this.model.deltas(false));
  }

  /** What the subscriber has to know: value, decimals and count by symbol. */
  truth() {
    const { items, held } = this.model;
    const alive = [...items.values()].filter((item) => item.removed === undefined && covers(held, item.symbol));
    return Object.fromEntries(alive.map((item) => [item.symbol, [BigInt(item.value), item.decimals, item.count]]));
  }

  /** What it knows. */
  known() {
    const rows = [...this.view.instruments()].map((i) => [i.symbol, [i.mantissa("bidPrice"), i.decimals.price, i.updateCount]]);
    return Object.fromEntries(rows);
  }
}
