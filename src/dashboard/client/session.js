// One connection's decisions: what to ask, when it is silent, when to give it up.
// @ts-check
import { Link } from "./link.js";
import { inRequests } from "./interests.js";
import { ERROR_CODES } from "./schema.js";
import { Breach } from "./table.js";

/**
 * @typedef {object} Listener
 * @property {(bytes: number) => void} heard
 * @property {(welcome: import("./wire.js").Welcome) => void} greeted
 * @property {(isSilent: boolean) => void} silent
 * @property {(message: import("./wire.js").Message) => void} took the view has it
 * @property {(reason: string) => void} repairing
 * @property {(end: import("./retry.js").End) => void} ended
 */

/** The server greets at once; one far away is connected within a second or two. */
const WELCOME_MS = 10_000;
/** Shorter silences would take a pause of the scheduler for a lost connection. */
const SILENT_MS_MIN = 2_000;
const LOST_MS_MIN = 3_000;
const CHECK_MS = 500;
/** A check that comes so late says that the page stood still, not that the server was silent. */
const LATE_MS = 1_000;
const PING_MS = 10_000;
/** Repairs on one connection before another one is tried, counted anew after so long without any. */
const REPAIRS_MAX = 8;
const REPAIRS_ANEW_MS = 5_000;

/** The same request may be granted later. */
const PASSING = new Set(["rate_limited", "internal"].map((code) => ERROR_CODES.indexOf(code)));

export class Session {
  #view;
  #settings;
  #clock;
  #listener;
  #nextRequestId;
  #patience;
  #link;
  #timer;
  #heardMs = performance.now();
  #checkedMs = performance.now();
  #pingedMs = 0;
  #isLenient = false;
  #isSilent = false;
  /** Of the welcome; 0 before it. */
  #heartbeatMs = 0;
  #repairs = 0;
  #repairedMs = -Infinity;
  #completeSinceMs = Infinity;
  #isOver = false;
  /** Deltas or an answer came that are not yet confirmed. An answer that repairs a loss stands for the deltas lost. */
  #owesReceived = false;
  /** Own seq of the last `received`. */
  #confirmedSeq = -1;
  #configureId = 0;
  /** The delay that the server asked for. @type {number | undefined} */
  goawayMs = undefined;

