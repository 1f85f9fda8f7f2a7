// The local view: applies the server's messages by the rules of the protocol. Pure: no clock, no socket.
// @ts-check
import { DELTA, RESUMED, WHOLE } from "./instrument.js";
import { Interests } from "./interests.js";
import { Breach, Table } from "./table.js";

/**
 * What a message did: the view is newer now, if only by its seq; it says nothing new; something before it was lost; the
 * server broke the protocol. After the last two {@link View.requests} has something to send.
 * @typedef {"applied" | "ignored" | "lost" | Breach} Outcome
 *
 * @typedef {{ request_id: number, subscribe: { symbols: string[], resume?: { epoch: string, seq: number } } }} SubscribeRequest
 */

/** Strings that one subscriber may ask for. */
const STRINGS_MAX = 100_000;

export class View {
  #interests = new Interests();
  #table;
  #world;
  /** @type {bigint | undefined} */
  #epoch = undefined;
  /** A snapshot part has come on this connection: before it nothing is held, so nothing else moves own seq. */
  #isBegun = false;
  /** Silent for too long: what is known may be old. */
  #isSilent = false;
  /** Skipped beats told by parts of a delta whose last part has not come. */
  #skippedInParts = 0;

  /** Own seq: everything held is known up to it. */
  seq = 0;
  ts = 0n;
  skipped = 0;
  losses = 0;
  breaches = 0;
  /** @type {Set<string>} */
  pending = new Set();

  /** @param {import("./instrument.js").World} world @param {import("./table.js").Sink} sink */
  constructor(world, sink) {
    this.#world = world;
    this.#table = new Table(world, sink);
  }

