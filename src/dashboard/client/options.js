// Where to connect and how, checked.
// @ts-check

/**
 * @typedef {object} Settings
 * @property {URL} url
 * @property {import("./client.d.ts").Encoding} encoding
 * @property {string | undefined} token
 * @property {number | undefined} intervalMs
 * @property {number} window
 * @property {new (url: string, protocol: string) => WebSocket} WebSocket
 */

const ENCODINGS = ["protobuf", "msgpack", "json"];
const COMPRESSIONS = ["none", "deflate"];
const KNOWN = ["encoding", "compression", "token", "intervalMs", "window", "WebSocket"];
const SCHEMES = new Map([["http:", "ws:"], ["https:", "wss:"], ["ws:", "ws:"], ["wss:", "wss:"]]);
const PATH = "/v1/stream";

/** A second and more at 30 deltas, 320 ms at full pace: more than a way there and back and a frame. */
const WINDOW = 32;
const WINDOW_MAX = 1024;

/** @param {unknown} value */
const shown = (value) => JSON.stringify(value) ?? String(value);

/** @param {string | URL | undefined} url @param {import("./client.d.ts").Options} options @returns {Settings} */
export function check(url, options) {
  for (const name of Object.keys(options)) {
    if (!KNOWN.includes(name)) throw new TypeError(`there is no option ${shown(name)}: ${KNOWN.join(", ")} are allowed`);
  }
  const { encoding = "protobuf", compression = "none", token, window = WINDOW } = options;
  if (!ENCODINGS.includes(encoding)) throw new TypeError(`encoding ${shown(encoding)}: ${ENCODINGS.join(", ")} are allowed`);
  if (!COMPRESSIONS.includes(compression)) {
    throw new TypeError(`compression ${shown(compression)}: ${COMPRESSIONS.join(", ")} are allowed`);
  }
  if (token !== undefined && typeof token !== "string") throw new TypeError("token is not a text");
  const Socket = options.WebSocket ?? globalThis.WebSocket;
  if (typeof Socket !== "function") {
    throw new TypeError("there is no WebSocket here: give one as the option WebSocket, such as that of the package ws");
  }
  const whole = streamUrl(url);
  if (compression !== "none") whole.searchParams.set("compression", compression);
  const { intervalMs } = options;
  checkPace({ intervalMs, window });
  return { url: whole, encoding, token, intervalMs, window, WebSocket: /** @type {Settings["WebSocket"]} */ (Socket) };
}

/** @param {{ intervalMs?: number | undefined, window?: number | undefined }} pace */
export function checkPace({ intervalMs, window }) {
  checkWithin("intervalMs", intervalMs, 10, 60_000);
  checkWithin("window", window, 0, WINDOW_MAX);
}

/** @param {string} name @param {unknown} value @param {number} least @param {number} most */
function checkWithin(name, value, least, most) {
  if (value === undefined || (Number.isInteger(value) && Number(value) >= least && Number(value) <= most)) return;
  throw new TypeError(`${name} ${shown(value)}: a whole number from ${least} to ${most} is allowed`);
}

/** @param {string | URL | undefined} given */
function streamUrl(given = new URL("/", import.meta.url)) {
  const example = "a URL such as http://127.0.0.1:7070 is needed";
  let url;
  try {
    url = new URL(given);
  } catch {
    throw new TypeError(`${shown(given)}: ${example}`);
  }
  const scheme = SCHEMES.get(url.protocol);
  if (!scheme || !url.host) throw new TypeError(`${shown(String(given))}: ${example}; http, https, ws and wss are allowed`);
  url.protocol = scheme;
  url.hash = "";
  url.pathname = `${url.pathname.replace(/\/+$/, "").replace(/\/v1\/stream$/, "")}${PATH}`;
  return url;
}
