// A page's program as TypeScript sees it: checked, never run. What must not compile is marked so.
import { connect, formatDecimal, TickwireError } from "tickwire-client";
import type { Change, Client, Instrument, Subscription } from "tickwire-client";

const client: Client = connect("http://127.0.0.1:7070", { encoding: "msgpack", compression: "deflate", intervalMs: 100, window: 8 });

function draw(instrument: Instrument, change: Change): void {
  const price: string | undefined = instrument.bidPrice;
  const height: number = instrument.number("bidPrice") ?? 0;
  const spread: bigint = (instrument.mantissa("askPrice") ?? 0n) - (instrument.mantissa("bidPrice") ?? 0n);
  if (change.kind === "removed" || !change.has("bidPrice")) return;
  console.log(price, height, formatDecimal(spread, instrument.decimals.price), instrument.isLive, [...change.names].length);
  // @ts-expect-error: there is no such field
  change.has("bid_price");
  // @ts-expect-error: exact decimals are texts, nothing to calculate with
  instrument.bidPrice * 2;
  // @ts-expect-error: what is known is not the page's to change
  instrument.symbol = "a:B";
}

const subscription: Subscription = client.subscribe(["binance:BTCUSDT", "kraken:*"], draw);
subscription.answer.then(
  ({ pending, rejected }) => console.log(pending.join(), rejected.map((r) => r.message).join()),
  (error: unknown) => error instanceof TickwireError && console.log(error.code),
);
client.addEventListener("state", ({ detail }) => {
  const words: "connecting" | "live" | "stale" | "lost" | "closed" = detail.state;
  console.log(words, detail.retryInMs, detail.code);
});
client.addEventListener("venue", ({ detail }) => console.log(detail.name, detail.state, detail.sinceMs));
client.configure({ intervalMs: 500 }).then((granted) => console.log(granted.intervalMs, granted.window));
for (const instrument of client) console.log(instrument.symbol, client.get(instrument.symbol)?.ageMs);
console.log(client.stats.skippedBeats, client.venues.get("binance")?.reason, client.serverNowMs);
// @ts-expect-error: a client is made by connect
new Client();
// @ts-expect-error: there is no such encoding
connect("http://127.0.0.1:7070", { encoding: "xml" });
client.unsubscribe("kraken:*", draw);
client.close();
