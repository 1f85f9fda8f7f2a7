// A market that a test makes and stops when it likes: updates pushed over HTTP.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

/** A server for {@link Market}: its own feed says nothing. */
export const QUIET = ["--feed", "synthetic?symbols=1&rate=0", "--allow-control"];

export class Market {
  #server;
  #random;
  #symbols;
  pushed = 0;

  constructor(server, random, symbols) {
    this.#server = server;
    this.#random = random;
    this.#symbols = Array.from({ length: symbols }, (_, at) => `own:S${at}`);
  }

  /** A price, often with more decimals than any before. */
  #number(least) {
    const digits = this.#random.below(4) === 0 ? this.#random.below(8) : 2;
    return `${least + this.#random.below(1_000)}.${String(this.#random.below(10 ** digits)).padStart(digits, "0").slice(0, digits)}`.replace(/\.$/, "");
  }

  #line() {
    const random = this.#random;
    const line = { symbol: random.pick(this.#symbols) };
    if (random.chance(0.7)) Object.assign(line, { bid_price: this.#number(-500), bid_size: this.#number(0) });
    if (random.chance(0.5)) Object.assign(line, { ask_price: this.#number(500), ask_size: random.chance(0.1) ? null : this.#number(0) });
    if (random.chance(0.3)) Object.assign(line, { last_price: this.#number(0), last_size: this.#number(0), last_side: random.pick(["buy", "sell"]) });
    if (random.chance(0.02)) line.state = random.pick(["live", "halted"]);
    if (Object.keys(line).length === 1) line.high = this.#number(600);
    return JSON.stringify(line);
  }

  async push(lines) {
    const body = Array.from({ length: lines }, () => this.#line()).join("\n");
    const headers = { "content-type": "application/x-ndjson" };
    const response = await fetch(new URL("/v1/updates", this.#server.url), { method: "POST", headers, body });
    const answer = await response.json();
    assert.deepEqual([response.status, answer.accepted], [200, lines], JSON.stringify(answer).slice(0, 300));
    this.pushed += lines;
  }

  /** Pushes at about this rate until told that it is enough. */
  async run(perSecond, isEnough) {
    const began = performance.now();
    while (!isEnough()) {
      const due = Math.floor(((performance.now() - began) * perSecond) / 1_000) - this.pushed;
      if (due > 0) await this.push(Math.min(due, 2_000));
      else await sleep(5);
    }
  }
}
