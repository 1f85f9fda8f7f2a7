// What the server has, from `/v1/symbols`; asked again only after a while.

import { asReader } from "./signin.js";

/** New instruments may wait so long for their place among the suggestions. */
const FRESH_MS = 15_000;

let asked = 0;
let names = Promise.resolve([]);

async function fetchNames() {
  const answer = await fetch("/v1/symbols", asReader());
  if (!answer.ok) throw new Error(`the server's symbols could not be read: ${answer.status}`);
  return (await answer.json()).instruments.map((instrument) => instrument.symbol);
}

/** All symbols of the server, by name. */
export function symbolsOfServer() {
  const now = performance.now();
  if (asked === 0 || now - asked > FRESH_MS) {
    asked = now;
    names = fetchNames().then((list) => list.sort());
    // A server that has just been started has none yet, and one that cannot be reached may be: the next one asks anew.
    names.then((list) => list.length > 0 || (asked = 0), () => (asked = 0));
  }
  return names;
}
