// The public contract of the JavaScript client. Units stand last in a name: `Ms` is milliseconds.

/** A value of an instrument. */
export type FieldName =
  | "bidPrice" | "bidSize" | "askPrice" | "askSize" | "lastPrice" | "lastSize"
  | "volume" | "open" | "high" | "low" | "tradeCount" | "lastSide";

/** What may be in a {@link Change}; `state` stands for state and cause, `isLive` for all that it follows from. */
export type ChangeName = FieldName | "decimals" | "state" | "isLive";

export type InstrumentState = "live" | "stale" | "halted";
export type StaleCause = "gap" | "silent" | "disconnected" | "checksum" | "restart";
export type VenueState = "up" | "stale" | "down";
export type Encoding = "protobuf" | "msgpack" | "json";
export type Compression = "none" | "deflate";

/** Error codes of the server, in the words of the protocol. */
export type ErrorCode =
  | "invalid_message" | "unauthenticated" | "forbidden" | "invalid_symbol" | "too_many_symbols"
  | "rate_limited" | "unsupported" | "not_subscribed" | "internal" | "unspecified";

export interface Options {
  /** How messages become bytes; `"protobuf"` unless set. */
  encoding?: Encoding;
  /** Whether the server may deflate; `"none"` unless set. */
  compression?: Compression;
  /** Credentials, sent in an `authenticate` message. */
  token?: string;
  /** At most one delta in so long, 10 to 60000; the server's beat unless set. */
  intervalMs?: number;
  /**
   * Deltas that may be on their way or waiting for the page; beyond it the server skips beats for this client and sends
   * the newest values later. 32 unless set; 0 is off. It keeps a hidden or busy page from filling its memory.
   */
  window?: number;
  /** The WebSocket constructor, for Node.js before 22: that of the package `ws` or of `undici`. */
  WebSocket?: unknown;
}

/**
 * Connects and comes back after every loss but those after which the same would happen again: the close codes 1009, 4500, 4501,
 * 4505 and 4507, 4502 without a token, and, where the socket tells of it, an upgrade that is refused for good.
 *
 * `url` is `http://HOST:PORT`, `https:`, `ws:` or `wss:`, with or without `/v1/stream`; left out, it is the server that this
 * module came from. Throws a `TypeError` for options that cannot be.
 */
export function connect(url?: string | URL, options?: Options): Client;

/** Writes `mantissa` x 10^-`decimals` without floats: `formatDecimal(6183763n, 2)` is `"61837.63"`. */
export function formatDecimal(mantissa: bigint | number, decimals: number): string;

/** The text, if it is a symbol or a pattern that could match one; else throws a `TypeError` with what is allowed. */
export function checkPattern(text: unknown): string;

/**
 * `connecting`: no welcome yet. `live`: connected and heard. `stale`: connected, but silent for two heartbeats. `lost`: no
 * connection, the next try in `retryInMs`. `closed`: by `close()`, or given up; no other state follows.
 */
export type ConnectionState = "connecting" | "live" | "stale" | "lost" | "closed";

export interface StateDetail {
  readonly state: ConnectionState;
  /** Why, in words; empty for `connecting` and `live`. */
  readonly reason: string;
  /** The close code, where the connection was closed with one. */
  readonly code: number | undefined;
  /** With `lost`: when the next connection is tried. */
  readonly retryInMs: number | undefined;
}

export interface Venue {
  readonly name: string;
  readonly state: VenueState;
  /** When it entered this state, since 1970. */
  readonly sinceMs: number;
  /** In the server's words. */
  readonly reason: string;
}

export interface ErrorDetail {
  readonly code: ErrorCode;
  readonly message: string;
  /** The symbol, where one alone was refused. */
  readonly symbol: string | undefined;
}

export interface SnapshotDetail {
  readonly seq: number;
  /** It held only what changed since the connection was lost. */
  readonly isResumed: boolean;
}

export interface ResyncDetail {
  /** What was lost, or which rule the server broke. */
  readonly reason: string;
}

export interface GoawayDetail {
  readonly reason: string;
  readonly reconnectAfterMs: number;
  /** Where the server asks to go, if elsewhere; told only, not followed. */
  readonly url: string;
}