  get epoch() { return this.#epoch; }
  get size() { return this.#table.size; }
  /** @param {string} symbol */
  get(symbol) { return this.#table.get(symbol); }
  instruments() { return this.#table.instruments(); }
  /** Whether every string's answer is complete on this connection. */
  get isComplete() { return this.#interests.allHeld; }
  get hasRequests() { return this.#interests.anyWanted; }
  /** @param {string} text */
  isWanted(text) { return this.#interests.isWanted(text); }
  /** @param {string} text */
  isHeld(text) { return this.#interests.isHeld(text); }

  /** Wants strings; held ones are asked for again. @param {readonly string[]} strings checked */
  want(strings) {
    const more = strings.filter((text) => !this.#interests.has(text)).length;
    if (this.#interests.size + more > STRINGS_MAX) throw new RangeError(`a client asks for at most ${STRINGS_MAX} strings`);
    for (const text of strings) this.#interests.want(text);
    this.#interests.refresh();
  }

  /**
   * Takes strings back. Values of what is held stay until the ack (rule 7).
   * @param {readonly string[]} strings
   * @param {number} requestId
   * @returns {string[]} those of which the server has to be told
   */
  leave(strings, requestId) {
    for (const text of strings) this.pending.delete(text);
    const before = this.#interests.size;
    const told = this.#interests.leave(strings, requestId);
    this.#interests.refresh();
    if (this.#interests.size < before) this.#dropUncovered();
    this.#refreshCurrent();
    return told;
  }

  /** The subscribes to send, each with the position to resume from where one is known. @param {() => number} nextRequestId @returns {SubscribeRequest[]} */
  requests(nextRequestId) {
    const asks = this.#interests.ask(nextRequestId);
    this.#interests.refresh();
    return asks.map(({ requestId, strings, known }) => {
      /** @type {SubscribeRequest["subscribe"]} */
      const subscribe = { symbols: strings };
      if (this.#epoch !== undefined && known !== undefined) subscribe.resume = { epoch: String(this.#epoch), seq: known };
      return { request_id: requestId, subscribe };
    });
  }

  /** Takes the end of the connection: what was held is wanted again from own seq. */
  disconnected() {
    this.#isBegun = false;
    this.#isSilent = false;
    this.#skippedInParts = 0;
    const isAnyGone = this.#interests.disconnected(this.seq);
    this.#interests.refresh();
    if (isAnyGone) this.#dropUncovered();
    this.#refreshCurrent();
  }

  /** Takes the news that nothing was heard for long, or that something was again. @param {boolean} isSilent */
  setSilent(isSilent) {
    this.#isSilent = isSilent;
    this.#refreshCurrent();
  }

  /** Applies a message. @param {import("./wire.js").Message} message @returns {Outcome} */
  apply(message) {
    try {
      return this.#apply(message);
    } catch (error) {
      if (!(error instanceof Breach)) throw error;
      this.breaches++;
      // Until a new answer begins nothing is sure to be known, so nothing is applied.
      this.#isBegun = false;
      this.#interests.startOver();
      this.#interests.refresh();
      return error;
    } finally {
      this.#refreshCurrent();
    }
  }

  /** @param {import("./wire.js").Message} message @returns {Outcome} */
  #apply(message) {
    switch (message.kind) {
      case "snapshot":
        return this.#applySnapshot(message);
      case "delta":
        return this.#applyDelta(message);
      case "heartbeat":
        return this.#applyHeartbeat(message);
      case "ack":
        return this.#dropRequest(message.requestId);
      case "error":
        if (!this.#interests.keep(message.requestId)) return this.#dropRequest(message.requestId);
        this.#interests.refresh();
        return "applied";
      default:
        return "ignored";
    }
  }

  /** Drops what an unsubscribe took back or a refused subscribe asked for. @param {number} requestId @returns {Outcome} */
  #dropRequest(requestId) {
    const isAnyGone = this.#interests.dropRequest(requestId);
    this.#interests.refresh();
    if (isAnyGone) this.#dropUncovered();
    return isAnyGone ? "applied" : "ignored";
  }

  /** Rules 3 to 6. @param {import("./wire.js").Snapshot} snapshot @returns {Outcome} */
  #applySnapshot(snapshot) {
    const { epoch, requestId, resumed } = snapshot;
    if (epoch === 0n || (resumed && this.#epoch !== epoch)) throw new Breach("a snapshot of an epoch that cannot be");
    if (this.#epoch !== epoch) {
      this.#epoch = epoch;
      this.#table.clear();
      this.#taintBegun();
      // Unasked, it is of all that was held; else that is asked for anew.
      if (requestId === 0) this.#interests.renew();
      else this.#interests.void();
      this.pending.clear();
    }
    const answering = this.#interests.answering(requestId);
    if (answering && !answering.isBegun) {
      answering.isBegun = true;
      answering.unnamed = resumed ? new Set() : this.#table.idsWhere(this.#interests.requestCovers(requestId));
    }
    this.#table.apply(snapshot, resumed ? RESUMED : WHOLE, false, (id) => answering?.unnamed.delete(id));
    this.#existsNow(snapshot);
    this.ts = snapshot.ts;
    this.seq = snapshot.seq;
    this.#isBegun = true;
    if (!snapshot.more) this.#endAnswer(snapshot);
    this.#interests.refresh();
    return "applied";
  }

  /** @param {import("./wire.js").Snapshot} last */
  #endAnswer(last) {
    for (const { symbol } of last.rejected) this.#interests.forget(symbol);
    const isUnasked = last.requestId === 0;
    if (isUnasked) this.#interests.renewed();
    // What a refused string alone covers was not answered: another string may hold it.
    const meant = this.#table.idsWhere(this.#interests.requestCovers(last.requestId));
    const answering = this.#interests.answered(last.requestId);
    if (answering) for (const id of answering.unnamed) if (meant.has(id)) this.#table.remove(id);
    if (answering && last.rejected.length > 0) this.#dropUncovered();
    if (!answering && !isUnasked) return;
    for (const text of last.pending) if (this.#interests.has(text) && !this.#table.get(text)) this.pending.add(text);
  }

  /** Rules 1 and 8. @param {import("./wire.js").Delta} delta @returns {Outcome} */
  #applyDelta(delta) {
    if (!this.#isBegun || delta.seq <= this.seq) return "ignored";
    if ((delta.prevSeq ?? delta.seq - 1) > this.seq) return this.#lose();
    // Listed while a whole answer is in its parts: it exists, whatever the other parts name.
    this.#table.apply(delta, DELTA, this.#interests.isRepairing, (id) => {
      for (const answering of this.#interests.allAnswering()) answering.unnamed.delete(id);
    });
    this.#existsNow(delta);
    this.ts = delta.ts;
    // Parts may all repeat the header's count.
    this.#skippedInParts = Math.max(this.#skippedInParts, delta.skipped);
    if (!delta.more) {
      this.seq = delta.seq;
      this.skipped += this.#skippedInParts;
      this.#skippedInParts = 0;
    }
    return "applied";
  }

  /** @param {import("./wire.js").Data} data */
  #existsNow(data) {
    if (this.pending.size > 0) for (const { symbol } of data.instruments) this.pending.delete(symbol);
  }

  /** Rule 2. @param {import("./wire.js").Heartbeat} heartbeat @returns {Outcome} */
  #applyHeartbeat(heartbeat) {
    if (!this.#isBegun) return "ignored";
    if (heartbeat.prevSeq > this.seq) return this.#lose();
    this.ts = heartbeat.ts;
    this.seq = Math.max(this.seq, heartbeat.seq);
    return "applied";
  }

  /** While the repair is under way, what follows is as lost as the first: it is asked for once. @returns {Outcome} */
  #lose() {
    this.#taintBegun();
    const { anyHeld } = this.#interests;
    if (anyHeld) this.losses++;
    this.#interests.lose(this.seq);
    this.#interests.refresh();
    return anyHeld ? "lost" : "ignored";
  }

  /** What came in the parts so far is no basis any more: these answers are asked for again at their end. */
  #taintBegun() {
    for (const answering of this.#interests.allAnswering()) if (answering.isBegun) answering.isTainted = true;
  }

  #dropUncovered() {
    this.#table.retain(this.#interests.covers(), (venue) => this.#interests.touches(venue));
  }

  /**
   * None is live before the server's first answer on a connection, nor while anything that was known before, or of which
   * something was lost, is not answered to its end: a resume tells of what changed alone, in any order.
   */
  #refreshCurrent() {
    const isCurrent = this.#isBegun && !this.#isSilent && !this.#interests.isRepairing;
    if (isCurrent === this.#world.isCurrent) return;
    this.#world.isCurrent = isCurrent;
    this.#table.touch((instrument) => instrument.state === "live" && instrument.venueState === "up");
  }
}
