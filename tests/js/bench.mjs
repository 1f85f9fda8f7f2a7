// What a delta of 13 entries costs the page, by encoding: decoded, and decoded and applied. `node bench.mjs`
//
// A regression means that 5,000 changes a second cost a page more than the few milliseconds that they do now. protobufjs,
// which decodes only, stands beside it for scale.
import { decode } from "../../src/dashboard/client/wire.js";
import { View } from "../../src/dashboard/client/view.js";
import { Random } from "./support/random.js";
import { ServerMessage, inJson, inMessagePack, inProtobuf } from "./support/referees.js";

const ENTRIES = 13;
const DELTAS = 200;
const ROUNDS = 150;

const random = new Random(1);
const price = () => BigInt(6_000_000 + random.below(1_000_000));
const size = () => BigInt(random.below(100_000_000));

/** As a market gives them: quotes mostly, some trades. */
function entry(id) {
  const quote = { bid_price: price(), bid_size: size(), ask_price: price(), ask_size: size() };
  const trade = random.chance(0.3) ? { last_price: price(), last_size: size(), volume: size(), last_side: 1 } : {};
  return { id, ...quote, ...trade, event_age_us: BigInt(random.below(50_000)) };
}

const instruments = Array.from({ length: 100 }, (_, at) => ({ id: at + 1, symbol: `binance:S${at}`, price_decimals: 2, size_decimals: 5, volume_decimals: 18 }));
const start = { seq: 1, epoch: 1n, ts: 1n, request_id: 1, instruments, tickers: instruments.map(({ id }) => entry(id)) };
const deltas = Array.from({ length: DELTAS }, (_, at) => {
  const tickers = Array.from({ length: ENTRIES }, () => entry(1 + random.below(100)));
  return { delta: { seq: at + 2, prev_seq: at + 1, ts: 1723104000010000000n, tickers } };
});

const forms = {
  protobuf: (message) => inProtobuf(message),
  // No unknown fields here.
  msgpack: (message) => inMessagePack({ chance: () => false }, message),
  json: (message) => inJson(message),
};

/** Microseconds for one delta: the best round, after as many to warm up. */
function cost(run) {
  let best = Infinity;
  for (let round = 0; round < 2 * ROUNDS; round++) {
    const began = performance.now();
    run();
    if (round >= ROUNDS) best = Math.min(best, performance.now() - began);
  }
  return ((best * 1_000) / DELTAS).toFixed(2);
}

function applied(encoding, whole, all) {
  const world = { isCurrent: false, venues: new Map(), serverNowMs: () => 0 };
  const view = new View(world, { changed() {}, removed() {}, venue() {} });
  view.want(["binance:*"]);
  view.requests(() => 1);
  for (const data of [whole, ...all]) view.apply(decode(encoding, data));
}

console.log("encoding   bytes   decode us   decode + apply us");
for (const [encoding, form] of Object.entries(forms)) {
  const all = deltas.map(form);
  const whole = form({ snapshot: start });
  const bytes = Math.round(all.reduce((sum, data) => sum + data.length, 0) / DELTAS);
  const decoding = cost(() => all.forEach((data) => decode(encoding, data)));
  const both = cost(() => applied(encoding, whole, all));
  console.log(`${encoding.padEnd(8)} ${String(bytes).padStart(7)} ${decoding.padStart(11)} ${both.padStart(19)}`);
}
const all = deltas.map(forms.protobuf);
console.log(`protobufjs, decode only: ${cost(() => all.forEach((data) => ServerMessage.decode(data)))} us`);
