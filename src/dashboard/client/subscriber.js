// One connection that comes back, and all that is known through it.
// @ts-check
import { Answers } from "./answers.js";
import { Clock } from "./clock.js";
import { Handover, Reader } from "./handover.js";
import { checkPace } from "./options.js";
import { milliseconds } from "./instrument.js";
import { checkPattern } from "./pattern.js";
import { Retry } from "./retry.js";
import { CLOCKS, ERROR_CODES } from "./schema.js";
import { Session } from "./session.js";
import { Subscription, TickwireError } from "./subscription.js";
import { View } from "./view.js";

/**
 * @typedef {import("./client.d.ts").StateDetail} StateDetail
 * @typedef {import("./client.d.ts").ErrorCode} ErrorCode
 * @typedef {import("./answers.js").Pace} Pace
 */

/** @param {string | Iterable<string>} symbols */
const listOf = (symbols) => (typeof symbols === "string" ? [symbols] : [...symbols]);

/** @param {number} code */
const codeOf = (code) => /** @type {ErrorCode} */ (ERROR_CODES[code] ?? "unspecified");

export class Client extends EventTarget {
  #settings;
  #clock = new Clock();
  #retry = new Retry();
  #world = {
    isCurrent: false,
    /** @type {Map<string, import("./client.d.ts").Venue>} */
    venues: new Map(),
    serverNowMs: () => this.serverNowMs,
  };
  #view = new View(this.#world, {
    changed: (instrument) => this.#handover.changed(instrument),
    removed: (instrument) => this.#handover.changed(instrument),
    venue: (venue) => this.#venuesTold.push(venue),
  });
  /** Told when a message is applied whole: a listener may do anything. @type {import("./client.d.ts").Venue[]} */
  #venuesTold = [];
  #handover = new Handover(
    (symbol) => this.#view.get(symbol),
    () => this.#view.instruments(),
    (changed) => this.#handedOver(changed),
  );
  #answers = new Answers(this.#view);
  /** @type {Session | undefined} */
  #session = undefined;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer = undefined;
  #lastRequestId = 0;
  /** @type {StateDetail} */
  #state = { state: "connecting", reason: "", code: undefined, retryInMs: undefined };
  /** Nothing is called any more. */
  #isOver = false;
  #counts = { bytes: 0, messages: 0, deltas: 0, entries: 0, connections: 0 };
  /** @type {import("./wire.js").Welcome | undefined} */
  #welcome = undefined;
  /** @type {Pace | undefined} */
  #granted = undefined;
  /** @type {number | undefined} */
  #lagMs = undefined;

  /** @param {import("./options.js").Settings} settings */
  constructor(settings) {
    super();
    this.#settings = settings;
    this.#connect();
  }

  get state() { return this.#state; }
  get size() { return this.#view.size; }
  get pending() { return this.#view.pending; }
  get venues() { return this.#world.venues; }
  get serverNowMs() { return this.#clock.serverNowMs; }
  /** @param {string} symbol */
  get(symbol) { return this.#view.get(symbol); }
  [Symbol.iterator]() { return this.#view.instruments(); }

  get stats() {
    const { seq, epoch, skipped, losses, breaches } = this.#view;
    return {
      ...this.#counts,
      skippedBeats: skipped,
      losses,
      breaches,
      seq,
      epoch: epoch?.toString(),
      intervalMs: this.#granted?.intervalMs ?? this.#welcome?.intervalMs,
      window: this.#granted?.window,
      lagMs: this.#lagMs,
      rttMs: this.#clock.rttMs,
      clockOffsetMs: this.#clock.offsetMs,
      server: this.#welcome?.server,
      session: this.#welcome?.session,
      clock: this.#welcome && /** @type {"wall" | "tape"} */ (CLOCKS[this.#welcome.clock]),
    };
  }

  /** @param {string | Iterable<string>} symbols @param {import("./client.d.ts").OnChange} [onChange] */
  subscribe(symbols, onChange) {
    if (onChange !== undefined && typeof onChange !== "function") throw new TypeError("onChange is not a function");
    const strings = [...new Set(listOf(symbols).map(checkPattern))];
    const reader = new Reader(strings, onChange);
    const subscription = new Subscription(reader, () => this.#drop(reader, [...reader.strings]));
    if (this.#isClosed) {
      subscription.fail(new TickwireError("closed", "the client is closed"));
      return subscription;
    }
    this.#view.want(strings.filter((text) => !this.#view.isWanted(text)));
    this.#answers.add(subscription);
    this.#handover.add(reader);
    this.#session?.ask();
    this.#answers.settle();
    return subscription;
  }

  /** @param {string | Iterable<string>} symbols @param {import("./client.d.ts").OnChange} [onChange] */
  unsubscribe(symbols, onChange) {
    const strings = listOf(symbols);
    for (const reader of [...this.#handover.readers]) {
      if (onChange === undefined || reader.onChange === onChange) this.#drop(reader, strings);
    }
  }

  /** @param {{ intervalMs?: number, window?: number }} pace @returns {Promise<Pace>} */
  configure({ intervalMs, window }) {
    checkPace({ intervalMs, window });
    if (this.#isClosed) return Promise.reject(new TickwireError("closed", "the client is closed"));
    if (intervalMs !== undefined) this.#settings.intervalMs = intervalMs;
    if (window !== undefined) this.#settings.window = window;
    const granted = this.#answers.pace();
    this.#session?.configure();
    return granted;
  }

  close() {
    if (this.#isClosed) return this.#end();
    this.#session?.close();
    this.#session = undefined;
    clearTimeout(this.#timer);
    this.#view.disconnected();
    this.#finish("closed by the program", undefined);
  }

  get #isClosed() {
    return this.#state.state === "closed";
  }

  #connect() {
    this.#setState({ state: "connecting", reason: "", code: undefined, retryInMs: undefined });
    if (this.#isClosed) return;
    this.#session = new Session(this.#view, this.#settings, this.#clock, () => ++this.#lastRequestId, this.#retry.patience, {
      heard: (bytes) => { this.#counts.bytes += bytes; },
      greeted: (welcome) => this.#greeted(welcome),
      silent: (isSilent) => this.#silent(isSilent),
      took: (message) => this.#took(message),
      repairing: (reason) => this.#dispatch("resync", { reason }),
      ended: (end) => this.#ended(end),
    });
  }

  /** What throws at the first try is told to who connects; later it is a loss like any other. */
  #reconnect() {
    try {
      this.#connect();
    } catch (error) {
      const reason = `no connection: ${error instanceof Error ? error.message : error}`;
      this.#ended({ reason, code: undefined, isBusy: false, isSilent: false });
    }
  }

  /** @param {import("./wire.js").Welcome} welcome */
  #greeted(welcome) {
    this.#welcome = welcome;
    this.#granted = undefined;
    this.#lagMs = undefined;
    this.#counts.connections++;
    if (this.#answers.isConfiguring && this.#settings.window === 0) this.#session?.configure();
    this.#setState({ state: "live", reason: "", code: undefined, retryInMs: undefined });
  }

  /** @param {boolean} isSilent */
  #silent(isSilent) {
    const reason = isSilent ? "nothing heard for two heartbeats" : "";
    this.#setState({ state: isSilent ? "stale" : "live", reason, code: undefined, retryInMs: undefined });
    this.#handover.wake();
  }

  /** @param {import("./wire.js").Message} message */
  #took(message) {
    this.#counts.messages++;
    this.#tellVenues();
    if (this.#isClosed) return;
    switch (message.kind) {
      case "delta":
        if (!message.more) this.#counts.deltas++;
        if (this.#welcome?.clock === 0 && this.#clock.offsetMs !== undefined) {
          this.#lagMs = Math.max(0, this.serverNowMs - milliseconds(message.ts));
        }
      // falls through
      case "snapshot":
        this.#counts.entries += message.tickers.length;
        if (message.kind === "snapshot" && !message.more) this.#answered(message);
        break;
      case "ack":
        this.#acknowledged(message);
        break;
      case "error":
        this.#refused(message);
        break;
      case "goaway": {
        const { reason, reconnectAfterMs, url } = message;
        this.#dispatch("goaway", { reason, reconnectAfterMs, url });
      }
    }
    this.#handover.wake();
  }

  #tellVenues() {
    for (const venue of this.#venuesTold.splice(0)) this.#dispatch("venue", venue);
  }

  /** @param {import("./wire.js").Snapshot} snapshot */
  #answered(snapshot) {
    for (const { symbol, code, message } of snapshot.rejected) {
      const rejected = { symbol, code: codeOf(code), message };
      this.#answers.rejected(rejected);
      this.#dispatch("error", rejected);
    }
    this.#dispatch("snapshot", { seq: snapshot.seq, isResumed: snapshot.resumed });
    this.#answers.settle();
  }

  /** @param {import("./wire.js").Ack} ack */
  #acknowledged({ requestId, intervalMs, window }) {
    if (!this.#session?.isConfigured(requestId)) return;
    this.#granted = { intervalMs, window };
    this.#answers.granted(this.#granted);
  }

  /** @param {import("./wire.js").ServerError} told */
  #refused(told) {
    const error = new TickwireError(codeOf(told.code), told.message);
    if (this.#session?.isConfigured(told.requestId)) this.#answers.refused(error);
    this.#dispatch("error", { code: error.code, message: error.message, symbol: undefined });
    this.#answers.settle(error);
  }

  /** Takes strings from one reader, and from the server those that no other wants. @param {Reader} reader @param {string[]} strings */
  #drop(reader, strings) {
    const dropped = strings.filter((text) => reader.strings.has(text));
    for (const text of dropped) this.#handover.drop(reader, text);
    const others = [...this.#handover.readers];
    const unwanted = dropped.filter((text) => !others.some((other) => other.strings.has(text)));
    if (unwanted.length > 0 && this.#session) this.#session.leave(unwanted);
    else this.#view.leave(unwanted, 0);
    if (reader.strings.size === 0) this.#answers.ended(reader, new TickwireError("closed", "the subscription was ended"));
    this.#answers.settle();
  }

  /** @param {number} changed */
  #handedOver(changed) {
    this.#session?.confirm();
    this.#dispatch("frame", { changed, seq: this.#view.seq });
  }

  /** @param {import("./retry.js").End} end */
  #ended(end) {
    const { goodForMs = 0, goawayMs } = this.#session ?? {};
    this.#session = undefined;
    this.#view.disconnected();
    this.#tellVenues();
    if (this.#isClosed) return;
    const retryInMs = this.#retry.next(end, { hasToken: this.#settings.token !== undefined, goodForMs, goawayMs });
    if (retryInMs === undefined) return this.#finish(end.reason, end.code);
    this.#timer = setTimeout(() => this.#reconnect(), retryInMs);
    this.#setState({ state: "lost", reason: end.reason, code: end.code, retryInMs });
    this.#handover.wake();
  }

  /** @param {string} reason @param {number | undefined} code */
  #finish(reason, code) {
    this.#answers.closed(new TickwireError("closed", reason));
    this.#setState({ state: "closed", reason, code, retryInMs: undefined });
    // The last word: nothing is live any more.
    this.#handover.flush();
    this.#end();
  }

  #end() {
    this.#isOver = true;
    this.#handover.end();
  }

  /** @param {StateDetail} state */
  #setState(state) {
    const isSame = this.#state.state === state.state && this.#state.reason === state.reason;
    this.#state = state;
    if (!isSame || state.state === "lost") this.#dispatch("state", state);
  }

  /** @param {string} type @param {unknown} detail */
  #dispatch(type, detail) {
    if (!this.#isOver) this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
