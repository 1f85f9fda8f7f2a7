// An HTTP error in place of the upgrade. Browsers keep it to themselves; the package `ws` tells.
// @ts-check

/** Longer than any sentence of a server's. */
const BODY_LENGTH_MAX = 4_096;
const WORDS_LENGTH_MAX = 1_024;

/**
 * What is used of the package's socket and of Node.js' HTTP.
 * @typedef {{ on(event: "unexpected-response", told: (request: { destroy(): void }, response: Response) => void): void }} Telling
 * @typedef {object} Response
 * @property {number} statusCode
 * @property {Record<string, string | undefined>} headers
 * @property {(encoding: "utf8") => void} setEncoding
 * @property {(event: "data" | "close" | "error", call: (data: unknown) => void) => void} on
 */

/**
 * Calls once where a socket tells of a refused upgrade.
 * @param {object} socket
 * @param {(reason: string, refusal: import("./retry.js").Refusal) => void} refused
 */
export function listenForRefusal(socket, refused) {
  if (!("on" in socket) || typeof socket.on !== "function") return;
  /** @type {Telling} */ (socket).on("unexpected-response", (request, response) => {
    let body = "";
    const end = () => {
      const words = wordsOf(body);
      const seconds = /^[0-9]{1,9}$/.exec(response.headers["retry-after"]?.trim() ?? "");
      const retryAfterMs = seconds ? Number(seconds[0]) * 1000 : undefined;
      const { statusCode: status } = response;
      refused(`refused with HTTP status ${status}${words ? `: ${words}` : ""}`, { status, retryAfterMs });
    };
    response.setEncoding("utf8");
    response.on("data", (text) => {
      body += text;
      if (body.length > BODY_LENGTH_MAX) request.destroy();
    });
    response.on("error", () => {});
    response.on("close", end);
  });
}

/** The server's sentence. @param {string} body */
function wordsOf(body) {
  try {
    return String(JSON.parse(body).error.message).slice(0, WORDS_LENGTH_MAX);
  } catch {
    return body.trim().slice(0, WORDS_LENGTH_MAX);
  }
}