  /**
   * @param {import("./view.js").View} view
   * @param {import("./options.js").Settings} settings
   * @param {import("./clock.js").Clock} clock
   * @param {() => number} nextRequestId
   * @param {number} patience how many times longer than usual a silence may be before the connection is given up
   * @param {Listener} listener
   */
  constructor(view, settings, clock, nextRequestId, patience, listener) {
    this.#view = view;
    this.#settings = settings;
    this.#clock = clock;
    this.#nextRequestId = nextRequestId;
    this.#patience = patience;
    this.#listener = listener;
    const { url, intervalMs } = settings;
    if (intervalMs !== undefined) url.searchParams.set("interval_ms", String(intervalMs));
    this.#link = new Link(settings, {
      opened: () => this.#opened(),
      heard: (bytes) => this.#heard(bytes),
      message: (message) => this.#message(message),
      ended: (reason, code, refusal) => this.#end({ reason, code, isBusy: false, isSilent: false, refusal }),
    });
    this.#timer = setInterval(() => this.#check(), CHECK_MS);
  }

  get isGreeted() {
    return this.#heartbeatMs > 0;
  }

  /** How long everything was complete. */
  get goodForMs() {
    return Math.max(0, performance.now() - this.#completeSinceMs);
  }

  /** Sends what the view wants to ask. */
  ask() {
    if (!this.isGreeted || this.#isOver || !this.#view.hasRequests) return;
    for (const request of this.#view.requests(this.#nextRequestId)) this.#link.send(request);
  }

  /** Takes strings back. @param {readonly string[]} strings */
  leave(strings) {
    for (const some of inRequests(strings)) {
      const request_id = this.#nextRequestId();
      const symbols = this.#view.leave(some, request_id);
      if (symbols.length > 0) this.#link.send({ request_id, unsubscribe: { symbols } });
    }
  }

  /** Sends pace and window as they are set now. */
  configure() {
    if (!this.isGreeted) return;
    const { intervalMs, window } = this.#settings;
    this.#configureId = this.#nextRequestId();
    this.#link.send({ request_id: this.#configureId, configure: { interval_ms: intervalMs, window } });
  }

  /** Whether an answer is that to the newest `configure`. @param {number} requestId */
  isConfigured(requestId) {
    return requestId === this.#configureId;
  }

  /** The page has what came: the server may send more. */
  confirm() {
    if (!this.#owesReceived) return;
    this.#owesReceived = false;
    const { seq } = this.#view;
    if (seq === this.#confirmedSeq) return;
    this.#confirmedSeq = seq;
    this.#link.send({ received: { seq } });
  }

  close() {
    this.#isOver = true;
    clearInterval(this.#timer);
    this.#link.close();
  }

  #opened() {
    const { token } = this.#settings;
    if (token !== undefined) this.#link.send({ request_id: this.#nextRequestId(), authenticate: { token } });
  }

  /** @param {number} bytes */
  #heard(bytes) {
    this.#listener.heard(bytes);
    // Before the welcome only the welcome counts.
    if (this.isGreeted) this.#heardMs = performance.now();
    this.#isLenient = false;
    if (this.#isSilent) this.#setSilent(false);
  }

  /** @param {boolean} isSilent */
  #setSilent(isSilent) {
    this.#isSilent = isSilent;
    this.#view.setSilent(isSilent);
    this.#listener.silent(isSilent);
  }

  /** @param {import("./wire.js").Message} message */
  #message(message) {
    // A listener closed when it was told that something is heard.
    if (this.#isOver) return;
    if (message.kind === "error" && PASSING.has(message.code)) {
      // Not for the view: it would forget the symbols, which the next connection asks for again.
      return this.#giveUp(`refused for now: ${message.message}`, { isBusy: true });
    }
    const outcome = this.#view.apply(message);
    if (outcome instanceof Breach) this.#repair(`the server broke the protocol: ${outcome.message}`);
    else if (outcome === "lost") this.#repair("something was lost on the way");
    if (this.#isOver) return;
    if (message.kind === "welcome") this.#welcome(message);
    else if (message.kind === "pong") this.#clock.pong(message);
    else if (message.kind === "goaway") this.goawayMs = message.reconnectAfterMs;
    else if ((message.kind === "delta" || message.kind === "snapshot") && !message.more) this.#owesReceived = this.#settings.window > 0;
    this.ask();
    if (!this.#view.isComplete) this.#completeSinceMs = Infinity;
    else if (this.#completeSinceMs === Infinity) this.#completeSinceMs = performance.now();
    this.#listener.took(message);
  }

  /** @param {import("./wire.js").Welcome} welcome */
  #welcome(welcome) {
    // Another one would be against the protocol; it changes nothing then.
    if (this.isGreeted) return;
    this.#heartbeatMs = Math.max(1, welcome.heartbeatMs);
    this.#heardMs = performance.now();
    if (this.#settings.window > 0) this.configure();
    this.#clock.forget();
    this.#ping();
    this.#listener.greeted(welcome);
  }

  #ping() {
    this.#pingedMs = performance.now();
    this.#link.send(this.#clock.ping());
  }

  #check() {
    if (this.isGreeted && this.#clock.hasStepped) {
      this.#clock.forget();
      this.#ping();
    }
    const now = performance.now();
    const isLate = now - this.#checkedMs > CHECK_MS + LATE_MS;
    this.#checkedMs = now;
    if (isLate && !this.#isLenient) {
      // What came meanwhile stands behind this check in the queue of events.
      this.#isLenient = true;
      return;
    }
    const silence = now - this.#heardMs;
    if (!this.isGreeted) {
      if (silence >= WELCOME_MS) this.#giveUp(`no welcome within ${WELCOME_MS} ms`, {});
    } else if (silence >= Math.max(LOST_MS_MIN, 3 * this.#heartbeatMs) * this.#patience) {
      this.#giveUp(`silent for ${Math.round(silence)} ms`, { isSilent: true });
    } else if (silence >= Math.max(SILENT_MS_MIN, 2 * this.#heartbeatMs)) {
      if (!this.#isSilent) this.#setSilent(true);
    } else if (now - this.#pingedMs >= PING_MS) this.#ping();
  }

  /** @param {string} reason */
  #repair(reason) {
    const now = performance.now();
    if (now - this.#repairedMs >= REPAIRS_ANEW_MS) this.#repairs = 0;
    this.#repairedMs = now;
    this.#repairs++;
    if (this.#repairs > REPAIRS_MAX) this.#giveUp(`the stream cannot be repaired: ${reason}`, { isBusy: true });
    else this.#listener.repairing(reason);
  }

  /** @param {string} reason @param {{ isBusy?: boolean, isSilent?: boolean }} why */
  #giveUp(reason, { isBusy = false, isSilent = false }) {
    this.#end({ reason, code: undefined, isBusy, isSilent });
    this.#link.close();
  }

  /** @param {import("./retry.js").End} end */
  #end(end) {
    this.#isOver = true;
    clearInterval(this.#timer);
    this.#listener.ended(end);
  }
}