export interface ClientEventMap {
  /** The state of the connection is another one, or `lost` for another reason. */
  state: CustomEvent<StateDetail>;
  /** A venue's state was told. */
  venue: CustomEvent<Venue>;
  /** The server refused a request or a symbol; it is not asked for again. */
  error: CustomEvent<ErrorDetail>;
  /** The answer to a subscribe, or the resume after a loss, is complete. */
  snapshot: CustomEvent<SnapshotDetail>;
  /** Something was lost on the way: what was held has been asked for again. */
  resync: CustomEvent<ResyncDetail>;
  /** The server is about to close. */
  goaway: CustomEvent<GoawayDetail>;
  /** After each handover, once per animation frame: everything that changed was given to the callbacks. */
  frame: CustomEvent<FrameDetail>;
}

export interface FrameDetail {
  /** Instruments with a change. */
  readonly changed: number;
  readonly seq: number;
}

/** What is known of one instrument: always the newest, also between two callbacks. Remember `symbol`, not the object. */
export interface Instrument {
  /** `venue:NAME` */
  readonly symbol: string;
  readonly venue: string;
  readonly name: string;
  /** Digits after the point. */
  readonly decimals: { readonly price: number; readonly size: number; readonly volume: number };

  /** Exact decimals with all their digits, such as `"61837.60"`; `undefined` where there is no value. */
  readonly bidPrice: string | undefined;
  readonly bidSize: string | undefined;
  readonly askPrice: string | undefined;
  readonly askSize: string | undefined;
  readonly lastPrice: string | undefined;
  readonly lastSize: string | undefined;
  /** Of the venue's day or the last 24 h, as are `open`, `high`, `low` and `tradeCount`. */
  readonly volume: string | undefined;
  readonly open: string | undefined;
  readonly high: string | undefined;
  readonly low: string | undefined;
  readonly tradeCount: string | undefined;
  /** The aggressor of the last trade. */
  readonly lastSide: "buy" | "sell" | undefined;

  /** The value as text, by the field's name. */
  text(field: FieldName): string | undefined;
  /** The nearest float: for drawing, not for money. `lastSide` is 1 for buy, 2 for sell. */
  number(field: FieldName): number | undefined;
  /** The exact value x 10^decimals, for exact sums. */
  mantissa(field: FieldName): bigint | undefined;

  /** The instrument's own state; `undefined` while the server has not said one. */
  readonly state: InstrumentState | undefined;
  /** Why it is stale. */
  readonly cause: StaleCause | undefined;
  /** `undefined` while the venue's state has not been told. */
  readonly venueState: VenueState | undefined;
  /** The connection stands, the venue is up and the instrument is live: only then its prices are current. */
  readonly isLive: boolean;
  /** The client does not hold it any more. */
  readonly isRemoved: boolean;

  /** The server's stamp of the newest entry, since 1970. */
  readonly tsMs: number;
  /** The venue's own stamp of the newest update that had one. */
  readonly tsEventMs: number | undefined;
  /** The venue's own stamp of the last trade. */
  readonly tsLastMs: number | undefined;
  /** From the venue's stamp to the server's, of the newest update that had one; negative where the venue's clock is ahead. */
  readonly eventAgeMs: number | undefined;
  /** From the server's stamp of the newest entry until now, by the server's clock. Grows between updates. */
  readonly ageMs: number;
  /** Updates of the source since the server's epoch began. */
  readonly updateCount: number;
}

/** What changed since the last callback; updates in between are one. */
export interface Change {
  /** `added`: not handed over to this callback before. `removed`: the last callback, values as they were. */
  readonly kind: "added" | "changed" | "removed";
  /** Whether the value differs from the one before. Of a trade, `lastPrice` and `lastSize` count even where they are equal. */
  has(name: ChangeName): boolean;
  /** All names that {@link Change.has} is true for. */
  readonly names: ReadonlySet<ChangeName>;
}

/** An exception is reported as one of an event listener is, and keeps nobody else waiting. */
export type OnChange = (instrument: Instrument, change: Change) => void;

export interface Rejected {
  readonly symbol: string;
  readonly code: ErrorCode;
  readonly message: string;
}

export interface Answer {
  /** Exact symbols that do not exist yet: their instruments come when they appear. */
  readonly pending: readonly string[];
  /** Symbols that the server refused; the others stand. */
  readonly rejected: readonly Rejected[];
}

