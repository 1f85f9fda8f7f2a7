// Random messages of the server, in the neutral form that the schema's names give; from it each encoding is made.

const SYMBOLS = ["binance:BTCUSDT", "kraken:BTC/USD", "a:\u{1F600}", "$stats:updates_per_s", "a:\"\\"];
const WORDS = ["", "connected", "a \"word\"\nand another: \u00e4\u{1F600}", "x".repeat(300)];
export const DECIMALS = { price: 2, size: 5, volume: 18 };

const safe = (random) => Number(random.bits(53));
const ts = (random) => random.pick([0n, 1723104000010000000n, (1n << 64n) - 1n, random.unsigned64()]);
const list = (random, make, most = 4) => Array.from({ length: random.below(most) }, () => make(random));

/** [name, number, kind] of a ticker's fields. */
export const TICKER_FIELDS = [
  ["id", 1, "uint"], ["bid_price", 2, "price"], ["bid_size", 3, "size"], ["ask_price", 4, "price"], ["ask_size", 5, "size"],
  ["last_price", 6, "price"], ["last_size", 7, "size"], ["volume", 8, "volume"], ["open", 9, "price"], ["high", 10, "price"],
  ["low", 11, "price"], ["event_age_us", 12, "age"], ["cleared", 13, "cleared"], ["updates", 14, "uint"],
  ["update_count", 15, "uint"], ["state", 16, "enum4"], ["last_age_us", 17, "age"], ["trade_count", 18, "count"],
  ["last_side", 19, "enum3"], ["cause", 20, "enum6"],
];

const CLEARABLE = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 16, 18, 19, 20];

function tickerField(random, kind) {
  if (kind === "price") return random.signed64();
  if (kind === "size" || kind === "volume" || kind === "count") return random.unsigned64();
  if (kind === "age") return BigInt(Math.trunc((random.next() - 0.5) * 1e12));
  if (kind === "cleared") return BigInt(CLEARABLE.filter(() => random.chance(0.3)).reduce((bits, n) => bits | (1 << n), 0));
  if (kind === "uint") return random.below(2 ** 31);
  return random.below(Number(kind.slice(4)));
}

function ticker(random) {
  const made = { id: 1 + random.below(5) };
  for (const [name, , kind] of TICKER_FIELDS.slice(1)) if (random.chance(0.5)) made[name] = tickerField(random, kind);
  return made;
}

const instrument = (random) => ({
  id: 1 + random.below(5), symbol: random.pick(SYMBOLS), price_decimals: DECIMALS.price, size_decimals: DECIMALS.size,
  volume_decimals: DECIMALS.volume,
});
const venue = (random) => ({
  name: random.pick(["binance", "kraken"]), state: random.below(4), since: ts(random), reason: random.pick(WORDS),
});
const rejected = (random) => ({ symbol: random.pick(SYMBOLS), code: random.below(10), message: random.pick(WORDS) });
const id = (random) => random.below(2 ** 32);

const BODIES = {
  welcome: (r) => ({
    server: r.pick(WORDS), epoch: r.bits(53), seq: safe(r), ts: ts(r), interval_ms: r.below(60_000), heartbeat_ms: r.below(60_000),
    max_symbols: r.below(2 ** 32), max_message_bytes: r.below(2 ** 32), session: r.pick(WORDS), authenticated: r.chance(0.5),
    frame_bytes_max: r.below(2 ** 32), clock: r.below(2),
  }),
  snapshot: (r) => ({
    epoch: r.bits(53), seq: safe(r), ts: ts(r), request_id: safe(r), removed: list(r, id), instruments: list(r, instrument),
    tickers: list(r, ticker), venues: list(r, venue), resumed: r.chance(0.5), more: r.chance(0.5),
    pending: list(r, () => r.pick(SYMBOLS)), rejected: list(r, rejected),
  }),
  delta: (r) => ({
    seq: safe(r), ...(r.chance(0.5) ? { prev_seq: safe(r) } : {}), ts: ts(r), removed: list(r, id, 40),
    instruments: list(r, instrument), tickers: list(r, ticker, 30), venues: list(r, venue), skipped: r.below(2 ** 32),
    more: r.chance(0.5),
  }),
  heartbeat: (r) => ({ seq: safe(r), ts: ts(r), prev_seq: safe(r) }),
  ack: (r) => ({ request_id: safe(r), interval_ms: r.below(60_000), window: r.below(1024), symbols: r.below(2 ** 32) }),
  error: (r) => ({ request_id: safe(r), code: r.below(10), message: r.pick(WORDS) }),
  pong: (r) => ({ nonce: safe(r), ts_client: ts(r), ts_recv: ts(r), ts_sent: ts(r) }),
  goaway: (r) => ({ reason: r.pick(WORDS), reconnect_after_ms: r.below(2 ** 32), url: r.pick(WORDS) }),
};

export const KINDS = Object.keys(BODIES);

/** A message of a kind; texts, numbers, bigints, booleans and lists by the schema's names. */
export const message = (random, kind) => ({ [kind]: BODIES[kind](random) });

/** The neutral form of what the client decoded. */
export function neutral(decoded) {
  const { kind, ...body } = decoded;
  return { [kind]: plain(body) };
}

const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function plain(value) {
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  if ("values" in value) return plainTicker(value);
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined).map(([name, v]) => [snake(name), plain(v)]));
}

function plainTicker(entry) {
  const made = { id: entry.id };
  const names = TICKER_FIELDS.filter(([, number]) => (number >= 2 && number <= 11) || number === 18 || number === 19);
  names.forEach(([name, number], place) => {
    if (entry.values[place] !== undefined) made[name] = number === 19 ? entry.values[place] : BigInt(entry.values[place]);
  });
  if (entry.eventAgeUs !== undefined) made.event_age_us = BigInt(entry.eventAgeUs);
  if (entry.lastAgeUs !== undefined) made.last_age_us = BigInt(entry.lastAgeUs);
  if (entry.updates !== undefined) made.updates = entry.updates;
  if (entry.updateCount !== undefined) made.update_count = entry.updateCount;
  if (entry.cleared !== 0) made.cleared = BigInt(entry.cleared);
  if (entry.state !== 0) made.state = entry.state;
  if (entry.cause !== 0) made.cause = entry.cause;
  return made;
}

/** A message as a decoder has to give it: unspecified enums and empty `cleared` of a ticker are as good as absent. */
export function expected(message) {
  const [[kind, body]] = Object.entries(message);
  if (!body.tickers) return message;
  const tickers = body.tickers.map((ticker) => {
    const made = { ...ticker };
    for (const name of ["state", "cause", "last_side"]) if (made[name] === 0) delete made[name];
    if (made.cleared === 0n) delete made.cleared;
    return made;
  });
  return { [kind]: { ...body, tickers } };
}
