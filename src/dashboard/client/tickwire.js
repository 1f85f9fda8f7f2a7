// The JavaScript client of tickwire: live prices in a page or in Node.js. The contract is client.d.ts.
// @ts-check
import { Client } from "./subscriber.js";
import { check } from "./options.js";

export { Client } from "./subscriber.js";
export { formatDecimal } from "./decimal.js";
export { checkPattern } from "./pattern.js";
export { TickwireError } from "./subscription.js";

/**
 * Connects and comes back after a loss.
 * @param {string | URL} [url]
 * @param {import("./client.d.ts").Options} [options]
 */
export const connect = (url, options = {}) => new Client(check(url, options));