export interface Subscription {
  readonly symbols: readonly string[];
  /**
   * Resolves when all symbols have their values. Rejects with a {@link TickwireError} where the server refused the whole
   * request or the subscription ended before; whoever does not look at it is not disturbed by that.
   */
  readonly answer: Promise<Answer>;
  /** Ends the callback. Symbols that no other subscription wants are given back to the server. */
  unsubscribe(): void;
}

/** Why the server, or the client, could not do what was asked. */
export class TickwireError extends Error {
  readonly code: ErrorCode | "closed";
}

/** All are since `connect`, unless said otherwise. */
export interface Stats {
  /** As they came, deflated or not; of JSON text, its characters. */
  readonly bytes: number;
  readonly messages: number;
  /** Parts of one delta are one. */
  readonly deltas: number;
  /** Instruments' entries in snapshots and deltas. */
  readonly entries: number;
  /** Beats that the server skipped for this client, because the network or the page was slow. */
  readonly skippedBeats: number;
  /** Times that something was lost and asked for again. */
  readonly losses: number;
  /** Messages by which the server broke the protocol. */
  readonly breaches: number;
  /** Connections that were greeted. */
  readonly connections: number;
  readonly seq: number;
  /** As decimal text. */
  readonly epoch: string | undefined;
  /** The pace and the window as granted on this connection. */
  readonly intervalMs: number | undefined;
  readonly window: number | undefined;
  /** The newest delta's way from the server's beat to this client, by the server's clock; 0 where less than the clocks tell. */
  readonly lagMs: number | undefined;
  /** Measured by a ping every 10 s. */
  readonly rttMs: number | undefined;
  /** The server's clock minus this one's. */
  readonly clockOffsetMs: number | undefined;
  /** Name and version. */
  readonly server: string | undefined;
  /** The session's name in the server's log. */
  readonly session: string | undefined;
  /** `tape`: the server's stamps are a recording's time. */
  readonly clock: "wall" | "tape" | undefined;
}

/** As of any `EventTarget`; spelled out, because the names of these types differ between browsers and Node.js. */
export type Listener = ((event: Event) => void) | { handleEvent(event: Event): void };
export interface ListenerOptions {
  capture?: boolean;
  once?: boolean;
  passive?: boolean;
  signal?: AbortSignal;
}

/** One connection that comes back, and all that is known through it. Iterates over the instruments held. */
export class Client extends EventTarget implements Iterable<Instrument> {
  private constructor();
  readonly state: StateDetail;
  /**
   * Wants symbols (`"binance:BTCUSDT"`) or patterns (`"binance:*"`), now and after each reconnect. `onChange` is called once
   * per animation frame for each instrument with a change, also for those that a pattern takes in later.
   *
   * Throws a `TypeError` for a text that could never be a symbol, before anything is asked.
   */
  subscribe(symbols: string | Iterable<string>, onChange?: OnChange): Subscription;
  /** Ends all subscriptions' interest in these strings, or only that of the subscriptions with this callback. */
  unsubscribe(symbols: string | Iterable<string>, onChange?: OnChange): void;
  /** Changes pace and window, now and for later connections. Resolves to what was granted. */
  configure(settings: { intervalMs?: number; window?: number }): Promise<{ intervalMs: number; window: number }>;
  get(symbol: string): Instrument | undefined;
  /** Number of instruments held. */
  readonly size: number;
  [Symbol.iterator](): IterableIterator<Instrument>;
  readonly venues: ReadonlyMap<string, Venue>;
  /** Exact symbols that the server accepted but does not have yet. */
  readonly pending: ReadonlySet<string>;
  readonly stats: Stats;
  /** The server's clock now, since 1970, as far as pings tell. */
  readonly serverNowMs: number;
  /** Ends it all; nothing is called after it. */
  close(): void;

  addEventListener<K extends keyof ClientEventMap>(
    type: K,
    listener: ((event: ClientEventMap[K]) => void) | null,
    options?: boolean | ListenerOptions,
  ): void;
  addEventListener(type: string, listener: Listener | null, options?: boolean | ListenerOptions): void;
  removeEventListener<K extends keyof ClientEventMap>(
    type: K,
    listener: ((event: ClientEventMap[K]) => void) | null,
    options?: boolean | { capture?: boolean },
  ): void;
  removeEventListener(type: string, listener: Listener | null, options?: boolean | { capture?: boolean }): void;
}
