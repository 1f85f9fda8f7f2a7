// A program in Node.js without a page's types: checked, never run.
import { checkPattern, connect, type Change, type Instrument } from "tickwire-client";
import { WebSocket } from "ws";

const client = connect("http://127.0.0.1:7070", { WebSocket, token: "secret" });
const once = new AbortController();

client.addEventListener("state", ({ detail }) => console.log(detail.state, detail.reason), { once: true, signal: once.signal });
const onFrame = (event: CustomEvent<{ readonly changed: number }>): void => console.log(event.detail.changed);
client.addEventListener("frame", onFrame);
client.removeEventListener("frame", onFrame);
client.addEventListener("anything else", { handleEvent: (event) => console.log(event.type) });
// @ts-expect-error: a state is no venue
client.addEventListener("state", ({ detail }) => console.log(detail.sinceMs));
client.subscribe(checkPattern("binance:*"), (instrument: Instrument, change: Change) => console.log(instrument.symbol, change.kind));
