// The JavaScript client of tickwire: live prices in a page or in Node.js. The contract is client.d.ts.
// @ts-check
import { Client } from "./client.js";
import { check } from "./options.js";

export { Client } from "./client.js";
export { formatDecimal } from "./decimal.js";
export { TickwireError } from "./subscription.js";

/** @type {typeof import("./client.d.ts").connect} */
export const connect = (url, options = {}) => /** @type {any} */ (new Client(check(url, options)));
